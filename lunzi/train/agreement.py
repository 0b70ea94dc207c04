"""Whether the parts of a training fit together: checks before the first step, that teach."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lunzi.core.arguments import listed, real_number, whole_number
from lunzi.core.errors import KindError, MissingFileError, RangeError
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.nn.loss import Loss
from lunzi.optim import Optimizer
from lunzi.optim.lr_scheduler import LRScheduler
from lunzi.train.callbacks import Callback
from lunzi.train.metrics import Metric

TAKEN_COLUMNS = frozenset({"epoch", "loss", "lr", "seconds"})


def check_bounds(accumulate: int, checkpoint_every: int | None, *clips: float | None) -> None:
    """Refuse numbers of batches below 1, and bounds of gradients that are not above 0."""
    for name, number in (("accumulate", accumulate), ("checkpoint_every", checkpoint_every)):
        if number is not None:
            whole_number(name, number)
    for name, bound in zip(("clip_norm", "clip_value"), clips, strict=True):
        if bound is not None:
            real_number(name, bound, above=0)


def check_compile(wanted: Any) -> None:
    """Refuse what is none of the three answers."""
    if wanted is not None:
        as_flag(wanted, "compile")


def check_model(model: Any, loss: Any) -> None:
    """Refuse what is no model, and losses that are not the mean of a batch."""
    if isinstance(model, type) or not isinstance(model, Module):
        raise KindError(f"a Trainer trains a Module, got {described(model)}")
    if isinstance(loss, type) or not callable(loss):
        raise KindError(
            f"a loss takes (outputs, targets) and gives a tensor, got {described(loss)}"
        )
    if isinstance(loss, Loss) and loss.reduction != "mean":
        raise RangeError(
            f"a Trainer takes the mean loss of a batch, this {type(loss).__name__} has "
            f"reduction={loss.reduction!r}: leave that out, and scale lr where a sum is meant"
        )


def check_optimizer(model: Module, optimizer: Any) -> None:
    """Refuse an optimizer that changes something else than the model.

    Raises:
        RangeError: when one of its parameters is not the model's. Neither would the model
            learn by it, nor would it be in a checkpoint.
    """
    if not isinstance(optimizer, Optimizer):
        raise KindError(f"optimizer is one of lunzi.optim, got {described(optimizer)}")
    known = set(map(id, model.parameters()))
    parameters = [p for group in optimizer.param_groups for p in group.params]
    foreign = [p for p in parameters if id(p) not in known]
    if foreign:
        raise RangeError(
            f"{len(foreign)} of the {len(parameters)} parameters of the optimizer are not the "
            f"model's, the first of shape {foreign[0].shape}: make the optimizer from "
            f"model.parameters() of this very model, and put what else learns into it as a module"
        )


def check_scheduler(scheduler: Any, schedule_each: str, optimizer: Optimizer) -> None:
    """Refuse a schedule that moves other rates than those of this optimizer."""
    if not isinstance(schedule_each, str) or schedule_each not in ("step", "epoch"):
        raise RangeError(f"schedule_each is 'step' or 'epoch', got {schedule_each!r}")
    if scheduler is None:
        return
    if not isinstance(scheduler, LRScheduler):
        raise KindError(f"scheduler is one of lunzi.optim.lr_scheduler, got {described(scheduler)}")
    if scheduler.optimizer is not optimizer:
        raise RangeError(
            f"this {type(scheduler).__name__} moves the rates of another optimizer: make it from "
            f"the one that the Trainer gets"
        )


def checked_metrics(name: str, metrics: Any) -> dict[str, Metric]:
    """The metrics by name; None stands for none of them."""
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise KindError(
            f'{name} are given by name, as {{"accuracy": Accuracy()}}; got {described(metrics)}'
        )
    for key, metric in metrics.items():
        if not isinstance(key, str) or not isinstance(metric, Metric):
            raise KindError(f"{name} are metrics by name, got {key!r}: {described(metric)}")
    return dict(metrics)


def checked_callbacks(callbacks: Any) -> list[Callback]:
    """The callbacks as a list."""
    several = listed("callbacks", callbacks)
    for callback in several:
        if not isinstance(callback, Callback):
            raise KindError(f"a callback is a lunzi.train.Callback, got {described(callback)}")
    return several


def check_metrics(metrics: Mapping[str, Metric], training_metrics: Mapping[str, Metric]) -> None:
    """Refuse names that would hide another column of the history, and metrics used for both."""
    if "loss" in metrics:
        raise RangeError("'loss' is the name of the loss: give the metric another one")
    for name, metric in training_metrics.items():
        if name in TAKEN_COLUMNS or name.startswith("validation "):
            raise RangeError(
                f"{name!r} is a column that the history has already: give the metric another name"
            )
        if any(metric is other for other in metrics.values()):
            raise RangeError(
                f"the training metric {name!r} is also one for validation, and each has sums of "
                f"its own: make two of {type(metric).__name__}"
            )


def check_folder(checkpoint: str | os.PathLike[str] | None) -> None:
    """Refuse a checkpoint in a folder that is not there, before an epoch was spent on it."""
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        folder = Path(checkpoint).parent
        raise MissingFileError(text("files.missing_folder", path=checkpoint, folder=folder))


def checked_loss(loss: Any) -> Tensor:
    """The loss of a batch, one number with a tape.

    Raises:
        KindError: when it is no tensor, or was cut off from the tape.
        RangeError: when it is not a single number.
    """
    if not isinstance(loss, Tensor):
        raise KindError(
            f"the loss must be a tensor, so that gradients can be taken of it; got "
            f"{described(loss)}: compute it in tensors, without float() or .numpy()"
        )
    if loss.size != 1:
        raise RangeError(
            f"the loss must be a single number for a batch, got shape {loss.shape}: take its mean()"
        )
    return loss


def described(value: Any) -> str:
    """What somebody gave: the class itself, or a value of it."""
    if isinstance(value, type):
        return f"the class {value.__name__}: make one, as in {value.__name__}(...)"
    return f"a {type(value).__name__}"
