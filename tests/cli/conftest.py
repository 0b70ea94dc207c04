"""What the tests of the commands share: ways to call them, and runs to use."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lunzi.cli import main
from lunzi.data import DigitPreprocessing, load_digits
from lunzi.files import save
from lunzi.recipes.digits import CLASSES, network
from lunzi.recipes.folder import MODEL


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def environment(**changes: str) -> dict[str, str]:
    """The variables for a command: it finds `lunzi`, no language is chosen, one thread is used."""
    scripts = Path(sys.executable).parent
    languages = ("LUNZI_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "PYTHONIOENCODING", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if name not in languages}
    path = f"{scripts}{os.pathsep}{kept.get('PATH', '')}"
    # One thread is quicker here than two that wait for each other on a busy machine.
    return kept | {"PATH": path, "OPENBLAS_NUM_THREADS": "1"} | changes


def begin(arguments: Sequence[str], folder: Path, **changes: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "lunzi", *arguments],
        cwd=folder,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: "subprocess.Popen[bytes]") -> Outcome:
    out, err = process.communicate(timeout=600)
    return Outcome(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="session")
def start() -> Callable[..., "subprocess.Popen[bytes]"]:
    """Starts `python -m lunzi` with arguments in a folder; keywords are variables."""
    return begin


@pytest.fixture(scope="session")
def end() -> Callable[..., Outcome]:
    """Waits until a command that was started has ended."""
    return finish


@pytest.fixture(scope="session")
def call() -> Callable[..., Outcome]:
    """Runs `python -m lunzi` with arguments in a folder; keywords are variables."""
    return lambda arguments, folder, **changes: finish(begin(arguments, folder, **changes))


@pytest.fixture(scope="session")
def shell() -> Callable[..., Outcome]:
    """Runs a line in a folder, as if it was typed there; keywords are variables."""

    def typed(line: str, folder: Path, **changes: str) -> Outcome:
        ended = subprocess.run(
            line, shell=True, cwd=folder, env=environment(**changes), capture_output=True
        )
        return Outcome(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return typed


@pytest.fixture(autouse=True)
def no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """No language chosen by the variables of whoever runs the tests; 80 columns."""
    for name in ("LUNZI_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lunzi(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Calls a command in this process."""

    def called(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(arguments)
        out, err = capsys.readouterr()
        return Outcome(int(ending.value.code or 0), out, err)

    return called


def rows_of(count: int, answer: Callable[[int, float], object], target: str = "y") -> str:
    numbers = np.random.default_rng(0).normal(size=(count, 2))
    lines = [f"{a:.3f},{b:.3f},{answer(place, a)}" for place, (a, b) in enumerate(numbers)]
    return "\n".join([f"a,b,{target}", *lines, ""])


@pytest.fixture(scope="session")
def rows() -> Callable[..., str]:
    """Makes a CSV file of two columns of numbers and a target.

    `answer(place, number)` gives the target of a row from its place and its first number.
    """
    return rows_of


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder in which `lunzi train digits` was called, and what it said."""
    folder = tmp_path_factory.mktemp("digits")
    return folder, finish(begin(["train", "digits"], folder))


@pytest.fixture(scope="session")
def digits_run(digits_folder: tuple[Path, Outcome]) -> Path:
    """The run of `lunzi train digits`."""
    return digits_folder[0] / "runs" / "digits-1"


@pytest.fixture(scope="session")
def untrained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder whose network for digits has learned nothing."""
    folder = tmp_path_factory.mktemp("untrained")
    preprocessing = {"input": DigitPreprocessing().to_json(), "classes": list(CLASSES)}
    save(network(), folder / MODEL, preprocessing=preprocessing)
    return folder


@pytest.fixture(scope="session")
def digit_rows() -> list[str]:
    """Five digits of the test half as rows of a CSV file: 64 counts, then the digit."""
    digits = load_digits()
    pairs = zip(digits.images[900:905], digits.targets[900:905], strict=True)
    return [",".join(map(str, [*image.ravel(), digit])) for image, digit in pairs]


def trained(folder: Path, content: str, *options: str) -> Path:
    """The folder of a run on a table, trained in this process."""
    (folder / "rows.csv").write_text(content, "utf-8")
    arguments = ["train", "rows.csv", "--target", "y", "--out", "run", "--quiet", *options]
    with chdir(folder), pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 0
    return folder / "run"


@pytest.fixture(scope="session")
def class_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table of a number and a colour; the colour decides the class."""
    colours = ("red", "green", "blue")
    numbers = np.random.default_rng(1).normal(size=60)
    rows = [
        f"{number:.2f},{colours[place % 3]},{'yes' if place % 3 == 0 else 'no'}"
        for place, number in enumerate(numbers)
    ]
    folder = tmp_path_factory.mktemp("classes")
    return trained(folder, "\n".join(["size,colour,y", *rows]), "--epochs", "20")


@pytest.fixture(scope="session")
def number_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table whose target is a number, 10,000 times one of the others."""
    folder = tmp_path_factory.mktemp("numbers")
    content = rows_of(60, lambda place, number: f"{10_000 * number:.0f}")
    return trained(folder, content, "--epochs", "20")
