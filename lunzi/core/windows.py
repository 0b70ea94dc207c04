"""Sliding windows, the move under convolution and pooling, and its adjoint."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.primitive import Move, Primitive, primitive
from lunzi.core.spec import Array, Shape, Spec

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


def window_count(length: int, size: int, stride: int, dilation: int) -> int:
    """How many windows fit on an axis."""
    return (length - dilation * (size - 1) - 1) // stride + 1


@primitive
class Windows(Move):
    """y[..., i, ..., k] = x[..., i stride + k dilation, ...] for each of the last axes.

    Slides over the last len(sizes) axes; the places inside a window come as new last axes.

    Shapes:
        x (..., L) -> y (..., count, size), with count = (L - dilation (size - 1) - 1) // stride + 1
    """

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        self.infer(Spec(x.shape, x.dtype))  # as_strided would read beyond the memory of x
        first = x.ndim - len(self.sizes)
        steps = x.strides[first:]
        moved = tuple(step * stride for step, stride in zip(steps, self.strides, strict=True))
        inside = tuple(
            step * dilation for step, dilation in zip(steps, self.dilations, strict=True)
        )
        return as_strided(
            x, self.shape(x.shape), (*x.strides[:first], *moved, *inside), writeable=False
        )

    def shape(self, shape: Shape) -> Shape:
        first = len(shape) - len(self.sizes)
        counts = map(window_count, shape[first:], self.sizes, self.strides, self.dilations)
        return (*shape[:first], *counts, *self.sizes)

    def infer(self, x: Spec) -> Spec:
        if not len(self.sizes) == len(self.strides) == len(self.dilations):
            raise ShapeError(f"{self} needs one size, stride and dilation for each axis")
        if min((*self.sizes, *self.strides, *self.dilations), default=1) < 1:
            raise RangeError(f"sizes, strides and dilations are 1 or more, got {self}")
        if len(self.sizes) > x.ndim:
            raise ShapeError(f"windows over {len(self.sizes)} axes of a tensor of shape {x.shape}")
        shape = self.shape(x.shape)
        lengths = x.shape[x.ndim - len(self.sizes) :]
        for length, size, dilation in zip(lengths, self.sizes, self.dilations, strict=True):
            if dilation * (size - 1) + 1 > length:
                raise ShapeError(
                    f"a window of {dilation * (size - 1) + 1} does not fit on an axis of length "
                    f"{length} (input {x.shape}, sizes {self.sizes}, dilations {self.dilations})"
                )
        return x.with_shape(shape)

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        lengths = x.shape[x.ndim - len(self.sizes) :]
        return dy.apply(OverlapAdd(lengths, self.sizes, self.strides, self.dilations))


@primitive
class OverlapAdd(Primitive):
    """The adjoint of Windows: each number is added where its window took it from.

    Shapes:
        x (..., counts, sizes) -> y (..., lengths)
    """

    lengths: tuple[int, ...]
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        self.infer(Spec(x.shape, x.dtype))  # a slice that lies outside would quietly be cut
        axes = len(self.sizes)
        first: tuple[Any, ...] = (..., *(0,) * axes)
        one_place = x[first]
        counts = one_place.shape[one_place.ndim - axes :]
        # zeros_like keeps the memory order of x, so that a convolution's NHWC stays NHWC.
        y = np.zeros_like(one_place, shape=self.shape(x.shape), subok=False)
        for inside in product(*map(range, self.sizes)):
            target: list[Any] = [...]
            for k, dilation, count, stride in zip(
                inside, self.dilations, counts, self.strides, strict=True
            ):
                start = k * dilation
                target.append(slice(start, start + (count - 1) * stride + 1, stride))
            source: list[Any] = [..., *inside]
            y[tuple(target)] += x[tuple(source)]
        return y

    def shape(self, shape: Shape) -> Shape:
        return (*shape[: len(shape) - 2 * len(self.sizes)], *self.lengths)

    def infer(self, x: Spec) -> Spec:
        result = x.with_shape(self.shape(x.shape))
        expected = Windows(self.sizes, self.strides, self.dilations).infer(result)
        if expected.shape != x.shape:
            raise ShapeError(f"{self} takes windows of shape {expected.shape}, got {x.shape}")
        return result

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return dy.apply(Windows(self.sizes, self.strides, self.dilations))
