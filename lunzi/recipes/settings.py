"""Settings: what a run was asked for, and the file run.json that keeps it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from lunzi.core.errors import FileFormatError, MissingFileError, RangeError
from lunzi.messages import text
from lunzi.recipes import RECIPES, TABLE

DESCRIPTION = "run.json"
FORMAT = "lunzi run 1"
LARGEST_SEED = 2**63 - 1

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Settings:
    """What a run was asked for; with it and the data the run can be repeated.

    Args:
        recipe: the name of the recipe.
        seed: of everything random, 0 or more.
        epochs: how often the training data is gone through; None for the recipe's own number.
        data: the user's file, for recipes that take one.
        target: the column to be predicted.
        task: "classification" or "regression", where the user decided it.
        encoding: of the file, where the user decided it.
        compile: False where the user wants every step as it stands.

    Raises:
        RangeError: when a number is outside its range, or the file's name is no text.
    """

    recipe: str
    seed: int = 0
    epochs: int | None = None
    data: str | None = None
    target: str | None = None
    task: Task | None = None
    encoding: str | None = None
    compile: bool | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise RangeError(text("commands.epochs_range", epochs=self.epochs))
        if not 0 <= self.seed <= LARGEST_SEED:
            raise RangeError(text("commands.seed_range", seed=self.seed, most=LARGEST_SEED))
        if not is_text(self.data or ""):
            raise RangeError(text("commands.no_text", path=self.data))

    @property
    def name(self) -> str:
        """What the run is called: its recipe, or the file without folder and ending."""
        return self.recipe if self.data is None else Path(self.data).stem

    def command(self) -> tuple[str, ...]:
        """The command line that repeats the run where its file lies."""
        options = {
            "target": self.target,
            "task": self.task,
            "encoding": self.encoding,
            "seed": self.seed,
            "epochs": self.epochs,
        }
        given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
        what = self.recipe if self.data is None else Path(self.data).name
        flags = ("--no-compile",) if self.compile is False else ()
        return ("lunzi", "train", what, *(word for pair in given for word in pair), *flags)


def written(settings: Settings, folder: Path, fingerprint: str | None) -> str:
    """The content of run.json; the user's file stands there as seen from the folder."""
    values = asdict(settings)
    if settings.data is not None:
        values["data"] = path_from(folder, Path(settings.data))
    document = {"format": FORMAT, "settings": values, "sha256": fingerprint}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def read_settings(folder: Path) -> tuple[Settings, str | None]:
    """The settings of the run in a folder, and the SHA-256 of the file that it learned from.

    Raises:
        MissingFileError: when there is no run.
        FileFormatError: when its description is damaged.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise MissingFileError(text("commands.no_run", folder=folder))
    try:
        document = json.loads(path.read_text("utf-8"))
        settings = settings_of(document)
        fingerprint = document["sha256"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise FileFormatError(text("commands.damaged_run", path=path)) from None
    if settings.data is None:
        return settings, None
    data = path_from(Path(), folder / settings.data)
    return Settings(**{**asdict(settings), "data": data}), fingerprint


def settings_of(document: Any) -> Settings:
    """The settings in the content of run.json.

    Raises:
        KeyError, TypeError, ValueError: when they are not whole.
    """
    values = document["settings"]
    if document["format"] != FORMAT or set(values) != {f.name for f in fields(Settings)}:
        raise KeyError(FORMAT)
    kinds = {"seed": int, "epochs": int, "compile": bool}
    for name, value in values.items():
        if value is not None and type(value) is not kinds.get(name, str):
            raise TypeError(name)
    has_table = values["data"] is not None and values["target"] is not None
    if has_table != (values["recipe"] == TABLE) or values["recipe"] not in (TABLE, *RECIPES):
        raise ValueError("recipe")
    return Settings(**values)


def is_text(name: str) -> bool:
    """Whether a name is text; the system also takes bytes that are not."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def path_from(folder: Path, path: Path) -> str:
    """A path as seen from a folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on Windows, from one drive to another
        return path.resolve().as_posix()
