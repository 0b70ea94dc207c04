"""What all losses share: how they are brought to one number, and checks of what they compare."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from lunzi.core.arguments import choice
from lunzi.core.checked import Bounds, Checked, checked
from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.mode import MODE
from lunzi.core.primitive import primitive
from lunzi.core.spec import Array, DType, Shape
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.module import Module
from lunzi.nn.parameter import Buffer

REDUCTIONS = ("none", "mean", "sum")


class Loss(Module):
    """How far predictions are from their targets.

    Args:
        reduction: "mean" or "sum" over all elements of the batch, or "none" to keep them. The
            mean of an empty batch is NaN.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = check_reduction(reduction)


def check_reduction(reduction: str, known: tuple[str, ...] = REDUCTIONS) -> str:
    """The reduction itself.

    Raises:
        RangeError: when it is not known.
    """
    return choice("reduction", reduction, known)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of the losses, or the losses as they are.

    Raises:
        RangeError: when the reduction is not known.
    """
    match check_reduction(reduction):
        case "mean":
            return losses.mean()
        case "sum":
            return losses.sum()
        case _:
            return losses


def matched(input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Predictions and targets of one shape, in the floating dtype of the predictions.

    Raises:
        ShapeError: when the shapes differ. Broadcasting (64, 1) against (64,) would compare
            every prediction with every target.
    """
    prediction, target = as_tensor(input).floating(), as_tensor(target)
    if prediction.shape != target.shape:
        # A reshape is safe advice only where it adds or removes axes of length 1.
        is_alike = without_ones(prediction.shape) == without_ones(target.shape)
        cure = (
            f"target.reshape{prediction.shape} fits"
            if is_alike
            else "Losses do not broadcast, since that would compare what does not belong together"
        )
        raise ShapeError(
            f"expects targets in the shape {prediction.shape} of the predictions, "
            f"got {target.shape}. {cure}"
        )
    return prediction, target.as_dtype(prediction.dtype)


def without_ones(shape: Shape) -> Shape:
    return tuple(length for length in shape if length != 1)


def factor(name: str, weight: Any, shape: Shape, dtype: DType) -> Tensor:
    """A weight that stretches to the shape of the losses.

    Raises:
        ShapeError: when it does not.
    """
    result = as_tensor(weight).as_dtype(dtype)
    pairs = zip(reversed(result.shape), reversed(shape), strict=False)
    if result.ndim > len(shape) or any(own not in (1, length) for own, length in pairs):
        raise ShapeError(
            f"{name} of shape {result.shape} does not stretch to the predictions {shape}: "
            f"counted from the last axis, its lengths are theirs or 1"
        )
    return result


def kept_weight(weight: Any) -> Buffer | None:
    """A copy of a weight as part of the state of a loss."""
    return None if weight is None else Buffer(np.array(as_tensor(weight).floating()))


def seen(x: Tensor) -> Array | None:
    """The numbers, where there are some to look at: not while a function is traced."""
    return None if MODE.get().trace is not None else x.checked()


@primitive
class InRange(Checked):
    """y = x; numbers outside [low, high] are refused, the first with its position.

    Args:
        what: what the numbers are, and `advice` where they are not, for the error.
    """

    what: str
    advice: str
    low: float
    high: float

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.low, self.high)

    def refuse(self, x: Array) -> NoReturn:
        place = tuple(np.argwhere(self.bounds.outside(x))[0].tolist())
        raise RangeError(
            f"{self.what} lie in [{self.low:g}, {self.high:g}], got {x[place]!s} at position "
            f"{place}. {self.advice}"
        )


def in_range(what: str, x: Tensor, advice: str, low: float = 0.0, high: float = math.inf) -> Tensor:
    """The tensor, whose numbers lie in [low, high]; NaN is let through.

    Raises:
        RangeError: with the first that does not and its position.
    """
    return checked(InRange(what, advice, low, high), x)
