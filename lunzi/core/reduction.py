"""Many numbers to one, running sums and sorting: primitives and methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Never

import numpy as np

from lunzi.core.arrays import as_number
from lunzi.core.errors import ShapeError
from lunzi.core.movement import BroadcastTo, MovementMethods, Reshape
from lunzi.core.primitive import Primitive, primitive
from lunzi.core.pytorch_names import refuse_foreign
from lunzi.core.spec import (
    Array,
    Axes,
    DType,
    Spec,
    as_flag,
    bool_,
    float16,
    float32,
    int64,
    is_floating,
    normalise_axes,
    normalise_axis,
    size_of,
    without_axes,
)

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


# Not x.sum: that is a call of Python more, in a module where NumPy's warnings of infinities are
# not silenced.
add_up: Callable[..., Array] = np.add.reduce


def sum_dtype(dtype: DType) -> DType:
    """Integers and truth values are summed in int64, so that counts do not wrap around."""
    return dtype if is_floating(dtype) else int64


@primitive
class Sum(Primitive):
    """y = the sum along `axes`."""

    axes: tuple[int, ...]
    keepdims: bool = False

    def evaluate(self, x: Array) -> Array:
        if x.dtype == float16:  # 2,048 + 1 is 2,048 there: added in float32, rounded once
            return add_up(x, self.axes, float32, keepdims=self.keepdims).astype(float16)
        return add_up(x, self.axes, sum_dtype(x.dtype), keepdims=self.keepdims)

    def infer(self, x: Spec) -> Spec:
        axes = normalise_axes(self.axes, x.ndim)
        return Spec(without_axes(x.shape, axes, self.keepdims), sum_dtype(x.dtype))

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return stretched(dy, x, self.axes)


def stretched(reduced: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
    """A reduced tensor repeated along the axes that were reduced."""
    if reduced.ndim and reduced.ndim != x.ndim:
        reduced = reduced.apply(Reshape(without_axes(x.shape, axes, keepdims=True)))
    return reduced.apply(BroadcastTo(x.shape))


class Extreme(Primitive):
    """The largest or smallest number along `axes`; NaN where there is one.

    Several equal extremes share the gradient equally (PyTorch's amax and amin do too; its
    max with `dim` and its max pooling give it all to one of them).
    """

    __slots__ = ()
    axes: tuple[int, ...]
    keepdims: bool

    def infer(self, x: Spec) -> Spec:
        axes = normalise_axes(self.axes, x.ndim)
        if not size_of([x.shape[axis] for axis in axes]):
            raise ShapeError(f"{self} of no numbers: the tensor has shape {x.shape}")
        return x.with_shape(without_axes(x.shape, axes, self.keepdims))

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        chosen = x.equal(stretched(y, x, self.axes)).astype(x.dtype)
        share = dy.reshape(without_axes(x.shape, self.axes, keepdims=True)) / chosen.sum(
            self.axes, keepdims=True
        )
        return chosen * share


@primitive
class Max(Extreme):
    """y = the largest number along `axes`, NaN where there is one; equal ones share dy."""

    axes: tuple[int, ...]
    keepdims: bool = False

    def evaluate(self, x: Array) -> Array:
        y: Array = x.max(self.axes, keepdims=self.keepdims)
        return y


@primitive
class Min(Extreme):
    """y = the smallest number along `axes`, NaN where there is one; equal ones share dy."""

    axes: tuple[int, ...]
    keepdims: bool = False

    def evaluate(self, x: Array) -> Array:
        y: Array = x.min(self.axes, keepdims=self.keepdims)
        return y


class Position(Primitive):
    """Where along `axis` an extreme stands: the first of several; a NaN counts as extreme."""

    __slots__ = ()
    axis: int

    def infer(self, x: Spec) -> Spec:
        axis = normalise_axis(self.axis, x.ndim)
        if not x.shape[axis]:
            raise ShapeError(f"{self} of no numbers: the tensor has shape {x.shape}")
        return Spec(without_axes(x.shape, (axis,)), int64)


@primitive
class ArgMax(Position):
    """y = the index of the largest number along `axis`."""

    axis: int

    def evaluate(self, x: Array) -> Array:
        y: Array = x.argmax(self.axis)
        return y


@primitive
class ArgMin(Position):
    """y = the index of the smallest number along `axis`."""

    axis: int

    def evaluate(self, x: Array) -> Array:
        y: Array = x.argmin(self.axis)
        return y


@primitive
class CumulativeSum(Primitive):
    """y[i] = x[0] + ... + x[i] along `axis`."""

    axis: int

    def evaluate(self, x: Array) -> Array:
        y: Array = np.add.accumulate(x, self.axis, sum_dtype(x.dtype))
        return y

    def infer(self, x: Spec) -> Spec:
        normalise_axis(self.axis, x.ndim)
        return x.with_dtype(sum_dtype(x.dtype))

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        # x[j] reaches every y[i] with i >= j, so its gradient is a sum from the far end.
        return dy.flip(self.axis).cumulative_sum(self.axis).flip(self.axis)


@primitive
class ArgSort(Primitive):
    """y = the order in which x rises along `axis`; equal numbers keep theirs, NaN comes last."""

    axis: int

    def evaluate(self, x: Array) -> Array:
        return np.argsort(x, self.axis, kind="stable")

    def infer(self, x: Spec) -> Spec:
        normalise_axis(self.axis, x.ndim)
        return x.with_dtype(int64)


class ReductionMethods(MovementMethods):
    """Reductions: `axis` is one axis, several, or None for all of them."""

    __slots__ = ()

    def sum(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """The sum; of integers and truth values in int64."""
        refuse_foreign(foreign)
        return self.apply(Sum(normalise_axes(axis, self.ndim), as_flag(keepdims, "keepdims")))

    def max(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """The largest number, NaN where there is one; equal ones share the gradient."""
        refuse_foreign(foreign)
        return self.apply(Max(normalise_axes(axis, self.ndim), as_flag(keepdims, "keepdims")))

    def min(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """The smallest number, NaN where there is one; equal ones share the gradient."""
        refuse_foreign(foreign)
        return self.apply(Min(normalise_axes(axis, self.ndim), as_flag(keepdims, "keepdims")))

    def mean(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """The sum divided by the count; NaN where there are no numbers."""
        refuse_foreign(foreign)
        axes = normalise_axes(axis, self.ndim)
        x = self.floating()
        return (x.wide().sum(axes, keepdims) / self.count(axes)).as_dtype(x.dtype)

    def var(
        self,
        /,
        axis: Axes = None,
        correction: float = 0.0,
        keepdims: bool = False,
        **foreign: Never,
    ) -> Tensor:
        """The variance: squared distances to the mean, over count - `correction` (not below 0)."""
        refuse_foreign(foreign)
        axes = normalise_axes(axis, self.ndim)
        x = self.floating().wide()
        centred = x - x.mean(axes, keepdims=True)
        squares = (centred * centred).sum(axes, keepdims)
        count: float = max(self.count(axes) - as_number(correction, "the correction"), 0.0)
        return (squares / count).as_dtype(self.floating().dtype)

    def std(
        self,
        /,
        axis: Axes = None,
        correction: float = 0.0,
        keepdims: bool = False,
        **foreign: Never,
    ) -> Tensor:
        """The square root of the variance."""
        refuse_foreign(foreign)
        x = self.floating()
        return x.wide().var(axis, correction, keepdims).sqrt().as_dtype(x.dtype)

    def wide(self) -> Tensor:
        """The tensor in a dtype with room for sums of squares: float16 becomes float32."""
        return self.as_dtype(float32 if self.dtype == float16 else self.dtype)

    def count(self, axes: Sequence[int]) -> float:
        """How many numbers a reduction along `axes` brings together, NaN for none."""
        return size_of([self.shape[axis] for axis in axes]) or math.nan

    def prod(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """The product, of integers in int64; 1 where there are no numbers.

        A tree of multiplications, so that its gradient is right where factors are 0 too.
        """
        refuse_foreign(foreign)
        axes, keepdims = normalise_axes(axis, self.ndim), as_flag(keepdims, "keepdims")
        kept = [place for place in range(self.ndim) if place not in axes]
        shape = without_axes(self.shape, axes, keepdims)
        x = self.as_dtype(sum_dtype(self.dtype)).permute_dims([*kept, *axes])
        x = x.reshape(
            [*(self.shape[place] for place in kept), size_of([self.shape[a] for a in axes])]
        )
        while x.shape[-1] > 1:
            length = x.shape[-1]
            pairs = x.slice_axis(-1, 0, length - 1, 2) * x.slice_axis(-1, 1, length, 2)
            if length % 2:
                pairs = pairs.pad([(0, 0)] * (x.ndim - 1) + [(0, 1)], 1) * x.slice_axis(
                    -1, length - 1, length
                ).pad([(0, 0)] * (x.ndim - 1) + [(length // 2, 0)], 1)
            x = pairs
        return x.reshape(shape) if x.shape[-1] else x.sum(-1).reshape(shape) + 1

    def any(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """True where one number at least is true or not 0."""
        refuse_foreign(foreign)
        truths = self if self.dtype == bool_ else self != 0
        return truths.sum(axis, keepdims) > 0

    def all(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """True where every number is true or not 0."""
        refuse_foreign(foreign)
        return self.equal(0).sum(axis, keepdims).equal(0)

    def logsumexp(self, /, axis: Axes = None, keepdims: bool = False, **foreign: Never) -> Tensor:
        """ln of the sum of e^x, safe for large x."""
        refuse_foreign(foreign)
        axes = normalise_axes(axis, self.ndim)
        x = self.floating().wide()
        largest = x.max(axes, keepdims=True).detach()
        # Without finite numbers there is nothing to shift by (and infinity - infinity is NaN).
        largest = largest.isfinite().where(largest, 0)
        result = (x - largest).exp().sum(axes, keepdims=True).log() + largest
        result = result.as_dtype(self.floating().dtype)
        return result if as_flag(keepdims, "keepdims") else result.squeeze(axes)

    def argmax(
        self, /, axis: int | None = None, keepdims: bool = False, **foreign: Never
    ) -> Tensor:
        """The index of the largest number, the first of several; over all in C order for None."""
        refuse_foreign(foreign)
        return self.position(ArgMax, axis, keepdims)

    def argmin(
        self, /, axis: int | None = None, keepdims: bool = False, **foreign: Never
    ) -> Tensor:
        """The index of the smallest number, the first of several; over all in C order for None."""
        refuse_foreign(foreign)
        return self.position(ArgMin, axis, keepdims)

    def position(self, op: type[ArgMax | ArgMin], axis: int | None, keepdims: bool) -> Tensor:
        keepdims = as_flag(keepdims, "keepdims")
        if axis is None:
            flat = self.flatten().apply(op(0))
            return flat.reshape((1,) * self.ndim) if keepdims else flat
        axis = normalise_axis(axis, self.ndim)
        result = self.apply(op(axis))
        return result.expand_dims(axis) if keepdims else result

    def cumulative_sum(self, /, axis: int = -1, **foreign: Never) -> Tensor:
        """y[i] = x[0] + ... + x[i] along `axis`."""
        refuse_foreign(foreign)
        return self.apply(CumulativeSum(normalise_axis(axis, self.ndim)))

    def argsort(self, /, axis: int = -1, descending: bool = False, **foreign: Never) -> Tensor:
        """The order that sorts along `axis`; equal numbers keep theirs, NaN comes last.

        In descending order NaN comes first, and equal numbers keep their order too.
        """
        refuse_foreign(foreign)
        axis = normalise_axis(axis, self.ndim)
        if not as_flag(descending, "descending"):
            return self.apply(ArgSort(axis))
        # Sorting the mirror image keeps equal numbers in order, also in unsigned integers.
        order = self.flip(axis).apply(ArgSort(axis)).flip(axis)
        return (self.shape[axis] - 1) - order
