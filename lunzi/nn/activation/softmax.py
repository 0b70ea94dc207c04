"""Activations along an axis: softmax, its logarithm, and the gated linear unit."""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.errors import RangeError
from lunzi.core.spec import normalise_axis
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.module import Module


def softmax(input: Any, dim: int | None = None) -> Tensor:
    """Positive shares that sum to 1 along `dim`.

        y = e^x / sum(e^x)

    Args:
        dim: the axis of the sum. It may be left out for one or two axes, where it is the last;
            with more, PyTorch guesses, and this is an error.

    Raises:
        RangeError: when dim is needed and not given.
    """
    x = as_tensor(input).floating()
    axis = checked_axis(x, dim)
    exponentials = (x - peak(x, axis)).exp()
    return exponentials / exponentials.sum(axis, keepdims=True)


def log_softmax(input: Any, dim: int | None = None) -> Tensor:
    """The logarithm of the softmax, exact also where the softmax rounds to 0.

        y = x - ln(sum(e^x))

    Args:
        dim: the axis of the sum; see `softmax`.

    Raises:
        RangeError: when dim is needed and not given.
    """
    x = as_tensor(input).floating()
    axis = checked_axis(x, dim)
    # Both terms are shifted, for beside a large x the logarithm would be rounded away.
    shifted = x - peak(x, axis)
    return shifted - shifted.exp().sum(axis, keepdims=True).log()


def peak(x: Tensor, axis: int) -> Tensor:
    """The largest number along an axis, of which the result of a softmax does not depend."""
    return x.detach().max(axis, keepdims=True)


def checked_axis(x: Tensor, dim: int | None) -> int:
    if dim is None and x.ndim > 2:
        raise RangeError(
            f"dim= is missing: along which axis of {x.shape} are the results to sum to 1? "
            f"dim=1 for channels, dim=-1 for the last axis"
        )
    return normalise_axis(-1 if dim is None else dim, x.ndim)


class Softmax(Module):
    """y = e^x / sum(e^x) along dim; see `softmax`. `CrossEntropyLoss` takes logits without it."""

    def __init__(self, dim: int | None = None) -> None:
        self.dim = None if dim is None else whole_number("dim", dim, -math.inf)

    def forward(self, input: Any) -> Tensor:
        return softmax(input, self.dim)


class LogSoftmax(Module):
    """y = x - ln(sum(e^x)) along dim; see `log_softmax`."""

    def __init__(self, dim: int | None = None) -> None:
        self.dim = None if dim is None else whole_number("dim", dim, -math.inf)

    def forward(self, input: Any) -> Tensor:
        return log_softmax(input, self.dim)


def glu(input: Any, dim: int = -1) -> Tensor:
    """The first half of an axis, let through by the sigmoid of the second.

        y = a sigmoid(b), x = [a, b]

    Shapes:
        x (..., 2 F, ...) -> y (..., F, ...)

    Raises:
        ShapeError: when the axis has an odd length.

    Source: Dauphin, Fan, Auli and Grangier 2017, arXiv:1612.08083, equation 1.
    """
    a, b = as_tensor(input).floating().split(2, dim)
    return a * b.sigmoid()


class GLU(Module):
    """y = a sigmoid(b), where a and b are the halves of the axis dim; see `glu`."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = whole_number("dim", dim, -math.inf)

    def forward(self, input: Any) -> Tensor:
        return glu(input, self.dim)
