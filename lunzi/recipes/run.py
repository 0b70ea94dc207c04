"""Run: the folder of one training run, what it says, and how it ends."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from lunzi.core.errors import FileFormatError, KindError, MissingFileError, RangeError
from lunzi.core.random import manual_seed
from lunzi.files import save
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.report import RunFacts
from lunzi.storage import write_whole
from lunzi.train import PrintProgress, Trainer
from lunzi.train.environment import blas_threads, versions

MODEL = "model.safetensors"
CHECKPOINT = "checkpoint.safetensors"
DESCRIPTION = "run.json"
HISTORY = "history.csv"
REPORT = "report.html"
FORMAT = "lunzi run 1"

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Settings:
    """What a run was asked for; with it and the data the run can be repeated.

    Args:
        recipe: the name of the recipe.
        seed: of everything random.
        epochs: how often the training data is gone through; None for the recipe's own number.
        data: the user's file, for recipes that take one.
        target: the column to be predicted.
        task: "classification" or "regression", where the user decided it.
        encoding: of the file, where the user decided it.
    """

    recipe: str
    seed: int = 0
    epochs: int | None = None
    data: str | None = None
    target: str | None = None
    task: Task | None = None
    encoding: str | None = None


class Run:
    """One training run of a recipe.

    The folder is made when training begins, so that data which cannot be read leaves nothing
    behind; then it holds everything to go on after an interruption.

    Args:
        settings: what was asked for.
        out: the run's folder, which must be new or empty; `runs/NAME-1` and so on when None.
        quiet: say nothing but errors.
        command: the command line, for the report.
    """

    def __init__(
        self,
        settings: Settings,
        out: str | os.PathLike[str] | None = None,
        quiet: bool = False,
        command: tuple[str, ...] = (),
    ) -> None:
        if settings.epochs is not None and settings.epochs < 1:
            raise RangeError(text("commands.epochs_range", epochs=settings.epochs))
        if not 0 <= settings.seed < 2**63:
            raise RangeError(text("commands.seed_range", seed=settings.seed))
        self.settings = settings
        self.quiet = quiet
        self.command = command
        self.name = settings.recipe if settings.data is None else Path(settings.data).stem
        self._out = None if out is None else Path(out)
        self._folder: Path | None = None
        self._is_resumed = False
        manual_seed(settings.seed)
        if self._out is not None:
            refuse_full(self._out)

    @classmethod
    def resumed(
        cls, folder: str | os.PathLike[str], quiet: bool = False, command: tuple[str, ...] = ()
    ) -> Run:
        """The run of a folder, to go on with.

        Raises:
            MissingFileError: when there is no such run.
            FileFormatError: when its description is damaged.
        """
        run = cls(read_settings(Path(folder)), None, quiet, command)
        run._folder, run._is_resumed = Path(folder), True
        return run

    # While it runs

    @property
    def seed(self) -> int:
        return self.settings.seed

    def epochs(self, usual: int) -> int:
        """The number of epochs that was asked for, else the recipe's usual one."""
        return self.settings.epochs or usual

    def say(self, code: str, /, **values: object) -> None:
        """Print a message, unless the run is quiet."""
        if not self.quiet:
            print(text(code, **values), flush=True)

    @property
    def folder(self) -> Path:
        """The run's folder, made at first use."""
        if self._folder is None:
            self._folder = new_folder(self.name) if self._out is None else self._out
            self._folder.mkdir(parents=True, exist_ok=True)
            document = {"format": FORMAT, "settings": asdict(self.settings)}
            self.write(DESCRIPTION, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        return self._folder

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, content: bytes | str) -> None:
        write_whole(self.path(name), content)

    def fit(
        self,
        trainer: Trainer,
        data: Any,
        validation: Any,
        epochs: int,
        shown: tuple[str, ...] = ("loss", "validation accuracy"),
    ) -> None:
        """Train, from the checkpoint on where there is one; `shown` columns are printed.

        Raises:
            KeyboardInterrupt: on Ctrl-C, after the checkpoint is written.
        """
        checkpoint = self.path(CHECKPOINT)
        trainer.checkpoint = checkpoint
        if self._is_resumed and checkpoint.exists():
            trainer.resume()
            self.say("commands.goes_on", epoch=trainer.epoch + 1, epochs=epochs)
        if not self.quiet:
            trainer.callbacks.append(PrintProgress(columns=shown))
        try:
            trainer.fit(data, validation, epochs)
        finally:
            if len(trainer.history):
                self.write(HISTORY, trainer.history.to_csv())

    def save_model(self, model: Module, preprocessing: dict[str, Any]) -> None:
        """Write the model with what it needs to be used."""
        save(model, self.path(MODEL), preprocessing=preprocessing)

    def facts(self, **known: Any) -> RunFacts:
        """What the report tells of how the run was made."""
        return RunFacts(
            command=self.command,
            seed=self.seed,
            threads=blas_threads(),
            versions=versions(),
            **known,
        )

    def say_end(self, *arguments: str) -> None:
        """Where everything lies, and what to try with it: `lunzi predict RUN arguments`."""
        folder = shown_path(self.folder)
        self.say("commands.saved", folder=folder, report=shown_path(self.path(REPORT)))
        for argument in arguments:
            self.say("commands.try_predict", folder=folder, argument=argument)


def refuse_full(folder: Path) -> None:
    """Refuse to write into a folder that holds something already, or a file in its place."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RangeError(text("commands.folder_not_empty", folder=folder))


def new_folder(name: str) -> Path:
    """The first free one of runs/NAME-1, runs/NAME-2, ..., made so that no other run takes it."""
    parent = Path("runs")
    parent.mkdir(exist_ok=True)
    number = 1
    while True:
        folder = parent / f"{name}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def shown_path(path: Path) -> str:
    """A path as a person types it in this terminal, quoted where it has spaces."""
    shown = path.as_posix()
    return f'"{shown}"' if any(character in shown for character in " '&()") else shown


def read_settings(folder: Path) -> Settings:
    """The settings with which the run of a folder was begun."""
    path = folder / DESCRIPTION
    if not path.is_file():
        raise MissingFileError(text("commands.no_run", folder=folder))
    try:
        document = json.loads(path.read_text("utf-8"))
        values = document["settings"]
        if document["format"] != FORMAT or set(values) != {f.name for f in fields(Settings)}:
            raise KeyError("format")
        settings = Settings(**values)
        if not isinstance(settings.seed, int) or not isinstance(settings.recipe, str):
            raise KindError("settings")
    except (KeyError, TypeError, ValueError):
        raise FileFormatError(text("commands.damaged_run", path=path)) from None
    return settings
