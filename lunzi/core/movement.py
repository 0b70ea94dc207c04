"""Moves: the same numbers in other places. Primitives, and the methods that apply them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from lunzi.core.arrays import as_number
from lunzi.core.errors import PositionError, RangeError, ShapeError
from lunzi.core.logic import LogicMethods
from lunzi.core.primitive import Move, Primitive, primitive, same_dtype
from lunzi.core.pytorch_names import refuse_foreign
from lunzi.core.spec import (
    Array,
    Shape,
    Spec,
    as_index,
    as_shape,
    broadcast_shapes,
    normalise_axes,
    normalise_axis,
    size_of,
)

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


@primitive
class Reshape(Move):
    """The numbers in C order, in another shape of the same size."""

    shape: Shape

    def evaluate(self, x: Array) -> Array:
        return x.reshape(self.shape)

    def infer(self, x: Spec) -> Spec:
        if size_of(x.shape) != size_of(self.shape):
            raise ShapeError(
                f"{x.shape} has {size_of(x.shape)} elements and cannot become {self.shape}, "
                f"which has {size_of(self.shape)}"
            )
        return x.with_shape(self.shape)

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return dy.reshape(x.shape)


@primitive
class PermuteDims(Move):
    """Axis i of the result is axis axes[i] of x."""

    axes: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        return x.transpose(self.axes)

    def infer(self, x: Spec) -> Spec:
        if sorted(self.axes) != list(range(x.ndim)):
            raise PositionError(
                f"permute_dims of a {x.ndim}-dimensional tensor names each of its axes once, "
                f"got {self.axes}"
            )
        return x.with_shape([x.shape[axis] for axis in self.axes])

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return dy.permute_dims(inverse_order(self.axes))


MOST_PARTS_OF_NOTHING = 2**16  # an axis without elements goes into any number of parts
SWAP = PermuteDims((1, 0))  # the order of rows and columns, in every gradient of a matmul


def inverse_order(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


@primitive
class BroadcastTo(Move):
    """x repeated along axes of length 1 and along new first axes."""

    shape: Shape

    def evaluate(self, x: Array) -> Array:
        # A view takes 2 us to make, as long as it takes to copy so many numbers. (An assignment
        # would quietly drop first axes of length 1.)
        if size_of(self.shape) > 4096 or x.ndim > len(self.shape):
            return np.broadcast_to(x, self.shape)
        y = np.empty(self.shape, x.dtype)
        y[...] = x
        return y

    def infer(self, x: Spec) -> Spec:
        if broadcast_shapes(x.shape, self.shape) != self.shape:
            raise ShapeError(f"{x.shape} cannot stretch to {self.shape}")
        return x.with_shape(self.shape)

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        # The caller undoes every broadcast, this one too.
        return dy


@primitive
class Flip(Move):
    """x in reverse order along `axes`."""

    axes: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        return np.flip(x, self.axes)

    def infer(self, x: Spec) -> Spec:
        normalise_axes(self.axes, x.ndim)
        return x

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        return dy.flip(self.axes)


@primitive
class Slice(Move):
    """On each axis the elements start, start + step, ... below stop."""

    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        return x[tuple(map(slice, self.starts, self.stops, self.steps))]

    def check(self, shape: Shape) -> None:
        for axis, (start, stop, step) in enumerate(
            zip(self.starts, self.stops, self.steps, strict=True)
        ):
            if not 0 <= start <= stop <= shape[axis] or step < 1:
                raise PositionError(f"{self} does not lie in {shape}, axis {axis}")

    def infer(self, x: Spec) -> Spec:
        self.check(x.shape)
        return x.with_shape(
            [
                len(range(*bounds))
                for bounds in zip(self.starts, self.stops, self.steps, strict=True)
            ]
        )

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        before, after = [], []
        for start, step, length, total in zip(
            self.starts, self.steps, y.shape, x.shape, strict=True
        ):
            first = start if length else 0
            covered = (length - 1) * step + 1 if length else 0
            before.append(first)
            after.append(total - first - covered)
        return dy.apply(Pad(tuple(before), tuple(after), self.steps))


@primitive
class Pad(Primitive):
    """Zeros on each axis: `before`, `after`, and `steps` - 1 between neighbours."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    steps: tuple[int, ...]

    def evaluate(self, x: Array) -> Array:
        # zeros_like keeps the memory order of x, so that a convolution's NHWC stays NHWC.
        y = np.zeros_like(x, shape=self.padded_shape(x.shape), subok=False)
        y[self.places(x.shape)] = x
        return y

    def padded_shape(self, shape: Shape) -> Shape:
        return tuple(
            before + after + ((length - 1) * step + 1 if length else 0)
            for before, after, step, length in zip(
                self.before, self.after, self.steps, shape, strict=True
            )
        )

    def places(self, shape: Shape) -> tuple[slice, ...]:
        return tuple(
            slice(before, before + length * step, step) if length else slice(0, 0)
            for before, step, length in zip(self.before, self.steps, shape, strict=True)
        )

    def infer(self, x: Spec) -> Spec:
        if not len(self.before) == len(self.after) == len(self.steps) == x.ndim:
            raise ShapeError(f"{self} pads {len(self.before)} axes, the tensor has {x.ndim}")
        if min((*self.before, *self.after, 0)) < 0 or min((*self.steps, 1)) < 1:
            raise RangeError(f"padding must not be negative, got {self}")
        return x.with_shape(self.padded_shape(x.shape))

    def gradient(self, dy: Tensor, y: Tensor, x: Tensor) -> Tensor:
        places = self.places(x.shape)
        stops = tuple(min(place.stop, total) for place, total in zip(places, y.shape, strict=True))
        return dy.apply(Slice(tuple(place.start for place in places), stops, self.steps))


@primitive
class Concat(Primitive):
    """The inputs one after the other along `axis`."""

    axis: int

    def evaluate(self, *inputs: Array) -> Array:
        return np.concatenate(inputs, self.axis)

    def infer(self, *inputs: Spec) -> Spec:
        first = inputs[0]
        axis = normalise_axis(self.axis, first.ndim)
        same_dtype(self, inputs)
        for number, x in enumerate(inputs):
            if x.ndim != first.ndim or any(
                a != b
                for i, (a, b) in enumerate(zip(x.shape, first.shape, strict=True))
                if i != axis
            ):
                raise ShapeError(
                    f"concat along axis {axis} takes tensors of equal lengths on all other axes: "
                    f"the first has shape {first.shape}, number {number} has {x.shape}"
                )
        shape = list(first.shape)
        shape[axis] = sum(x.shape[axis] for x in inputs)
        return first.with_shape(shape)

    def gradient(self, dy: Tensor, y: Tensor, *inputs: Tensor) -> tuple[Tensor | None, ...]:
        parts, start = [], 0
        for x in inputs:
            stop = start + x.shape[self.axis]
            parts.append(dy.slice_axis(self.axis, start, stop) if x.requires_grad else None)
            start = stop
        return tuple(parts)


class MovementMethods(LogicMethods):
    """Shapes, orders, parts. Most results share memory with this tensor where NumPy's do."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:  # noqa: N802  # the field's name for it
        """The matrix with its axes exchanged."""
        if self.ndim != 2:
            raise ShapeError(
                f"T is for matrices, the tensor has shape {self.shape}; "
                f"use mT for stacks of matrices or permute_dims"
            )
        return self.permute_dims(1, 0)

    @property
    def mT(self) -> Tensor:  # noqa: N802  # the array-API standard's name
        """The last two axes exchanged."""
        if self.ndim == 2:
            return self.apply(SWAP)
        if self.ndim < 2:
            raise ShapeError(f"mT needs two axes at least, the tensor has shape {self.shape}")
        last = self.ndim - 1
        return self.apply(PermuteDims((*range(last - 1), last, last - 1)))

    def reshape(self, *shape: Any) -> Tensor:
        """The numbers in C order in another shape; one length may be -1, to be found.

        Raises:
            ShapeError: when the sizes differ.
        """
        lengths = [as_index(n, "a length in a shape") for n in as_sequence(shape)]
        if -1 in lengths:
            known = -size_of(lengths)
            if lengths.count(-1) > 1 or known <= 0 or self.size % known:
                raise ShapeError(
                    f"cannot reshape {self.shape} to {tuple(lengths)}: its {self.size} elements "
                    f"leave no one length for -1"
                )
            lengths[lengths.index(-1)] = self.size // known
        return self.apply(Reshape(tuple(lengths)))

    def permute_dims(self, *axes: Any) -> Tensor:
        """The axes in another order: axis i of the result is axis axes[i] of this tensor."""
        order = tuple(normalise_axis(axis, self.ndim) for axis in as_sequence(axes))
        if len(order) != self.ndim:
            PermuteDims(order).infer(self.spec)
        return self.apply(PermuteDims(order))

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        order = list(range(self.ndim))
        a, b = normalise_axis(axis1, self.ndim), normalise_axis(axis2, self.ndim)
        order[a], order[b] = b, a
        return self.permute_dims(order)

    def moveaxis(self, source: int, destination: int) -> Tensor:
        """One axis at another place, the rest in their order."""
        order = list(range(self.ndim))
        order.remove(normalise_axis(source, self.ndim))
        order.insert(normalise_axis(destination, self.ndim), normalise_axis(source, self.ndim))
        return self.permute_dims(order)

    def broadcast_to(self, *shape: Any) -> Tensor:
        """Repeated along axes of length 1 and along new first axes.

        Raises:
            ShapeError: when this shape does not stretch to the other.
        """
        return self.apply(BroadcastTo(as_shape(as_sequence(shape))))

    def expand_dims(self, axis: int | Sequence[int]) -> Tensor:
        """New axes of length 1, at these places of the result."""
        count = len(axis) if isinstance(axis, tuple | list) else 1
        places = normalise_axes(axis, self.ndim + count)
        lengths = iter(self.shape)
        return self.reshape(
            [1 if place in places else next(lengths) for place in range(self.ndim + count)]
        )

    def squeeze(self, /, axis: int | Sequence[int] | None = None, **foreign: Never) -> Tensor:
        """Without axes of length 1: the named ones, or all of them.

        Raises:
            ShapeError: when a named axis is longer.
        """
        refuse_foreign(foreign)
        if axis is None:
            return self.reshape([length for length in self.shape if length != 1])
        axes = normalise_axes(axis, self.ndim)
        for place in axes:
            if self.shape[place] != 1:
                raise ShapeError(
                    f"squeeze removes axes of length 1; axis {place} of {self.shape} "
                    f"has length {self.shape[place]}"
                )
        return self.reshape([n for place, n in enumerate(self.shape) if place not in axes])

    def flatten(self, /, start_axis: int = 0, end_axis: int = -1, **foreign: Never) -> Tensor:
        """The axes from `start_axis` to `end_axis` as one, in C order."""
        refuse_foreign(foreign)
        if self.ndim == 0:
            return self.reshape(1)
        start = normalise_axis(start_axis, self.ndim)
        end = normalise_axis(end_axis, self.ndim)
        if start > end:
            raise RangeError(f"flatten from axis {start} to axis {end}: the first is behind")
        middle = size_of(self.shape[start : end + 1])
        return self.reshape([*self.shape[:start], middle, *self.shape[end + 1 :]])

    def flip(self, /, axis: int | Sequence[int] | None = None, **foreign: Never) -> Tensor:
        """In reverse order along these axes; None means all."""
        refuse_foreign(foreign)
        return self.apply(Flip(normalise_axes(axis, self.ndim)))

    def slice_axis(self, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
        """The elements start, start + step, ... below stop of one axis; 0 <= start <= stop.

        Raises:
            PositionError: when they do not lie in the axis, or the step is below 1.
        """
        starts, stops = [0] * self.ndim, list(self.shape)
        steps = [1] * self.ndim
        axis = normalise_axis(axis, self.ndim)
        starts[axis], stops[axis], steps[axis] = start, stop, step
        return self.slice_axes(starts, stops, steps)

    def slice_axes(
        self, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]
    ) -> Tensor:
        """On each axis the elements start, start + step, ... below stop; 0 <= start <= stop.

        Raises:
            PositionError: when they do not lie in an axis, or a step is below 1.
            ShapeError: when there is not one of each for every axis.
        """
        bounds = [
            tuple(as_index(number, "a bound of a slice") for number in numbers)
            for numbers in (starts, stops, steps)
        ]
        if any(len(numbers) != self.ndim for numbers in bounds):
            raise ShapeError(f"a slice needs a start, a stop and a step for each axis: {bounds}")
        op = Slice(*bounds)
        op.check(self.shape)  # NumPy would quietly cut a part that lies outside
        return self.apply(op)

    def pad(self, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
        """`value` on both sides of each axis; `widths` is (before, after) for each axis."""
        pairs = [as_shape(width) for width in as_sequence((widths,))]
        if len(pairs) != self.ndim or any(len(pair) != 2 for pair in pairs):
            raise ShapeError(
                f"pad takes (before, after) for each of the {self.ndim} axes of {self.shape}, "
                f"got {widths}"
            )
        before, after = (tuple(pair[side] for pair in pairs) for side in (0, 1))
        op = Pad(before, after, (1,) * self.ndim)
        if as_number(value, "the value of pad") == 0:
            return self.apply(op)
        inside = self.operand(1).broadcast_to(self.shape).apply(op).equal(1)
        return inside.where(self.apply(op), value)

    def split(
        self, /, sections: int | Sequence[int], axis: int = 0, **foreign: Never
    ) -> list[Tensor]:
        """The parts along `axis`: so many equal ones, or cut before these positions.

        Raises:
            ShapeError: when the axis cannot be divided into so many equal parts.
        """
        refuse_foreign(foreign)
        axis = normalise_axis(axis, self.ndim)
        length = self.shape[axis]
        if isinstance(sections, tuple | list):
            places = [as_index(place, "a position of split") for place in sections]
            inner = [min(max(cut + length if cut < 0 else cut, 0), length) for cut in places]
            cuts = [0, *inner, length]
        else:
            count = as_index(sections, "the number of sections")
            if count < 1 or length % count or count > max(length, MOST_PARTS_OF_NOTHING):
                raise ShapeError(
                    f"axis {axis} of {self.shape} has length {length}, "
                    f"which is not {count} equal parts"
                )
            cuts = [part * (length // count) for part in range(count + 1)]
        return [self.slice_axis(axis, start, max(start, stop)) for start, stop in pairwise(cuts)]

    def tile(self, *repetitions: Any) -> Tensor:
        """Copies laid side by side, so many along each axis."""
        counts = list(as_shape(as_sequence(repetitions)))
        ndim = max(self.ndim, len(counts))
        counts = [1] * (ndim - len(counts)) + counts
        shape = (1,) * (ndim - self.ndim) + self.shape
        apart = self.reshape([n for length in shape for n in (1, length)])
        pairs = [n for count, length in zip(counts, shape, strict=True) for n in (count, length)]
        lengths = [count * length for count, length in zip(counts, shape, strict=True)]
        return apart.broadcast_to(pairs).reshape(lengths)

    def repeat(self, repetitions: int, axis: int) -> Tensor:
        """Each element so many times in a row along `axis`."""
        axis = normalise_axis(axis, self.ndim)
        count = as_index(repetitions, "the number of repetitions")
        shape = list(self.shape)
        shape.insert(axis + 1, count)
        lengths = list(self.shape)
        lengths[axis] *= count
        return self.expand_dims(axis + 1).broadcast_to(shape).reshape(lengths)


def as_sequence(values: tuple[Any, ...]) -> Sequence[Any]:
    """Lets `f(2, 3)` mean `f((2, 3))`."""
    if len(values) == 1 and isinstance(values[0], tuple | list):
        return values[0]
    return values
