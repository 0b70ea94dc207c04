"""The cache of objects: what it keeps, what it forgets, and that nothing wrong comes from it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lunzi.compiler import cache
from lunzi.compiler.cache import ABANDONED, Cache, chosen_folder, entry_name, load
from lunzi.compiler.target import Target, host

CODE = bytes(range(256)) * 8


class Maker:
    """Makes an object and counts how often."""

    def __init__(self, code: bytes = CODE) -> None:
        self.code = code
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.code


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    place = tmp_path / "not there yet" / "objects"
    monkeypatch.setenv("LUNZI_CACHE", str(place))
    return place


@pytest.fixture
def entry(folder) -> Path:
    """The file of an entry that has been written."""
    load("a program", host(), Maker())
    (path,) = folder.iterdir()
    return path


def test_a_program_is_made_once(folder):
    make = Maker()
    assert [load("a program", host(), make) for _ in range(3)] == [CODE] * 3
    assert make.calls == 1


def test_an_empty_object_is_kept_too(folder):
    make = Maker(b"")
    assert [load("a program", host(), make) for _ in range(2)] == [b"", b""]
    assert make.calls == 1


@pytest.mark.parametrize("change", ["key", "target", "version", "compiler", "llvm"])
def test_what_makes_the_code_differ_makes_another_entry(change, monkeypatch):
    before = entry_name("a program", host())
    if change == "version":
        monkeypatch.setattr(cache, "__version__", "0.0.0")
    if change == "compiler":
        monkeypatch.setattr(cache, "compiler_state", lambda: "changed")
    if change == "llvm":
        monkeypatch.setattr(cache.llvm, "llvm_version_info", (0, 0, 0))
    key = "another program" if change == "key" else "a program"
    target = Target(host().triple, "generic", "+none") if change == "target" else host()
    assert entry_name(key, target) != before


def test_the_name_of_an_entry_is_the_same_in_every_process():
    code = (
        "from lunzi.compiler.cache import entry_name\n"
        "from lunzi.compiler.target import host\n"
        "print(entry_name('a program', host()), end='')"
    )
    assert run(code) == entry_name("a program", host())


def damaged(content: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "cut in the header": content[:20],
        "cut in the object": content[:-1],
        "too long": content + b"\0",
        "one bit of the object": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "one bit of the checksum": content[:20] + bytes([content[20] ^ 1]) + content[21:],
        "another format": b"x" + content[1:],
        "another object": content[:47] + CODE[::-1],
    }


@pytest.mark.parametrize("damage", damaged(bytes(100)))
def test_a_damaged_entry_is_made_again(entry, damage):
    whole = entry.read_bytes()
    entry.write_bytes(damaged(whole)[damage])
    make = Maker()
    assert load("a program", host(), make) == CODE
    assert make.calls == 1
    assert entry.read_bytes() == whole


def test_a_folder_in_the_place_of_an_entry_does_no_harm(entry):
    entry.unlink()
    entry.mkdir()
    assert load("a program", host(), Maker()) == CODE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no named pipes")
def test_a_pipe_in_the_place_of_an_entry_is_not_waited_for(entry):
    entry.unlink()
    os.mkfifo(entry)
    assert load("a program", host(), Maker()) == CODE


def test_the_code_of_another_user_is_not_run(entry, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: os.stat(entry).st_uid + 1, raising=False)
    make = Maker()
    load("a program", host(), make)
    assert make.calls == 1


def test_a_folder_that_cannot_be_made_means_no_cache(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LUNZI_CACHE", str(tmp_path / "file" / "objects"))
    make = Maker()
    assert [load("a program", host(), make) for _ in range(2)] == [CODE, CODE]
    assert make.calls == 2


def test_a_disk_that_refuses_to_write_means_no_cache(folder, monkeypatch):
    def refuse(path, content):
        raise PermissionError(13, "the disk is read-only")

    monkeypatch.setattr(cache, "write_whole", refuse)
    make = Maker()
    assert [load("a program", host(), make) for _ in range(2)] == [CODE, CODE]
    assert make.calls == 2


def test_a_disk_that_can_only_be_read_still_gives_its_objects(entry, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "the disk is read-only")

    monkeypatch.setattr(os, "utime", refuse)
    make = Maker()
    assert load("a program", host(), make) == CODE
    assert make.calls == 0


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    Cache(tmp_path).write("large.object", CODE)
    assert Cache(tmp_path, limit=1000).read("large.object") is None


@pytest.mark.parametrize("word", ["off", ""])
def test_the_variable_turns_it_off(word, monkeypatch):
    monkeypatch.setenv("LUNZI_CACHE", word)
    make = Maker()
    assert [load("a program", host(), make) for _ in range(2)] == [CODE, CODE]
    assert make.calls == 2


def test_an_error_in_the_making_reaches_the_caller_and_leaves_nothing(folder):
    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load("a program", host(), fail)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/wu/.cache/lunzi/objects"),
        ("linux", {"XDG_CACHE_HOME": "/fast"}, "/fast/lunzi/objects"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, "/home/wu/.cache/lunzi/objects"),
        ("darwin", {}, "/home/wu/Library/Caches/lunzi/objects"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/lunzi/objects"),
        ("win32", {}, "/home/wu/AppData/Local/lunzi/objects"),
        ("linux", {"LUNZI_CACHE": "~/objects"}, "/home/wu/objects"),
    ],
)
def test_where_objects_are_kept(platform, variables, expected, monkeypatch):
    for name in ("LUNZI_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in {"HOME": "/home/wu", "USERPROFILE": "/home/wu", **variables}.items():
        monkeypatch.setenv(name, value)
    assert chosen_folder() == Path(expected)


def test_a_user_without_a_home_has_no_cache(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LUNZI_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert chosen_folder() is None


def test_what_was_used_last_is_kept_when_the_limit_is_passed(tmp_path):
    objects = Cache(tmp_path, limit=5000)
    for number in range(4):  # each of 1,047 bytes with its header
        objects.write(f"{number}.object", bytes(1000))
        os.utime(tmp_path / f"{number}.object", (number, number))
    assert objects.read("0.object") == bytes(1000)  # it is the newest from here on
    objects.write("4.object", bytes(1000))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0.object",
        "3.object",
        "4.object",
    ]


def test_an_object_beyond_the_limit_is_not_kept(tmp_path):
    objects = Cache(tmp_path, limit=1000)
    objects.write("large.object", bytes(1000))
    assert not list(tmp_path.iterdir())


def test_what_interrupted_writers_left_is_removed_after_a_while(tmp_path):
    old, young, strange = tmp_path / ".a.part", tmp_path / ".b.part", tmp_path / "notes.txt"
    for path in (old, young, strange):
        path.write_bytes(b"half")
    for path in (old, strange):
        os.utime(path, (0, path.stat().st_mtime - 2 * ABANDONED))
    Cache(tmp_path).write("a.object", CODE)
    assert (old.exists(), young.exists(), strange.exists()) == (False, True, True)


WORKER = """
import sys
from pathlib import Path
from lunzi.compiler.cache import Cache

objects = Cache(Path(sys.argv[1]), limit=20_000)
for turn in range(150):
    name = f"{turn % 7}.object"
    code = bytes([turn % 7]) * 4000
    found = objects.read(name)
    assert found is None or found == code, "another object"
    if found is None:
        objects.write(name, code)
"""


def test_several_processes_write_read_and_clear_at_once(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WORKER, str(tmp_path)])
        for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    left = list(tmp_path.iterdir())
    assert all(path.suffix == ".object" for path in left)
    assert 0 < sum(path.stat().st_size for path in left) <= 20_000 + 3 * 4047


def run(code: str) -> str:
    """What a fresh Python prints; elsewhere, or it would import the sources of this folder."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tempfile.gettempdir(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
