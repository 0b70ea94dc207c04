"""What happens to operations in this context: recorded for gradients, sent to a trace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from lunzi.core.primitive import Primitive
    from lunzi.core.spec import Array
    from lunzi.core.tensor import Tensor


class Tracer(Protocol):
    """What a tensor asks of the active trace, which keeps tables of its own for all of it."""

    def append(self, op: Primitive, inputs: Sequence[Tensor]) -> Tensor: ...
    def constant(self, array: Array, source: Any) -> Tensor: ...
    def alias(self, x: Tensor) -> Tensor: ...
    def detach(self, x: Tensor) -> Tensor: ...
    def assign(self, x: Tensor, value: Tensor) -> None: ...
    def version_of(self, x: Tensor) -> int: ...
    def gradient_of(self, x: Tensor) -> Tensor | None: ...
    def set_gradient(self, x: Tensor, gradient: Tensor | None) -> None: ...


class Mode(NamedTuple):
    """Whether a tape is kept, and the trace that receives all operations, if there is one."""

    recording: bool = True
    trace: Tracer | None = None


MODE: ContextVar[Mode] = ContextVar("mode", default=Mode())  # noqa: B039  # a NamedTuple is frozen

# Assignments and recorded operations take numbers from one clock, so that a tape can tell
# whether an input was assigned after it was saved, and in which order it was written.
CLOCK = count(1)


class ModeChange(ContextDecorator):
    """A `with` block, or a function, in which another mode holds; None keeps what holds outside."""

    def __init__(self, recording: bool | None, trace: Tracer | None) -> None:
        self.recording = recording
        self.trace = trace

    def _recreate_cm(self) -> ModeChange:
        # Each call of a decorated function has a block of its own, also in several threads.
        return ModeChange(self.recording, self.trace)

    def __enter__(self) -> None:
        recording, trace = MODE.get()
        if self.recording is not None:
            recording = self.recording
        self.token = MODE.set(Mode(recording, self.trace or trace))

    def __exit__(self, *_: object) -> None:
        MODE.reset(self.token)


def mode(recording: bool | None = None, trace: Tracer | None = None) -> ModeChange:
    """Change the mode inside a `with` block; None keeps what holds outside."""
    return ModeChange(recording, trace)


def no_grad() -> ModeChange:
    """Keep no tape inside a `with` block, or in a function under `@no_grad()`."""
    return ModeChange(False, None)


def enable_grad() -> ModeChange:
    """Keep a tape inside a `with` block, also within `no_grad`."""
    return ModeChange(True, None)


def is_grad_enabled() -> bool:
    """True where a tape is kept."""
    return MODE.get().recording


class ProgramCounter:
    """Raised by whatever makes a traced program another one: a module's attribute, `eval`, `to`.

    A compiled function compares this one number at each call instead of walking all modules.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def advance(self) -> None:
        self.value += 1


PROGRAM = ProgramCounter()
