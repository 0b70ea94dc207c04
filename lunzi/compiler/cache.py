"""Compiled objects on disk, so that a program that was compiled once loads in a moment.

An entry is a file: a line that names the format, the SHA-256 of the object, the object. What
does not fit its checksum is as good as absent. Nothing that goes wrong with the cache reaches
the user: the program is compiled then, and that is all.

    LUNZI_CACHE=FOLDER   keep the objects there
    LUNZI_CACHE=off      keep none (as does the empty word)
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from lunzi.compiler.target import Target
from lunzi.storage import write_whole
from lunzi.version import __version__

VARIABLE = "LUNZI_CACHE"
LIMIT = 256 * 2**20  # bytes of all entries together
KEPT = 0.8  # share of the limit that remains when it was passed, so that clearing is rare
ABANDONED = 3600.0  # seconds after which the file of an interrupted writer is removed

FORMAT = b"lunzi object 2\n"
SUFFIX = ".object"


def load(key: str, target: Target, make: Callable[[], bytes]) -> bytes:
    """The object of a program: from the disk if it is there, else made and kept.

    Args:
        key: says what the program computes, whole: two programs with one key are the same.
        target: the processor that the object is for.
        make: compiles the program.
    """
    folder = chosen_folder()
    if folder is None:
        return make()
    cache, name = Cache(folder), entry_name(key, target)
    code = cache.read(name)
    if code is None:
        code = make()
        cache.write(name, code)
    return code


def chosen_folder() -> Path | None:
    """Where objects are kept; None where there is no such place."""
    chosen = os.environ.get(VARIABLE)
    if chosen in ("", "off"):
        return None
    try:
        return Path(chosen).expanduser() if chosen else user_caches() / "lunzi" / "objects"
    except RuntimeError:  # of a user without a home
        return None


def user_caches() -> Path:
    """The folder in which this platform keeps what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".cache"


def entry_name(key: str, target: Target) -> str:
    """The name of an entry: from the program, and from all that turns it into machine code."""
    libraries = (llvmlite.__version__, llvm.llvm_version_info, np.__version__)
    parts = (key, target, __version__, compiler_state(), libraries)
    return hashlib.sha256(repr(parts).encode()).hexdigest() + SUFFIX


@functools.cache
def compiler_state() -> str:
    """Changes with the sources that a program's meaning and code come from.

    The version alone would hand old code to those who work on the compiler.
    """
    state = hashlib.sha256()
    package = Path(__file__).parent.parent
    for room in ("compiler", "core"):
        for path in sorted((package / room).rglob("*.py")):
            status = path.stat()
            state.update(f"{path.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return state.hexdigest()


class Cache:
    """A folder of entries that several processes may use at once.

    Args:
        folder: it is made when the first entry is written.
        limit: bytes of all entries together; those that were used last are kept.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit

    def read(self, name: str) -> bytes | None:
        """The object of an entry; None when it is absent, damaged or of another user."""
        path = self.folder / name
        try:
            with open(path, "rb", opener=open_at_once) as file:
                status = os.fstat(file.fileno())
                if not is_own_file(status) or status.st_size > self.limit:
                    return None
                content = file.read()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # of a disk that can only be read
            os.utime(path)  # the time of last use, which `clear` goes by
        return unwrapped(content)

    def write(self, name: str, code: bytes) -> None:
        """Keep an object, if the folder takes it."""
        content = header(code) + code
        if len(content) > self.limit:
            return
        try:
            # Who can write here decides what this user will run.
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.folder / name, content)
            self.clear()
        except OSError:
            return

    def clear(self) -> None:
        """Remove what was not used for the longest time, when all is more than the limit."""
        entries = sorted(self.entries(), key=lambda entry: entry[1].st_mtime, reverse=True)
        size = sum(status.st_size for _, status in entries)
        if size <= self.limit:
            return
        kept = 0
        for path, status in entries:
            kept += status.st_size
            if kept > KEPT * self.limit:
                Path(path).unlink(missing_ok=True)

    def entries(self) -> Iterator[tuple[str, os.stat_result]]:
        """The entries; files that interrupted writers left behind are removed on the way."""
        with os.scandir(self.folder) as files:
            for file in files:
                try:
                    status = file.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process has cleared it
                    continue
                if file.name.endswith(SUFFIX):
                    yield file.path, status
                elif file.name.endswith(".part") and time.time() - status.st_mtime > ABANDONED:
                    Path(file.path).unlink(missing_ok=True)


def header(code: bytes) -> bytes:
    """What stands before an object in its entry."""
    return FORMAT + hashlib.sha256(code).digest()


def unwrapped(content: bytes) -> bytes | None:
    """The object in the content of an entry; None when it is damaged."""
    size = len(header(b""))
    code = content[size:]
    return code if content[:size] == header(code) else None


def open_at_once(path: str, flags: int) -> int:
    # A pipe in the place of an entry would be waited for.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_own_file(status: os.stat_result) -> bool:
    """Whether this user wrote a file: code of others is not run."""
    owned = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return owned and stat.S_ISREG(status.st_mode)
