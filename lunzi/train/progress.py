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

NOT_SHOWN = frozenset({"epoch", "lr", "seconds"})  # unless they are asked for
KNOWN_COLUMNS = frozenset(
    {
        "loss",
        "validation loss",
        "accuracy",
        "validation accuracy",
        "validation mae",
        "validation rmse",
        "validation r2",
        "validation perplexity",
        "lr",
    }
)
WIDEST_BAR = 30  # cells
BESIDE_BAR = 44  # cells that the texts beside the bar may take
BETWEEN_LOOKS = 0.1  # seconds between two changes of the bar


class PrintProgress(Callback):
    """A line for each epoch, and on a terminal a bar below them.

        epoch 1/30  loss 1.41  validation accuracy 0.81  8 s left

    Args:
        file: where it goes; standard output when it is None.
        columns: which columns of the history are shown, in this order; those that a row has
            not are left out. All but `lr` and `seconds` when it is empty.
    """

    def __init__(self, file: TextIO | None = None, columns: tuple[str, ...] = ()) -> None:
        self.file = file
        self.columns = columns
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._looked = 0.0
        self._started = 0.0
        self._steps_before = 0
        self._compiled_before = 0.0  # seconds of compiling before this `fit`
        self._compiling_said = 0.0  # and those that were told

    def on_fit_begin(self, trainer: Trainer) -> None:
        self._started = time.monotonic()
        self._looked = 0.0
        self._steps_before = trainer.step_count
        self._compiled_before = trainer.compile_seconds
        stream = self.file or sys.stdout
        # Asked of the stream itself: rich believes variables such as FORCE_COLOR, and would
        # write a bar into a pipe.
        if stream.isatty() and not (console := Console(file=stream)).is_dumb_terminal:
            width = max(min(WIDEST_BAR, console.width - BESIDE_BAR), 1)
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=width),
                TextColumn("{task.fields[left]}", markup=False),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=trainer.total_steps, left="")
            self._bar.start()

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        now = time.monotonic()
        if self._bar is not None and now - self._looked >= BETWEEN_LOOKS:
            self._looked = now
            epoch = text("training.epoch", epoch=trainer.epoch + 1, epochs=trainer.epochs)
            self._bar.update(
                self._task,
                completed=trainer.total_steps - trainer.steps_left,
                description=f"{epoch}  {column_title('loss')} {figure(loss)}",
                left=self.time_left(trainer),
            )

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        parts = [text("training.epoch", epoch=trainer.epoch, epochs=trainer.epochs)]
        shown = self.columns or [name for name in row if name not in NOT_SHOWN]
        parts += [f"{column_title(name)} {figure(row[name])}" for name in shown if name in row]
        if trainer.steps_left and not trainer.stopping:
            parts.append(self.time_left(trainer))
        self._say_compiling(trainer.compile_seconds)
        self._say("  ".join(filter(None, parts)))

    def _say_compiling(self, seconds: float) -> None:
        if seconds > self._compiling_said:
            taken = f"{seconds - self._compiling_said:.2g}"
            self._say(text("training.compiled", seconds=taken))
            self._compiling_said = seconds

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=self.file or sys.stdout, flush=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def time_left(self, trainer: Trainer) -> str:
        """About how long the rest takes, by the mean of the steps so far; empty before the first.

        Validation counts, for the time is that of the clock; compiling does not, which is over.
        """
        steps = trainer.step_count - self._steps_before
        if not steps:
            return ""
        compiling = trainer.compile_seconds - self._compiled_before
        seconds = max(time.monotonic() - self._started - compiling, 0) / steps
        return text("training.left", seconds=duration(seconds * trainer.steps_left))


def column_title(name: str) -> str:
    """A column of the history in the language in use; one of the user's own as it is."""
    return text(f"training.column.{name.replace(' ', '_')}") if name in KNOWN_COLUMNS else name


def figure(value: float) -> str:
    """A number in three places, large ones in all places before the point."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `8 s`, `3 min`, `2 h`; one second at least."""
    if seconds < 90:
        return text("training.seconds", count=max(round(seconds), 1))
    if seconds < 90 * 60:
        return text("training.minutes", count=round(seconds / 60))
    return text("training.hours", count=round(seconds / 3600))
