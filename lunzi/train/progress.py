"""How far a run has come: a bar on a terminal, a plain line an epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from lunzi.messages import text
from lunzi.train.callbacks import Callback
from lunzi.train.history import Row

if TYPE_CHECKING:
    from lunzi.train.trainer import Trainer


class PrintProgress(Callback):
    """A line for each epoch, and on a terminal a bar below them.

    Args:
        file: where it goes; standard output when it is None.
        columns: which columns of the history are shown, in this order; those with figures.
    """

    def __init__(self, file: TextIO | None = None, columns: tuple[str, ...] = ()) -> None:
        self.file = file
        self.columns = columns
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._started = 0.0
        self._steps_before = 0

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._started = time.monotonic()
        self._steps_before = trainer.step_count
        console = Console(file=self.file or sys.stdout)
        if console.is_terminal and not console.is_dumb_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.fields[left]}"),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task(
                "", total=trainer.total_steps, completed=trainer.step_count, left=""
            )
            self._bar.start()

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        if self._bar is not None:
            epoch = text("training.epoch", epoch=trainer.epoch + 1, epochs=trainer.epochs)
            self._bar.update(
                self._task,
                completed=trainer.step_count,
                description=f"{epoch}  {loss:.3g}",
                left=self.time_left(trainer),
            )

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        parts = [text("training.epoch", epoch=trainer.epoch, epochs=trainer.epochs)]
        shown = self.columns or [name for name in row if name not in ("epoch", "seconds")]
        parts += [f"{column_title(name)} {row[name]:.3g}" for name in shown if name in row]
        if trainer.epoch < trainer.epochs:
            parts.append(self.time_left(trainer))
        line = "  ".join(parts)
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=self.file or sys.stdout, flush=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def time_left(self, trainer: Trainer) -> str:
        """About how long the rest takes, from the mean time of the steps so far."""
        steps = trainer.step_count - self._steps_before
        if not steps:
            return ""
        seconds = (time.monotonic() - self._started) / steps
        return text("training.left", seconds=duration(seconds * trainer.steps_left))


def column_title(name: str) -> str:
    """A column of the history in the language in use."""
    return text(f"training.column.{name.replace(' ', '_')}") if name in KNOWN_COLUMNS else name


KNOWN_COLUMNS = (
    "loss",
    "validation loss",
    "accuracy",
    "validation accuracy",
    "validation mae",
    "validation r2",
)


def duration(seconds: float) -> str:
    """Seconds as a person says them: `8 s`, `3 min`, `2 h`."""
    if seconds < 90:
        return text("training.seconds", count=round(seconds))
    if seconds < 90 * 60:
        return text("training.minutes", count=round(seconds / 60))
    return text("training.hours", count=round(seconds / 3600))
