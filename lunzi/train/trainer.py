"""Trainer: the loop that one can read, with what a real run needs around it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

from lunzi.compiler.backend import is_eager
from lunzi.core.advice import advise
from lunzi.core.errors import KindError, PositionError, RangeError, StateKeyError
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.data import DataLoader
from lunzi.nn import Module
from lunzi.nn.loss import Loss
from lunzi.nn.utils import clip_grad_norm_, clip_grad_value_
from lunzi.optim import Optimizer
from lunzi.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from lunzi.train.agreement import (
    check_bounds,
    check_compile,
    check_folder,
    check_metrics,
    check_model,
    check_optimizer,
    check_scheduler,
    checked_callbacks,
    checked_loss,
    checked_metrics,
)
from lunzi.train.batches import Data, as_loader, batch_sizes, pairs, samples_between
from lunzi.train.callbacks import Callback
from lunzi.train.checkpoint import load_checkpoint, save_checkpoint
from lunzi.train.diagnosis import check_batch, divergence, look_over
from lunzi.train.history import History, Row
from lunzi.train.inference import in_eval_mode, one_tensor, predict
from lunzi.train.interruption import Interruption
from lunzi.train.metrics import Metric
from lunzi.train.programs import Programs
from lunzi.train.run_size import RunSize
from lunzi.train.run_state import load_run_state, loader_state, run_state


class Trainer:
    """Train a model: epochs, batches, validation, metrics, checkpoints.

    Each step is what one would write by hand: forward, loss, backward, optimizer.step. Around it
    the Trainer keeps the mean loss (weighted by batch size) and the metrics, calls the callbacks,
    and writes checkpoints from which a run goes on with the same bits.

    The steps run compiled (see `lunzi.compile`) where the run is long enough for that: by the
    sizes of model, data and epochs, never by the clock. Plain Python variables that model and
    loss read are part of the program: attributes of modules, the learning rate and all tensors
    may change at any time, but they may not, and raise if they have in a second epoch.

    >>> import numpy as np
    >>> from lunzi import manual_seed, nn, optim
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(64, 1)
    >>> _ = manual_seed(0)
    >>> model = nn.Linear(1, 1)
    >>> trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    >>> history = trainer.fit((x, 3 * x + 1), epochs=30)
    >>> bool(np.allclose(trainer.predict([[2.0]]), 7, atol=0.1))
    True

    Args:
        model: maps a batch of inputs to outputs.
        loss: maps (outputs, targets) to the mean loss of a batch.
        optimizer: of the model's parameters.
        scheduler: changes the learning rate; its `step()` is called after each step of the
            optimizer, or after each epoch with `schedule_each="epoch"`. ReduceLROnPlateau is
            always called after an epoch, with the validation loss (without any, the loss).
        metrics: name -> metric, taken on validation data in eval mode.
        training_metrics: name -> metric, taken on the batches of the training as they pass.
        callbacks: called at the joints of the run, in order; at its end in reverse.
        accumulate: batches whose gradients make one step of the optimizer, each counting as
            much as it has samples: as one batch that is so many times as large. What is left at
            the end of an epoch makes a step of fewer.
        clip_norm, clip_value: bounds of the gradients' norm and of each number in them.
        checkpoint: a file to which the state is written, whole or not at all, at the end of each
            epoch and when Ctrl-C stops the run.
        checkpoint_every: steps after which it is written within an epoch, too.
        compile: False for never, True for runs of any length; LUNZI_COMPILE=0 is for all.

    Raises:
        RangeError: when a number is outside its range, or parts belong to different models.
        KindError: when a part is something else than it should be.
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        *,
        scheduler: LRScheduler | None = None,
        schedule_each: str = "step",
        metrics: Mapping[str, Metric] | None = None,
        training_metrics: Mapping[str, Metric] | None = None,
        callbacks: Sequence[Callback] = (),
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        compile: bool | None = None,
    ) -> None:
        check_compile(compile)
        check_bounds(accumulate, checkpoint_every, clip_norm, clip_value)
        check_model(model, loss)
        check_optimizer(model, optimizer)
        check_scheduler(scheduler, schedule_each, optimizer)
        self.metrics = checked_metrics("metrics", metrics)
        self.training_metrics = checked_metrics("training_metrics", training_metrics)
        check_metrics(self.metrics, self.training_metrics)
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.schedule_each = "epoch" if isinstance(scheduler, ReduceLROnPlateau) else schedule_each
        self.callbacks = checked_callbacks(callbacks)
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.compile = compile
        self.programs = Programs(self)
        self.multiply_adds: int | None = None  # of a sample, once one was seen
        self.history = History()
        self.epoch = 0  # epochs that are done
        self.epochs = 0  # epochs that are wanted
        self.batch = 0  # batches of the epoch that are done
        self.step_count = 0  # batches that are done, over all epochs
        self.stopping = False  # whether somebody asked to end after the epoch
        self.loss_sum = 0.0  # of the epoch so far, over its samples
        self.samples = 0  # of the epoch so far
        self.lr = math.nan  # at the last step of the optimizer
        self.seconds = 0.0  # of the epoch so far, over interruptions
        self.validates = False  # whether this `fit` has validation data
        self._parameters = list(model.parameters())
        self.was_compiled = False  # whether a step was, or is to be
        self._decided: dict[int, bool] = {}  # what is compiled, by the size of the batch
        self._clock = 0.0
        self.loader: DataLoader | None = None  # of the last `fit`
        self.begun: dict[str, Any] | None = None  # state of the loader of the run to go on with

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
        """Train until `epochs` epochs are done, those of an earlier `fit` or a resume included.

        An epoch that Ctrl-C left, or a checkpoint was written in, is gone on with where it stood.

        Args:
            data: a DataLoader; or a dataset or (x, y), shuffled by `seed` in batches.
            validation: the same kinds, not shuffled; its loss and metrics enter the history.
            epochs: how many in all, 0 or more.
            batch_size: for data that is no DataLoader.
            seed: of the order of the samples.

        Raises:
            DivergenceError: when the loss is NaN or infinite, naming step and layer.
            RangeError: when an input or a target is.
            StateKeyError: when an epoch is gone on with on other data.
            TraceError: when a step cannot be compiled.
            KeyboardInterrupt: on Ctrl-C, between two steps and after the checkpoint is written.
        """
        if epochs < 0:
            raise RangeError(f"epochs must be 0 or more, got {epochs}")
        loader = as_loader(data, batch_size, shuffle=True, seed=seed)
        check_data = None if validation is None else as_loader(validation, batch_size)
        check_folder(self.checkpoint)
        self._begin(loader, epochs, check_data is not None)
        with ExitStack() as ending:
            for callback in self.callbacks:
                callback.on_fit_begin(self)
                ending.callback(callback.on_fit_end, self)
            self._clock = time.monotonic()
            with Interruption() as interruption:
                while self._has_work():
                    self._train_epoch(loader, interruption)
                    self._end_epoch(loader, check_data, interruption)
        return self.history

    def _train_epoch(self, loader: DataLoader, interruption: Interruption) -> None:
        self.model.train()
        self.programs.watch.begin_epoch()
        for x, y in pairs(loader, self.epoch, self.batch):
            check_batch(x, y, f"step {self.step_count + 1}", loader.dataset)
            self._look_over(x, y)
            share, is_last = self._place_in_group(loader, len(x))
            loss = self.step(x, y, share, is_last)
            self._count(loss, len(x))
            for callback in self.callbacks:
                callback.on_step_end(self, loss)
            every = self.checkpoint_every
            self._pause(interruption, every is not None and self.step_count % every == 0)

    def step(self, x: Any, y: Any, share: float = 1.0, is_last: bool = True) -> float:
        """Forward, backward and, after the last batch of a group, a step of the optimizer.

        Args:
            x, y: a batch.
            share: how much of its group the batch is, in (0, 1].
            is_last: whether the group is complete with it.

        Returns:
            The mean loss of the batch, before the step.
        """
        learn = self._learn_compiled if self._is_compiled(len(x)) else self._learn
        value = learn(x, y, share, is_last)
        if is_last:
            self.lr = learning_rate(self.optimizer)
            if self.scheduler is not None and self.schedule_each == "step":
                self.scheduler.step()
        return value

    def _learn(self, x: Any, y: Any, share: float, is_last: bool) -> float:
        """The step as it stands."""
        output, loss = self.forward(x, y)
        value = float(loss.item())
        if not math.isfinite(value):
            raise divergence(self.model, x, self.step_count + 1, value)
        for name, metric in self.training_metrics.items():
            metric.update(one_tensor(output, f"the metric {name!r}").numpy(), y)
        (loss if share == 1 else loss * share).backward()
        if is_last:
            self.move()
        else:
            self._settle_gradients()
        return value

    def _learn_compiled(self, x: Any, y: Any, share: float, is_last: bool) -> float:
        """The same as one program, in which a loss that is not finite moves nothing."""
        loss, *output = self._run(self.programs.train, x, y, share, is_last)
        value = float(loss.item())
        if not math.isfinite(value):
            raise divergence(self.model, x, self.step_count + 1, value)
        for metric in self.training_metrics.values():
            metric.update(output[0].numpy(), y)
        return value

    def _run(self, program: Callable[..., Any], x: Any, y: Any, *others: Any) -> Any:
        """What a program gives for a batch; errors as the eager step has them, which tell more."""
        try:
            results = program(as_tensor(x), as_tensor(y), *others)
        except PositionError:
            look_over(self.model, self.forward, x, y)
            raise
        if not math.isfinite(results[0].item()):
            look_over(self.model, self.forward, x, y)
        return results

    def forward(self, x: Any, y: Any) -> tuple[Any, Tensor]:
        """The output of the model for a batch, and the loss, with a tape."""
        output = self.model(as_tensor(x))
        if isinstance(self.loss, Loss):  # a user's own may take several tensors
            one_tensor(output, type(self.loss).__name__)
        return output, checked_loss(self.loss(output, as_tensor(y)))

    def move(self) -> None:
        """Clip the gradients, let the optimizer make its step with them, and forget them."""
        parameters = [p for group in self.optimizer.param_groups for p in group.params]
        if self.clip_norm is not None:
            clip_grad_norm_(parameters, self.clip_norm)
        if self.clip_value is not None:
            clip_grad_value_(parameters, self.clip_value)
        self.optimizer.step()
        for parameter in self._parameters:  # also of those that the optimizer leaves alone
            parameter.grad = None

    def _end_epoch(
        self, loader: DataLoader, check_data: DataLoader | None, interruption: Interruption
    ) -> None:
        row: Row = {"epoch": self.epoch + 1, "loss": self.loss_sum / max(self.samples, 1)}
        row |= {name: metric.value() for name, metric in self.training_metrics.items()}
        if check_data is not None:
            is_compiled = any(map(self._is_compiled, batch_sizes(loader)))
            results = self._evaluate(check_data, is_compiled, lambda: self._pause(interruption))
            row |= {f"validation {name}": value for name, value in results.items()}
        self._lap()
        row |= {"lr": self.lr, "seconds": round(self.seconds, 3)}
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.samples, self.seconds = 0.0, 0, 0.0
        for metric in self.training_metrics.values():
            metric.reset()
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(row.get("validation loss", row["loss"]))
        elif self.scheduler is not None and self.schedule_each == "epoch":
            self.scheduler.step()
        self.history.append(row)
        for callback in self.callbacks:
            callback.on_epoch_end(self, row)
        self._pause(interruption, checkpoint_is_due=True)

    # What is compiled

    def _is_compiled(self, size: int) -> bool:
        """Whether the step for batches of a size runs compiled, in the last or current `fit`."""
        if size not in self._decided:
            pays_off = self.compile if self.compile is not None else self._pays_off(size)
            self._decided[size] = pays_off and not is_eager()
            self.was_compiled |= self._decided[size]
        return self._decided[size]

    def _pays_off(self, size: int) -> bool:
        if self.loader is None or self.multiply_adds is None:
            return False
        tensors = len(self._parameters)
        run = RunSize.of(self.loader, self.epochs, tensors, self.multiply_adds)
        return run.pays_off(size)

    def _look_over(self, x: Any, y: Any) -> None:
        """Before anything is compiled, run the first batch once as it stands.

        It shows what there is to compute, and errors that only numbers show.
        """
        if self.multiply_adds is None and self.compile is not False:
            self.multiply_adds = look_over(self.model, self.forward, x, y) // len(x)

    # Around a step

    def _begin(self, loader: DataLoader, epochs: int, validates: bool) -> None:
        """Take over the data, at the place where the run stands."""
        begun = self.begun or (loader_state(self) if self.batch else None)
        if begun is not None:
            self._refuse_other_data(loader, begun)
        # What was stopped stays so, until more is asked for.
        self.stopping = self.stopping and epochs <= self.epochs
        done = max(self.epoch, self.epochs)
        if epochs != self.epochs:  # another run, with another first batch
            self.multiply_adds = None
        self._decided = {}
        is_resumed, self.begun = self.begun is not None, None
        self.loader, self.epochs, self.validates = loader, epochs, validates
        if epochs and not is_resumed and not self._has_work():
            advise(
                f"there is nothing to train: epochs counts those of earlier calls too, and "
                f"{self.epoch} are done. Ask for more than {done} in all"
            )

    def _refuse_other_data(self, loader: DataLoader, begun: dict[str, Any]) -> None:
        try:
            loader.load_state_dict(begun)
        except StateKeyError as error:
            raise StateKeyError(
                f"the run stands in epoch {self.epoch + 1} after {self.batch} batches and goes on "
                f"with the data that it was begun with: {error.message}. For other data make a "
                f"new Trainer"
            ) from None

    def _has_work(self) -> bool:
        """Whether an epoch is to be trained; one that was begun is, also while stopping."""
        return self.epoch < self.epochs and (self.batch > 0 or not self.stopping)

    def _place_in_group(self, loader: DataLoader, size: int) -> tuple[float, bool]:
        """Which share of the samples of one step of the optimizer a batch has; if it is the last.

        With `accumulate` batches a step, the last step of an epoch may have fewer.
        """
        first = self.batch - self.batch % self.accumulate
        end = min(first + self.accumulate, len(loader))
        return size / samples_between(loader, first, end), self.batch == end - 1

    def _count(self, loss: float, size: int) -> None:
        self.loss_sum += loss * size
        self.samples += size
        self.batch += 1
        self.step_count += 1
        self._lap()

    def _lap(self) -> None:
        now = time.monotonic()
        self.seconds += now - self._clock
        self._clock = now

    def _pause(self, interruption: Interruption, checkpoint_is_due: bool = False) -> None:
        """Between two steps: write the checkpoint if it is time, and end if Ctrl-C was pressed."""
        if checkpoint_is_due or interruption.requested:
            self.save()
        interruption.end_if_requested()

    def _settle_gradients(self) -> None:
        """Bring gradients that wait for more batches into memory without gaps.

        A gradient may look at the memory of another tensor, in steps or many times at one place.
        A sum over it, as in clip_norm, would go through its numbers in another order than
        through those of the same gradient from a checkpoint, and give other last bits.
        """
        for parameter in self._parameters:
            gradient = parameter.grad
            if gradient is not None:
                array = gradient.numpy()
                if not (array.flags.c_contiguous or array.flags.f_contiguous):
                    parameter.grad = Tensor(array.copy(order="K"))

    # Use

    def evaluate(self, data: Data, batch_size: int = 256) -> dict[str, float]:
        """Mean loss and metrics on data, with the model in eval mode.

        A loader is always read as in its epoch 0, so that results can be compared. It is read
        once, so that nothing is compiled for it but with compile=True.
        """
        loader = as_loader(data, batch_size)
        return self._evaluate(loader, self.compile is True and not is_eager(), lambda: None)

    def _evaluate(
        self, loader: DataLoader, is_compiled: bool, pause: Callable[[], None]
    ) -> dict[str, float]:
        for metric in self.metrics.values():
            metric.reset()
        total, samples = 0.0, 0
        look = self._look_compiled if is_compiled else self._look
        with nullcontext() if is_compiled else in_eval_mode(self.model):
            for number, (x, y) in enumerate(pairs(loader, epoch=0), 1):
                check_batch(x, y, f"batch {number} of the evaluation", loader.dataset)
                loss, output = look(x, y)
                total += loss * len(x)
                samples += len(x)
                for name, metric in self.metrics.items():
                    metric.update(one_tensor(output, f"the metric {name!r}").numpy(), y)
                pause()
        results = {"loss": total / samples}
        return results | {name: metric.value() for name, metric in self.metrics.items()}

    def _look(self, x: Any, y: Any) -> tuple[float, Any]:
        """Loss and output for a batch, in the mode of the model."""
        output, loss = self.forward(x, y)
        return float(loss.item()), output

    def _look_compiled(self, x: Any, y: Any) -> tuple[float, Any]:
        """The same in eval mode, as one program; the output is there for metrics alone."""
        loss, *output = self._run(self.programs.evaluate, x, y)
        return float(loss.item()), output[0] if output else None

    def predict(self, x: Any, batch_size: int = 256) -> Array:
        """The outputs for inputs, with the model in eval mode: see `lunzi.train.predict`."""
        return predict(self.model, x, batch_size)

    def stop(self) -> None:
        """End after this epoch; for callbacks."""
        self.stopping = True

    @property
    def validation_columns(self) -> list[str]:
        """The columns of the history that validation data gives."""
        return ["validation loss", *(f"validation {name}" for name in self.metrics)]

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch of the last `fit`."""
        return 0 if self.loader is None else len(self.loader)

    @property
    def total_steps(self) -> int:
        """Batches of the whole run."""
        return self.epochs * self.batches_per_epoch

    @property
    def steps_left(self) -> int:
        """Batches until the end of the run, if it is not stopped."""
        return max((self.epochs - self.epoch) * self.batches_per_epoch - self.batch, 0)

    @property
    def compile_seconds(self) -> float:
        """How long compiling has taken so far."""
        return self.programs.seconds

    # State

    def state_dict(self) -> dict[str, Any]:
        """A copy of everything that the rest of the run depends on."""
        return run_state(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the next `fit` begins where it was taken.

        Nothing changes when something does not fit.

        Raises:
            StateKeyError: when it is the state of another model, optimizer or trainer.
        """
        load_run_state(self, state)

    def save(self) -> None:
        """Write the checkpoint, where one is wanted."""
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self.state_dict(), self.was_compiled)

    def resume(self, path: str | os.PathLike[str] | None = None) -> None:
        """Go on from a checkpoint: `path`, or the trainer's own.

        Raises:
            MissingFileError: when there is none.
            FileFormatError: when it is damaged.
            StateKeyError: when it is that of another model, optimizer or trainer.
        """
        source = self.checkpoint if path is None else path
        if source is None:
            raise KindError("resume needs the path of a checkpoint: this trainer writes none")
        self.load_state_dict(load_checkpoint(source))


def learning_rate(optimizer: Optimizer) -> float:
    """The rate of the first group; NaN for an optimizer that has none."""
    group = optimizer.param_groups[0]
    return float(group["lr"]) if "lr" in group else math.nan
