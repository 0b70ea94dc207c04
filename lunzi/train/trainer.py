"""Trainer: the loop that one can read, with what a real run needs around it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.random import default_generator
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.data import ArrayDataset, DataLoader
from lunzi.nn import Module
from lunzi.nn.utils import clip_grad_norm_, clip_grad_value_
from lunzi.optim import Optimizer
from lunzi.train.callbacks import Callback
from lunzi.train.checkpoint import load_checkpoint, save_checkpoint
from lunzi.train.diagnosis import check_batch, divergence
from lunzi.train.history import History, Row
from lunzi.train.inference import in_eval_mode, predict
from lunzi.train.interruption import Interruption
from lunzi.train.metrics import Metric

Data = Any  # a DataLoader, a dataset, or (x, y) arrays


class Trainer:
    """Train a model: epochs, batches, validation, metrics, checkpoints.

    Each step is what one would write by hand: forward, loss, backward, optimizer.step. Around it
    the Trainer keeps the mean loss (weighted by batch size) and the metrics, calls the callbacks,
    and writes checkpoints from which a run goes on with the same bits.

    Args:
        model: maps a batch of inputs to outputs.
        loss: maps (outputs, targets) to the mean loss of a batch.
        optimizer: of the model's parameters.
        scheduler: changes the learning rate; its `step()` is called after each step of the
            optimizer, or after each epoch with `schedule_each="epoch"`. ReduceLROnPlateau is
            called each epoch with the validation loss.
        metrics: name -> metric, taken on validation data.
        callbacks: called at the joints of the run, in order.
        accumulate: batches whose gradients are averaged for one step of the optimizer; what is
            left at the end of an epoch makes a step of fewer.
        clip_norm, clip_value: bounds of the gradients' norm and of each number in them.
        checkpoint: a file to which the state is written, whole or not at all.
        checkpoint_every: steps between two checkpoints; at the end of each epoch when None.

    Raises:
        RangeError: when a number is outside its range.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        *,
        scheduler: Any = None,
        schedule_each: str = "step",
        metrics: Mapping[str, Metric] | None = None,
        callbacks: Sequence[Callback] = (),
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
    ) -> None:
        for name, number in (("accumulate", accumulate), ("checkpoint_every", checkpoint_every)):
            if number is not None and number < 1:
                raise RangeError(f"{name} must be 1 or more, got {number}")
        for name, bound in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if bound is not None and not bound > 0:
                raise RangeError(f"{name} must be above 0, got {bound}")
        if schedule_each not in ("step", "epoch"):
            raise RangeError(f"schedule_each is 'step' or 'epoch', got {schedule_each!r}")
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.schedule_each = schedule_each
        self.metrics = dict(metrics or {})
        self.callbacks = list(callbacks)
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.history = History()
        self.epoch = 0  # epochs that are done
        self.epochs = 0  # epochs that are wanted
        self.step_count = 0  # batches that are done, over all epochs
        self.stopping = False
        self._loss_sum = 0.0  # over the samples of the epoch so far
        self._samples = 0
        self._seconds = 0.0  # of the epoch so far, over interruptions
        self._loader: DataLoader | None = None
        self._loader_state: dict[str, int] | None = None

    # The loop

    def fit(
        self,
        data: Data,
        validation: Data = None,
        epochs: int = 1,
        *,
        batch_size: int = 32,
        seed: int = 0,
    ) -> History:
        """Train until `epochs` epochs are done, those before a resume included.

        Args:
            data: a DataLoader; or a dataset or (x, y), shuffled by `seed` in batches.
            validation: the same kinds, not shuffled; its loss and metrics enter the history.

        Raises:
            DivergenceError: when the loss is NaN or infinite, naming step and layer.
            KeyboardInterrupt: on Ctrl-C, between two steps and after the checkpoint is written.
        """
        if epochs < 0:
            raise RangeError(f"epochs must be 0 or more, got {epochs}")
        loader = self._loader = as_loader(data, batch_size, shuffle=True, seed=seed)
        check_data = None if validation is None else as_loader(validation, batch_size)
        if self._loader_state is not None:
            loader.load_state_dict(self._loader_state)
            self._loader_state = None
        self.epochs = epochs
        self.stopping = False
        self._call("on_fit_begin")
        try:
            with Interruption() as interruption:
                while self.epoch < epochs and not self.stopping:
                    self._train_epoch(loader, interruption)
                    self._end_epoch(check_data)
        finally:
            self._call("on_fit_end")
        return self.history

    def _train_epoch(self, loader: DataLoader, interruption: Interruption) -> None:
        self.model.train()
        loader.set_epoch(self.epoch)
        started = time.monotonic()
        for x, y in loader:
            loss = self.step(x, y)
            self._loss_sum += loss * len(x)
            self._samples += len(x)
            self.step_count += 1
            self._call("on_step_end", loss)
            if self.checkpoint_every and self.step_count % self.checkpoint_every == 0:
                self.save()
            if interruption.requested:
                self._seconds += time.monotonic() - started
                self.save()
                raise KeyboardInterrupt
        self._seconds += time.monotonic() - started

    def step(self, x: Any, y: Any) -> float:
        """Forward, backward and, when enough batches are gathered, a step of the optimizer.

        Returns:
            The mean loss of the batch, before the step.
        """
        check_batch("x", np.asarray(x), self.step_count + 1)
        place = self.step_count % self.batches_per_epoch
        first = place - place % self.accumulate
        group = min(self.accumulate, self.batches_per_epoch - first)
        loss = self.loss(self.model(as_tensor(x)), as_tensor(y))
        value = float(loss)
        if not math.isfinite(value):
            raise divergence(self.model, as_tensor(x), self.step_count + 1, value)
        (loss if group == 1 else loss / group).backward()
        if place == first + group - 1:
            if self.clip_norm is not None:
                clip_grad_norm_(self.model.parameters(), self.clip_norm)
            if self.clip_value is not None:
                clip_grad_value_(self.model.parameters(), self.clip_value)
            self.optimizer.step()
            self.optimizer.zero_grad()
            if self.scheduler is not None and self.schedule_each == "step":
                self.scheduler.step()
        return value

    def _end_epoch(self, check_data: DataLoader | None) -> None:
        self.epoch += 1
        row: Row = {"epoch": self.epoch, "loss": self._loss_sum / max(self._samples, 1)}
        if check_data is not None:
            results = self.evaluate(check_data)
            row |= {f"validation {name}": value for name, value in results.items()}
        row["seconds"] = round(self._seconds, 3)
        self._loss_sum, self._samples, self._seconds = 0.0, 0, 0.0
        if self.scheduler is not None and self.schedule_each == "epoch":
            if hasattr(self.scheduler, "patience"):  # ReduceLROnPlateau looks at a figure
                self.scheduler.step(row.get("validation loss", row["loss"]))
            else:
                self.scheduler.step()
        self.history.append(row)
        self._call("on_epoch_end", row)
        if self.checkpoint is not None and self.checkpoint_every is None:
            self.save()

    # Use

    def evaluate(self, data: Data, batch_size: int = 256) -> dict[str, float]:
        """Mean loss and metrics on data, with the model in eval mode."""
        loader = as_loader(data, batch_size)
        for metric in self.metrics.values():
            metric.reset()
        total, samples = 0.0, 0
        with in_eval_mode(self.model):
            for x, y in loader:
                output = self.model(as_tensor(x))
                total += float(self.loss(output, as_tensor(y))) * len(x)
                samples += len(x)
                for metric in self.metrics.values():
                    metric.update(output.numpy(), y)
        results = {"loss": total / samples}
        return results | {name: metric.value() for name, metric in self.metrics.items()}

    def predict(self, x: Any, batch_size: int = 256) -> Array:
        """The outputs for inputs, with the model in eval mode."""
        return predict(self.model, x, batch_size)

    def stop(self) -> None:
        """End after this epoch; for callbacks."""
        self.stopping = True

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch; one while there is no loader, as in a step by hand."""
        return 1 if self._loader is None else len(self._loader)

    @property
    def total_steps(self) -> int:
        """Batches of the whole run."""
        return self.epochs * self.batches_per_epoch

    @property
    def steps_left(self) -> int:
        """Batches until the end of the run."""
        return self.total_steps - self.step_count

    def _call(self, name: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, name)(self, *arguments)

    # State

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        return {
            "model": self.model.state_dict(),
            "gradients": {
                name: p.grad for name, p in self.model.named_parameters() if p.grad is not None
            },
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "random": default_generator.state_dict(),
            "loader": None if self._loader is None else self._loader.state_dict(),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "history": self.history.rows,
            "epoch": self.epoch,
            "step_count": self.step_count,
            "loss_sum": self._loss_sum,
            "samples": self._samples,
            "seconds": self._seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next `fit` begins where it was taken.

        Raises:
            StateKeyError: when it is the state of another model, optimizer or data.
        """
        self.model.load_state_dict(state["model"])
        for name, parameter in self.model.named_parameters():
            parameter.grad = state["gradients"].get(name)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        default_generator.load_state_dict(state["random"])
        for callback, own in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(own)
        self._loader_state = state["loader"]
        self.history = History(state["history"])
        self.epoch = state["epoch"]
        self.step_count = state["step_count"]
        self._loss_sum = state["loss_sum"]
        self._samples = state["samples"]
        self._seconds = state["seconds"]

    def save(self) -> None:
        """Write the checkpoint, where one is wanted."""
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self.state_dict())

    def resume(self, path: str | os.PathLike[str] | None = None) -> None:
        """Go on from a checkpoint: `path`, or the trainer's own.

        Raises:
            FileFormatError: when it is damaged.
            StateKeyError: when it is that of another model, optimizer or data.
        """
        source = path or self.checkpoint
        if source is None:
            raise KindError("resume needs the path of a checkpoint: this trainer writes none")
        self.load_state_dict(load_checkpoint(source))


def as_loader(data: Data, batch_size: int, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Batches of a loader, a dataset or a pair of arrays."""
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise ShapeError(f"data is (x, y), a dataset or a DataLoader; got {len(data)} parts")
        data = ArrayDataset(*data)
    return DataLoader(data, batch_size, shuffle=shuffle, seed=seed)
