"""Checked: numbers that are refused unless they lie where they must, also in compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from lunzi.core.mode import MODE
from lunzi.core.primitive import Elementwise
from lunzi.core.spec import Array

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


class Bounds(NamedTuple):
    """Where numbers must lie, both ends included; an infinite end stands open."""

    low: float
    high: float

    def outside(self, x: Array) -> Array:
        """Which numbers lie outside; NaN lies nowhere and is let through."""
        return (x < self.low) | (x > self.high)

    def lies_in(self, others: Bounds) -> bool:
        return others.low <= self.low and self.high <= others.high

    def joined(self, others: Bounds) -> Bounds:
        """The narrowest bounds that hold the numbers of both."""
        return Bounds(min(self.low, others.low), max(self.high, others.high))


class Checked(Elementwise):
    """y = x, where all numbers lie within the bounds; else an error.

    Compiled programs look at all numbers before they change anything outside. A subclass says
    which bounds there are, and what the error is in the words of who asks.
    """

    __slots__ = ()
    kinds = "iuf"

    @property
    def bounds(self) -> Bounds:
        """Where the numbers must lie."""
        raise NotImplementedError

    def refuse(self, x: Array) -> NoReturn:
        """Raise for an array in which some numbers lie outside."""
        raise NotImplementedError

    def look_at(self, x: Array) -> None:
        """Raise if some numbers lie outside."""
        if x.size and self.bounds.outside(x).any():
            self.refuse(x)

    def evaluate(self, x: Array) -> Array:
        self.look_at(x)
        return x.copy()

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (dy,)


def checked(op: Checked, x: Tensor) -> Tensor:
    """The tensor itself, looked at now; in a trace one that the program looks at."""
    if MODE.get().trace is not None:
        return x.apply(op)
    op.look_at(x.checked())
    return x
