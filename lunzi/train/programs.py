"""What a Trainer does with a batch, as compiled programs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.compiler.compile import Compiled, compile
from lunzi.core.errors import TraceError
from lunzi.core.mode import MODE, no_grad
from lunzi.core.tensor import Tensor
from lunzi.nn import Module
from lunzi.optim import Optimizer
from lunzi.train.inference import in_eval_mode, one_tensor
from lunzi.train.metrics import Metric
from lunzi.train.watch import Watch

if TYPE_CHECKING:
    from lunzi.train.trainer import Trainer

Results = tuple[Tensor, ...]  # the loss, and the output where a metric wants it

NOT_TRACED = (
    "A Trainer compiles its steps, for which model and loss are run once on symbols, without "
    "numbers. Trainer(..., compile=False) trains without"
)


class Programs:
    """The steps of a Trainer, each compiled for every shape of a batch.

    They are those of the eager loop with one difference, which no finite number shows: whether
    the loss is finite is asked inside, and where it is not, the optimizer moves nothing.

    Args:
        trainer: whose model, loss, optimizer and metrics they use.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.seconds = 0.0  # that compiling has taken so far
        self.watch = Watch()

    def train(self, x: Tensor, y: Tensor, share: float, is_last: bool) -> Results:
        """Learn from a batch: see `Trainer.step`.

        Raises:
            TraceError: when model or loss cannot be compiled, or were changed unseen.
        """
        batch: tuple[Any, ...] = (x, y)
        if share == 1 and is_last:
            program = self.learn
        else:
            # An array, because a number would be part of the program.
            program, batch = self.finish if is_last else self.gather, (x, y, np.array(share))
        self.watch.begin_call()
        if self.watch.is_due:
            has_gradients = any(p.grad is not None for p in self.trainer.model.parameters())
            with teaching():
                self.watch.look(program, batch, has_gradients)
        return self.run(program, *batch)

    def evaluate(self, x: Tensor, y: Tensor) -> Results:
        """Loss and output of a batch in eval mode."""
        self.watch.begin_call()
        return self.run(self.look, x, y)

    def run(self, program: Compiled, *batch: Any) -> Results:
        """Call a program, and count the time if it had to be compiled."""
        built, start = program.built, time.monotonic()
        with teaching():
            results: Results = program(*batch)
        if program.built != built:
            self.seconds += time.monotonic() - start
        self.watch.end_call()
        return results

    # The programs

    @compile
    def learn(self, x: Tensor, y: Tensor) -> Results:
        """A batch that makes a step of the optimizer by itself."""
        output, loss = self.trainer.forward(x, y)
        loss.backward()
        self.move(loss)
        return results(loss, output, self.trainer.training_metrics)

    @compile
    def gather(self, x: Tensor, y: Tensor, share: Tensor) -> Results:
        """A batch of a group, whose gradients wait for those of the others."""
        output, loss = self.trainer.forward(x, y)
        (loss * share.as_dtype(loss.dtype)).backward()
        return results(loss, output, self.trainer.training_metrics)

    @compile
    def finish(self, x: Tensor, y: Tensor, share: Tensor) -> Results:
        """The last batch of a group, with the step of the optimizer."""
        output, loss = self.trainer.forward(x, y)
        (loss * share.as_dtype(loss.dtype)).backward()
        self.move(loss)
        return results(loss, output, self.trainer.training_metrics)

    @compile
    def look(self, x: Tensor, y: Tensor) -> Results:
        """Loss and output in eval mode.

        The mode is changed in here, where only a trace sees it: around the call, it would have
        all programs traced again in each epoch.
        """
        with traced_in_eval_mode(self.trainer.model):
            output, loss = self.trainer.forward(x, y)
        return results(loss, output, self.trainer.metrics)

    def move(self, loss: Tensor) -> None:
        """The step of the optimizer; none where the loss is not finite."""
        with no_grad():
            before = [(x, version_of(x), x.copy()) for x in moved_by(self.trainer.optimizer)]
            self.trainer.move()
            is_finite = loss.isfinite().reshape(())
            for x, version, old in before:
                if version_of(x) != version:
                    x.assign(is_finite.where(x, old))


def moved_by(optimizer: Optimizer) -> list[Tensor]:
    """What a step of the optimizer may assign to."""
    return [x for parameter, state in optimizer.state.items() for x in (parameter, *state.values())]


@contextmanager
def traced_in_eval_mode(model: Module) -> Iterator[None]:
    """Eval mode for a trace, without telling other programs, for which nothing has changed."""
    if type(model).train is not Module.train or type(model).eval is not Module.eval:
        with in_eval_mode(model):  # for it does more than set the attribute
            yield
        return
    before = [(module, module.training) for module in model.modules()]
    try:
        set_quietly({module: False for module, _ in before})
        with no_grad():
            yield
    finally:
        set_quietly(dict(before))


def set_quietly(training: dict[Module, bool]) -> None:
    """Set the mode of modules, not by __setattr__, which tells all programs."""
    for module, value in training.items():
        vars(module)["training"] = value


def version_of(x: Tensor) -> int:
    """When the tensor was assigned last, in the trace if there is one."""
    trace = MODE.get().trace
    return x.version if trace is None else trace.version_of(x)


def results(loss: Tensor, output: Any, metrics: Mapping[str, Metric]) -> Results:
    """What a program gives."""
    outputs = [one_tensor(output, f"the metric {name!r}") for name in metrics][:1]
    return tuple(x.detach() for x in (loss, *outputs))


@contextmanager
def teaching() -> Iterator[None]:
    """Let errors of tracing say what one can do about them in a Trainer."""
    try:
        yield
    except TraceError as error:
        error.message = f"{error.message}. {NOT_TRACED}"
        raise
