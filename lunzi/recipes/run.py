"""Run: one training run of a recipe, what it says, and how it ends."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from lunzi.core.errors import FileFormatError, RangeError, StateKeyError
from lunzi.core.random import manual_seed
from lunzi.data.reading import read_whole
from lunzi.files import save
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.recipes.folder import CHECKPOINT, HISTORY, MODEL, REPORT, new_folder, refuse_full, typed
from lunzi.recipes.printable import printable
from lunzi.recipes.settings import DESCRIPTION, Settings, read_settings, written
from lunzi.report import RunFacts
from lunzi.storage import write_whole
from lunzi.train import PrintProgress, Trainer
from lunzi.train.environment import blas_threads, versions


class Run:
    """One training run of a recipe.

    The folder is made when training begins, so that data which cannot be read leaves nothing
    behind; then it holds everything to go on after an interruption.

    Args:
        settings: what was asked for.
        out: the run's folder, which must be new or empty; `runs/NAME-1` and so on when None.
        quiet: say nothing but errors.

    Raises:
        RangeError: when the folder holds something already.
    """

    def __init__(
        self,
        settings: Settings,
        out: str | os.PathLike[str] | None = None,
        quiet: bool = False,
    ) -> None:
        self.settings = settings
        self.quiet = quiet
        self._out = None if out is None else Path(out)
        self._folder: Path | None = None
        self._is_resumed = False
        self._fingerprint: str | None = None
        manual_seed(settings.seed)
        if self._out is not None:
            refuse_full(self._out)

    @classmethod
    def resumed(cls, folder: str | os.PathLike[str], quiet: bool = False) -> Run:
        """The run of a folder, to go on with.

        Raises:
            MissingFileError: when there is no such run.
            FileFormatError: when its description is damaged.
        """
        settings, fingerprint = read_settings(Path(folder))
        run = cls(settings, None, quiet)
        run._folder, run._is_resumed, run._fingerprint = Path(folder), True, fingerprint
        return run

    # What it begins with

    @property
    def seed(self) -> int:
        return self.settings.seed

    def epochs(self, usual: int) -> int:
        """The number of epochs that was asked for, else the recipe's usual one."""
        return self.settings.epochs or usual

    def read_data(self) -> bytes:
        """The content of the user's file.

        Raises:
            MissingFileError: when it is not there.
            FileFormatError: when it is empty, or not the one that the run began with.
        """
        path = self.settings.data
        if path is None:
            raise RangeError(text("commands.nothing_to_train", names=self.settings.recipe))
        content = read_whole(path)
        fingerprint = hashlib.sha256(content).hexdigest()
        if self._is_resumed and fingerprint != self._fingerprint:
            raise FileFormatError(text("commands.data_changed", path=path, folder=self.folder))
        self._fingerprint = fingerprint
        return content

    # While it runs

    def say(self, code: str, /, **values: object) -> None:
        """Print a message, unless the run is quiet."""
        self.print(text(code, **values))

    def print(self, *lines: str) -> None:
        """Print lines, unless the run is quiet."""
        if not self.quiet:
            for line in lines:
                print(printable(line), flush=True)

    def say_split(self, split: tuple[int, int, int]) -> None:
        """Print how many samples are for training, validation and test."""
        training, validation, test = split
        self.say("commands.split", train=training, validation=validation, test=test)

    def say_network(self, code: str, model: Module, **values: object) -> None:
        """Print what the network is, with its parameters, the seed and the threads."""
        threads = blas_threads()
        counted = "commands.thread" if threads == 1 else "commands.threads"
        self.say(
            code,
            numbers=count_parameters(model),
            seed=self.seed,
            threads=text(counted, count=threads),
            **values,
        )

    @property
    def folder(self) -> Path:
        """The run's folder, made at first use."""
        if self._folder is None:
            folder = new_folder(self.settings.name) if self._out is None else self._out
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / DESCRIPTION, written(self.settings, folder, self._fingerprint))
            self._folder = folder
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
        preprocessing: dict[str, Any],
        shown: tuple[str, ...] = ("loss", "validation accuracy"),
    ) -> None:
        """Train, from the checkpoint on where there is one, and save the model.

        What was learned until Ctrl-C is saved as well.

        Args:
            preprocessing: what is stored with the model, so that it can be used.
            shown: columns of the history that are printed.
        """
        trainer.checkpoint = self.path(CHECKPOINT)
        trainer.compile = self.settings.compile
        if not self.quiet:
            trainer.callbacks.append(PrintProgress(columns=shown))
        if self._is_resumed and trainer.checkpoint.exists():
            self._go_on(trainer, epochs)
        try:
            trainer.fit(data, validation, epochs)
        except KeyboardInterrupt:
            self._keep(trainer, preprocessing)
            raise
        except BrokenPipeError:  # of the line at the end of an epoch, before its checkpoint
            trainer.save()
            self._keep(trainer, preprocessing)
            raise
        self._keep(trainer, preprocessing)

    def _go_on(self, trainer: Trainer, epochs: int) -> None:
        try:
            trainer.resume()
        except StateKeyError:  # as another version of the recipe would have written it
            path = self.path(CHECKPOINT)
            raise FileFormatError(text("commands.damaged_run", path=path)) from None
        if trainer.epoch < epochs:
            self.say("commands.goes_on", epoch=trainer.epoch + 1, epochs=epochs)
        else:
            self.say("commands.is_done", epochs=epochs)

    def _keep(self, trainer: Trainer, preprocessing: dict[str, Any]) -> None:
        if len(trainer.history):
            self.write(HISTORY, trainer.history.to_csv())
        save(trainer.model, self.path(MODEL), preprocessing=preprocessing)

    # How it ends

    def facts(self, model: Module, **known: Any) -> RunFacts:
        """What the report tells of how the run was made."""
        return RunFacts(
            command=self.settings.command(),
            parameters=count_parameters(model),
            seed=self.seed,
            threads=blas_threads(),
            versions=versions(),
            **known,
        )

    def say_end(self, argument: str | os.PathLike[str]) -> None:
        """Where everything lies, and what to try with it: `lunzi predict RUN argument`."""
        folder = typed(self.folder)
        self.say("commands.saved", folder=folder, report=typed(self.path(REPORT)))
        self.say("commands.try_predict", folder=folder, argument=typed(argument))

    def farewell(self, code: str) -> str:
        """What a run that ends early leaves behind, as a message; empty if that is nothing."""
        if self._folder is None or not self.path(MODEL).exists():
            return ""
        return text(code, folder=typed(self._folder))


def count_parameters(model: Module) -> int:
    return sum(parameter.size for parameter in model.parameters())
