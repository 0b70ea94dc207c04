"""Flatten and Unflatten: several axes as one, and one as several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.errors import ShapeError
from lunzi.core.spec import normalise_axis, size_of
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.arguments import lengths
from lunzi.nn.module import Module


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one, in C order.

    Args:
        start_dim: the first of them, counted from the end where it is negative.
        end_dim: the last of them, likewise.

    Shapes:
        x (N, C, H, W) -> y (N, C H W)

    Raises:
        PositionError: when the input has no such axes.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = whole_number("start_dim", start_dim, -math.inf)
        self.end_dim = whole_number("end_dim", end_dim, -math.inf)

    def forward(self, input: Any) -> Tensor:
        return as_tensor(input).flatten(self.start_dim, self.end_dim)


class Unflatten(Module):
    """One axis as several, in C order.

    Args:
        dim: the axis, counted from the end where it is negative. (PyTorch's named axes are not
            offered.)
        unflattened_size: their lengths; one may be -1, to be found.

    Shapes:
        x (..., F, ...) -> y (..., *unflattened_size, ...)

    Raises:
        PositionError: when the input has no such axis.
        ShapeError: when the axis has another length than theirs multiplied.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = whole_number("dim", dim, -math.inf)
        self.unflattened_size = lengths("unflattened_size", unflattened_size, least=-1)

    def forward(self, input: Any) -> Tensor:
        x = as_tensor(input)
        axis = normalise_axis(self.dim, x.ndim)
        length, sizes = x.shape[axis], list(self.unflattened_size)
        known = abs(size_of(sizes))
        if -1 in sizes and known and length % known == 0:
            sizes[sizes.index(-1)] = length // known
        if size_of(sizes) != length or -1 in sizes:
            raise ShapeError(
                f"expects an axis {self.dim} that {self.unflattened_size} divides up, "
                f"got {x.shape} with {length}"
            )
        return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])
