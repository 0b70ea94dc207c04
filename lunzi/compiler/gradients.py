"""The gradient slots of a program: what enters through them, and what is left in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lunzi.compiler.memories import layout_of, owner_of
from lunzi.core.autograd import NOT_KEPT
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, wrap


class Entering(NamedTuple):
    """A gradient that is there before the call."""

    place: int  # of its memory
    tensor: Tensor  # whose gradient it is
    layout: tuple[int, ...]
    is_written: bool  # a sum that goes on: its memory is written in place


class Stored(NamedTuple):
    """A gradient that the call leaves where none was read before, in memory of its own."""

    place: int
    tensor: Tensor


class Gradients:
    """What a program does with gradient slots.

    Args:
        absent: tensors whose slot was read and was empty: the program is for that case.
        cleared: tensors whose slot is empty afterwards.
    """

    def __init__(
        self,
        entering: Sequence[Entering],
        stored: Sequence[Stored],
        absent: Sequence[Tensor],
        cleared: Sequence[Tensor],
    ) -> None:
        self.entering = tuple(entering)
        self.stored = tuple(stored)
        self.absent = tuple(absent)
        self.cleared = tuple(cleared)

    def __bool__(self) -> bool:
        return bool(self.entering or self.stored or self.absent or self.cleared)

    def fit(self) -> bool:
        """Whether the slots are as this program expects them."""
        for tensor in self.absent:
            if tensor._grad is not None:
                return False
        for _, tensor, layout, _ in self.entering:
            gradient = tensor._grad
            if gradient is None or gradient is NOT_KEPT:
                return False
            if layout_of(gradient.checked()) != layout:
                return False
        return True

    def placed(self, memories: Sequence[Array], arguments: Sequence[Array]) -> list[Array]:
        """The memories of a call, with those of gradients at their places."""
        result = list(memories)
        taken = [*arguments, *memories]
        for place, tensor, _, is_written in self.entering:
            if is_written:
                make_own(tensor, taken)
            result[place] = gradient_of(tensor).checked()
            taken.append(result[place])
        for place, _ in self.stored:
            result[place] = np.empty_like(memories[place])
        return result

    def settle(self, memories: Sequence[Array], now: int) -> None:
        """Put what was computed into the slots; `now` is the time of the write."""
        for _, tensor, _, is_written in self.entering:
            if is_written:
                gradient_of(tensor).version = now
        for place, tensor in self.stored:
            tensor._grad = wrap(memories[place])
        for tensor in self.cleared:
            tensor._grad = None


def gradient_of(tensor: Tensor) -> Tensor:
    """The gradient that a tensor is known to have."""
    assert tensor._grad is not None, "the slot was looked at before"
    return tensor._grad


def make_own(tensor: Tensor, others: Sequence[Array] = ()) -> None:
    """Give the gradient of a tensor memory of its own, in which a sum may go on.

    An eager sum makes a new tensor and leaves alone what the old one shares its memory with.
    """
    gradient = gradient_of(tensor)
    array = gradient.checked()
    is_free = gradient.origin is None and not gradient.is_view and array.flags.writeable
    if not is_free or array.base is not None or any(owner_of(x) is array for x in others):
        tensor._grad = wrap(array.copy(order="K"))
