"""Callbacks: what else happens while a Trainer runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lunzi.core.errors import RangeError, StateKeyError
from lunzi.core.tensor import Tensor
from lunzi.train.history import Row

if TYPE_CHECKING:
    from lunzi.train.trainer import Trainer


class Callback:
    """Called at the joints of a run. Subclass it and state what is needed.

    What must survive a checkpoint goes into `state_dict` and comes back by `load_state_dict`.
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first step of `fit`, also of a resumed one."""

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        """After each batch."""

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        """After each epoch, with its row of the history, to which it may add."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when it was stopped early."""

    def state_dict(self) -> dict[str, Any]:
        """What must survive a checkpoint: numbers, texts, tensors, and dicts and lists of them."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class EarlyStopping(Callback):
    """Stop when a column of the history no longer improves, and go back to the best weights.

    Args:
        monitor: the column: "validation loss" or, say, "validation accuracy".
        patience: epochs without improvement after which the run stops; None for never, which
            leaves only the return to the best weights.
        min_delta: by how much a value must be better to count.
        higher_is_better: True for an accuracy.

    Raises:
        RangeError: when patience is below 1 or min_delta below 0.
    """

    def __init__(
        self,
        monitor: str = "validation loss",
        patience: int | None = 5,
        min_delta: float = 0.0,
        higher_is_better: bool = False,
    ) -> None:
        if (patience is not None and patience < 1) or not min_delta >= 0:
            raise RangeError(
                f"patience is 1 or more and min_delta 0 or more, got {patience} and {min_delta}"
            )
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.higher_is_better = higher_is_better
        self.best = -math.inf if higher_is_better else math.inf
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] = {}

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        if self.monitor not in row:
            raise StateKeyError(
                f"early stopping watches {self.monitor!r}, the history has {', '.join(row)}: "
                f"is validation data missing?"
            )
        value = row[self.monitor]
        gain = value - self.best if self.higher_is_better else self.best - value
        if gain > self.min_delta:
            self.best, self.best_epoch = value, trainer.epoch
            self.best_state = trainer.model.state_dict()
        elif self.patience is not None and trainer.epoch - self.best_epoch >= self.patience:
            trainer.stop()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.best_state:
            trainer.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "best_state": self.best_state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_state = state["best_state"]
