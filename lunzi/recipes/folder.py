"""The folder of a run: what is in it, where it lies, how it is typed."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from lunzi.core.errors import RangeError
from lunzi.messages import text

MODEL = "model.safetensors"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"
REPORT = "report.html"
RUNS = Path("runs")
ON_WINDOWS = os.name == "nt"


def refuse_full(folder: Path) -> None:
    """Refuse to write into a folder that holds something already, or a file in its place.

    Raises:
        RangeError: when it is neither new nor empty.
    """
    if folder.is_file():
        raise RangeError(text("commands.out_is_file", path=folder))
    if folder.is_dir() and any(folder.iterdir()):
        raise RangeError(text("commands.folder_not_empty", folder=folder))


def new_folder(name: str) -> Path:
    """The first free one of runs/NAME-1, runs/NAME-2, ..., made so that no other run takes it."""
    RUNS.mkdir(exist_ok=True)
    number = 1
    while True:
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def typed(path: str | os.PathLike[str]) -> str:
    """A path as one types it in the shell of this system, quoted where that is needed."""
    shown = Path(path).as_posix()
    if ON_WINDOWS:
        return subprocess.list2cmdline([shown])
    # shlex takes Chinese characters for special ones; without them the rest decides.
    plain = "".join(c for c in shown if c.isascii() or not c.isalnum())
    return shown if shlex.quote(plain) == plain else shlex.quote(shown)
