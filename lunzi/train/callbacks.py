"""Callbacks: what else happens while a Trainer runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.core.errors import KindError, RangeError, StateError, StateKeyError
from lunzi.core.tensor import Tensor
from lunzi.nn import Module
from lunzi.train.history import Row

if TYPE_CHECKING:
    from lunzi.train.trainer import Trainer


class Callback:
    """Called at the joints of a run. Subclass it and state what is needed.

    What must survive a checkpoint goes into `state_dict` and comes back by `load_state_dict`.
    A run that goes on from a checkpoint calls again what came after it: what a callback does to
    the world outside, it may do twice.

    >>> class Loudspeaker(Callback):
    ...     def on_epoch_end(self, trainer, row):
    ...         print(f"epoch {trainer.epoch} is over, the loss {row['loss']:.2f}")
    """

    def on_fit_begin(self, trainer: Trainer) -> None:
        """Before the first step of `fit`, also of a resumed one."""

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        """After each batch."""

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        """After each epoch, with its row of the history, to which it may add."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """At the end of `fit`, whatever ended it: the last epoch, `stop()`, Ctrl-C or an error."""

    def state_dict(self) -> dict[str, Any]:
        """What must survive a checkpoint: numbers, texts, tensors, and dicts and lists of them."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


class EarlyStopping(Callback):
    """Stop when a column of the history no longer improves, and leave the best weights.

    The best weights are in the model from the end of `fit` on, also where Ctrl-C or an error
    ended it; a `fit` that goes on then does so from the weights of the last step, unless others
    were loaded in between.

    Args:
        monitor: the column: "validation loss" or, say, "validation accuracy".
        patience: epochs without improvement after which the run stops; None for never, which
            leaves only the return to the best weights.
        min_delta: by how much a value must be better to count.
        higher_is_better: True for a score, False for an error; None to ask the metric.

    Raises:
        RangeError: when patience is below 1 or min_delta below 0.
    """

    def __init__(
        self,
        monitor: str = "validation loss",
        patience: int | None = 5,
        min_delta: float = 0.0,
        higher_is_better: bool | None = None,
    ) -> None:
        if (patience is not None and patience < 1) or not min_delta >= 0:
            raise RangeError(
                f"patience is 1 or more and min_delta 0 or more, got {patience} and {min_delta}"
            )
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.higher_is_better = higher_is_better
        self.best: float | None = None
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] = {}
        self._last_state: dict[str, Tensor] = {}  # of the last step, while the model has the best

    def on_fit_begin(self, trainer: Trainer) -> None:
        if self.higher_is_better is None:
            self.higher_is_better = higher_is_better(self.monitor, trainer)
        if not trainer.validates and self.monitor in trainer.validation_columns:
            raise StateError(
                f"early stopping watches {self.monitor!r}, and there is no validation data: "
                f"fit(data, validation, ...)"
            )
        if self._last_state and has_weights(trainer.model, self.best_state):
            trainer.model.load_state_dict(self._last_state)
        self._last_state = {}

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        if self.monitor not in row:
            raise StateKeyError(
                f"early stopping watches {self.monitor!r}, the history has {', '.join(row)}"
            )
        if self.is_better(row[self.monitor]):
            self.best, self.best_epoch = row[self.monitor], trainer.epoch
            self.best_state = trainer.model.state_dict()
        elif self.patience is not None and trainer.epoch - self.best_epoch >= self.patience:
            trainer.stop()

    def is_better(self, value: float) -> bool:
        """Whether the value is a new best; NaN never is."""
        if self.best is None:
            return value == value
        gain = value - self.best if self.higher_is_better else self.best - value
        return gain > self.min_delta

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.best_state:
            self._last_state = trainer.model.state_dict()
            trainer.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_state": self.best_state,
            "last_state": self._last_state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_state, self._last_state = state["best_state"], state["last_state"]


def higher_is_better(column: str, trainer: Trainer) -> bool:
    """Whether a column of the history is a score, as its metric says; a loss is not.

    Raises:
        KindError: when it is neither the loss nor a metric of the trainer's.
    """
    name = column.removeprefix("validation ")
    if name == "loss":
        return False
    metrics = trainer.training_metrics if name == column else trainer.metrics
    if name not in metrics:
        raise KindError(
            f"the trainer has no metric {column!r}, of which early stopping could learn whether "
            f"higher is better: say higher_is_better=True or False, or watch one of "
            f"{', '.join(map(repr, trainer.validation_columns))}"
        )
    return metrics[name].higher_is_better


def has_weights(model: Module, state: dict[str, Tensor]) -> bool:
    """Whether the numbers of a model are those of a state."""
    now = model.state_dict()
    return set(now) == set(state) and all(
        np.array_equal(now[name].numpy(), value.numpy(), equal_nan=True)
        for name, value in state.items()
    )
