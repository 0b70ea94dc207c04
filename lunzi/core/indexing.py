"""Reading by index: primitives with their adjoints, and what `x[...]` means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from lunzi.core.arrays import as_array
from lunzi.core.errors import KindError, PositionError, ShapeError
from lunzi.core.movement import Slice
from lunzi.core.operand import Operand
from lunzi.core.primitive import Elementwise, Primitive, primitive
from lunzi.core.pytorch_names import refuse_foreign
from lunzi.core.reduction import ReductionMethods
from lunzi.core.spec import (
    Array,
    DType,
    Spec,
    as_index,
    bool_,
    broadcast_shapes,
    int64,
    normalise_axis,
)

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


def check_indices(dtype: DType) -> None:
    if dtype.kind not in "iu":
        raise KindError(f"indices are whole numbers, got {dtype.name}")


@primitive
class Take(Primitive):
    """y[..., i, ...] = x[..., indices[i], ...] along `axis`; -1 names the last element.

    Shapes:
        x (A, L, B), indices (I) -> y (A, I, B), where A, I and B are any number of axes
    """

    axis: int

    def evaluate(self, x: Array, indices: Array) -> Array:
        return np.take(x, indices, self.axis)

    def infer(self, x: Spec, indices: Spec) -> Spec:
        axis = normalise_axis(self.axis, x.ndim)
        check_indices(indices.dtype)
        return x.with_shape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    def gradient(
        self, dy: Tensor, y: Tensor, x: Tensor, indices: Tensor
    ) -> tuple[Tensor | None, None]:
        return dy.apply(ScatterAdd(self.axis, x.shape[self.axis]), indices), None


@primitive
class ScatterAdd(Primitive):
    """The adjoint of Take: y[..., indices[i], ...] += x[..., i, ...], from zeros.

    Shapes:
        x (A, I, B), indices (I) -> y (A, size, B)
    """

    axis: int
    size: int

    def evaluate(self, x: Array, indices: Array) -> Array:
        before, after = x.shape[: self.axis], x.shape[self.axis + indices.ndim :]
        rows = x.reshape(*before, indices.size, *after)
        y = np.zeros((*before, self.size, *after), x.dtype)
        add_rows(np.moveaxis(y, self.axis, 0), np.moveaxis(rows, self.axis, 0), indices.ravel())
        return y

    def infer(self, x: Spec, indices: Spec) -> Spec:
        check_indices(indices.dtype)
        end = self.axis + indices.ndim
        if x.shape[self.axis : end] != indices.shape:
            raise ShapeError(
                f"{self} takes one value for each index: indices {indices.shape}, "
                f"values {x.shape} with {x.shape[self.axis : end]} from axis {self.axis} on"
            )
        return x.with_shape((*x.shape[: self.axis], self.size, *x.shape[end:]))

    def gradient(
        self, dy: Tensor, y: Tensor, x: Tensor, indices: Tensor
    ) -> tuple[Tensor | None, None]:
        return dy.apply(Take(self.axis), indices), None


def add_rows(target: Array, rows: Array, indices: Array) -> None:
    """target[indices[i]] += rows[i], repeated indices added in rising i."""
    if not indices.size:
        return
    # Sorting brings rows of one index together, where reduceat adds them: ten times as fast as
    # np.add.at for rows of 64 numbers.
    indices = np.where(indices < 0, indices + len(target), indices)
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    if ordered[0] < 0:
        raise IndexError(f"index {ordered[0] - len(target)} is outside an axis of {len(target)}")
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    target[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)


@primitive
class FromStart(Elementwise):
    """y = the index counted from 0, where -1 names the last element of an axis of `length`.

    It refuses an index outside the axis, which could not be told any more once indices into
    several axes have become one.
    """

    kinds = "iu"
    length: int

    def evaluate(self, indices: Array) -> Array:
        indices = indices.astype(int64)
        wrong = indices[(indices < -self.length) | (indices >= self.length)]
        if wrong.size:
            raise IndexError(f"index {wrong[0]} is outside an axis of length {self.length}")
        return np.where(indices < 0, indices + self.length, indices)

    def infer(self, indices: Spec) -> Spec:
        return Elementwise.infer(self, indices).with_dtype(int64)


@primitive
class TakeAlongAxis(Primitive):
    """y[..., i, ...] = x[..., indices[..., i, ...], ...] along `axis`.

    Shapes:
        x (..., L, ...), indices (..., I, ...) -> y (..., I, ...), other axes equal
    """

    axis: int

    def evaluate(self, x: Array, indices: Array) -> Array:
        return np.take_along_axis(x, indices, self.axis)

    def infer(self, x: Spec, indices: Spec) -> Spec:
        axis = normalise_axis(self.axis, x.ndim)
        check_indices(indices.dtype)
        if x.ndim != indices.ndim or any(
            a != b
            for place, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True))
            if place != axis
        ):
            raise ShapeError(
                f"take_along_axis: the indices {indices.shape} must have the lengths of the "
                f"tensor {x.shape} on all axes but axis {axis}"
            )
        return x.with_shape(indices.shape)

    def gradient(
        self, dy: Tensor, y: Tensor, x: Tensor, indices: Tensor
    ) -> tuple[Tensor | None, None]:
        return dy.apply(AddAlongAxis(self.axis, x.shape[self.axis]), indices), None


@primitive
class AddAlongAxis(Primitive):
    """The adjoint of TakeAlongAxis: y[..., indices[..., i, ...], ...] += x[..., i, ...].

    Shapes:
        x (..., I, ...), indices (..., I, ...) -> y (..., size, ...)
    """

    axis: int
    size: int

    def evaluate(self, x: Array, indices: Array) -> Array:
        y = np.zeros((*x.shape[: self.axis], self.size, *x.shape[self.axis + 1 :]), x.dtype)
        places = list(np.ogrid[tuple(map(slice, x.shape))])
        places[self.axis] = indices
        np.add.at(y, tuple(places), x)
        return y

    def infer(self, x: Spec, indices: Spec) -> Spec:
        check_indices(indices.dtype)
        if x.shape != indices.shape:
            raise ShapeError(f"{self} takes one value for each index: {x.shape}, {indices.shape}")
        shape = list(x.shape)
        shape[self.axis] = self.size
        return x.with_shape(shape)

    def gradient(
        self, dy: Tensor, y: Tensor, x: Tensor, indices: Tensor
    ) -> tuple[Tensor | None, None]:
        return dy.apply(TakeAlongAxis(self.axis), indices), None


class IndexingMethods(ReductionMethods):
    """Elements by their index."""

    __slots__ = ()

    def take(self, indices: Any, axis: int = 0) -> Tensor:
        """The elements at these indices of one axis; -1 names the last.

        Raises:
            PositionError: when an index lies outside the axis.
            KindError: when the indices are not whole numbers.
        """
        return self.apply(Take(normalise_axis(axis, self.ndim)), self.as_indices(indices))

    def take_along_axis(self, indices: Any, axis: int = -1) -> Tensor:
        """Along `axis`, the elements at the indices given for each place.

        Raises:
            PositionError: when an index lies outside the axis.
            KindError: when the indices are not whole numbers.
            ShapeError: when another axis of the indices has not this tensor's length.
        """
        op = TakeAlongAxis(normalise_axis(axis, self.ndim))
        places = self.as_indices(indices)
        if places.shape != self.shape:
            op.infer(self.spec, places.spec)  # NumPy would quietly stretch lengths of 1
        return self.apply(op, places)

    def sort(self, /, axis: int = -1, descending: bool = False, **foreign: Never) -> Tensor:
        """The numbers in rising order along `axis`; NaN last (first when descending)."""
        refuse_foreign(foreign)
        return self.take_along_axis(self.argsort(axis, descending), axis)

    def topk(self, /, k: int, axis: int = -1, **foreign: Never) -> tuple[Tensor, Tensor]:
        """The `k` largest numbers along `axis`, falling, and their indices.

        Raises:
            PositionError: when the axis has fewer than `k` elements.
        """
        refuse_foreign(foreign)
        axis = normalise_axis(axis, self.ndim)
        if not 0 <= as_index(k, "the count of topk") <= self.shape[axis]:
            raise PositionError(f"topk of {k} along an axis of length {self.shape[axis]}")
        order = self.argsort(axis, descending=True).slice_axis(axis, 0, k)
        return self.take_along_axis(order, axis), order

    def roll(self, /, shift: int, axis: int | None = None, **foreign: Never) -> Tensor:
        """The elements moved on by `shift`; those that leave come in again.

        Along `axis`, or through all elements in C order for None.
        """
        refuse_foreign(foreign)
        if axis is None:
            return self.flatten().roll(shift, 0).reshape(self.shape)
        axis = normalise_axis(axis, self.ndim)
        length = max(self.shape[axis], 1)
        places = np.arange(self.shape[axis]) - as_index(shift, "the shift of roll") % length
        return self.take(places % length, axis)

    def as_indices(self, indices: Any) -> Tensor:
        if not isinstance(indices, Operand):
            return self.operand(index_array(indices))
        check_indices(indices.dtype)
        return indices  # type: ignore[return-value]  # Tensor is the one concrete class

    def __getitem__(self, key: Any) -> Tensor:
        return read(self, key if isinstance(key, tuple) else (key,))  # type: ignore[arg-type]  # as above


def index_array(indices: Any) -> Array:
    """Indices of any integer dtype as int64; an empty list too, which has no dtype of its own."""
    array = indices if isinstance(indices, np.ndarray) else as_array(indices)
    if array.size or isinstance(indices, np.ndarray):
        check_indices(array.dtype)
    return array.astype(int64)


def read(x: Tensor, key: Sequence[Any]) -> Tensor:
    """x[key] with NumPy's meaning: integers, slices, None, `...`, index arrays, bool masks."""
    written = [as_item(item) for item in key]
    if any(isinstance(item, Operand | np.ndarray) for item in written):
        # Beside index arrays an integer is one of them, as in NumPy.
        written = [np.array(item) if isinstance(item, int) else item for item in written]
    y, arrays = read_slices(x, one_per_axis(x, written))
    return read_arrays(y, arrays, are_adjacent(written))


def as_item(item: Any) -> Any:
    """One part of a key as an int, a slice, None, Ellipsis, a mask or an array of indices."""
    if item is None or item is Ellipsis or isinstance(item, slice | Operand):
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, list | tuple | range | np.ndarray):
        array = item if isinstance(item, np.ndarray) else as_array(item)
        return array if array.dtype == bool_ else index_array(item)
    raise KindError(
        f"a tensor is indexed by integers, slices, None, ..., arrays of integers and bool masks; "
        f"got {type(item).__name__}"
    )


def one_per_axis(x: Tensor, items: list[Any]) -> list[Any]:
    """An item for each axis, and None for each new one: without `...` and masks."""
    dots = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise PositionError("only one ... may stand in an index")
    named = sum(map(axes_named_by, items))
    if named > x.ndim:
        raise PositionError(f"{named} indices for a tensor of shape {x.shape}")
    place = dots[0] if dots else len(items)
    items = [*items[:place], *[slice(None)] * (x.ndim - named), *items[place + 1 :]]
    result: list[Any] = []
    axis = 0
    for item in items:
        is_array = isinstance(item, Operand | np.ndarray)
        if is_array and item.dtype == bool_:
            result += mask_indices(x, item, axis)
        else:
            result.append(x.as_indices(item) if is_array else item)
        axis += axes_named_by(item)
    return result


def axes_named_by(item: Any) -> int:
    """How many axes of the tensor one part of a key speaks of."""
    if item is None or item is Ellipsis:
        return 0
    is_mask = isinstance(item, Operand | np.ndarray) and item.dtype == bool_
    return item.ndim if is_mask else 1


def mask_indices(x: Tensor, mask: Any, axis: int) -> list[Tensor]:
    """The positions where a mask is true, one array of indices for each of its axes."""
    truths = np.asarray(mask)  # raises TraceError in a trace: the shape depends on the data
    if not truths.ndim:
        raise KindError("a single truth value is no index: use integers, or a mask with an axis")
    if truths.shape != x.shape[axis : axis + truths.ndim]:
        raise ShapeError(
            f"a bool mask of shape {truths.shape} cannot select from the axes "
            f"{x.shape[axis : axis + truths.ndim]} of a tensor of shape {x.shape}"
        )
    return [x.operand(places) for places in np.nonzero(truths)]


def read_slices(x: Tensor, items: Sequence[Any]) -> tuple[Tensor, list[Tensor | None]]:
    """Apply integers, slices and None. Left to do: for each axis an index array or None."""
    starts: list[int] = []
    stops: list[int] = []
    steps: list[int] = []
    flipped: list[int] = []
    shape: list[int] = []
    left: list[Tensor | None] = []
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            left.append(None)
            continue
        length = x.shape[axis]
        start, stop, step = 0, length, 1
        if isinstance(item, int):
            if not -length <= item < length:
                raise PositionError(f"index {item} is outside axis {axis} of shape {x.shape}")
            start = item % length
            stop = start + 1
        elif isinstance(item, slice):
            start, stop, step = forward_slice(item, length)
            if step < 0:
                flipped.append(len(starts))
                step = -step
            shape.append(len(range(start, stop, step)))
            left.append(None)
        else:
            shape.append(length)
            left.append(item)
        starts.append(start)
        stops.append(stop)
        steps.append(step)
        axis += 1
    y = x
    if stops != list(x.shape) or any(starts) or any(step != 1 for step in steps):
        y = x.apply(Slice(tuple(starts), tuple(stops), tuple(steps)))
    if flipped:
        y = y.flip(flipped)
    # x[:] is a tensor of its own too, or a later assign to x would go unnoticed.
    return (y.reshape(shape) if y is x or y.shape != tuple(shape) else y), left


def forward_slice(item: slice, length: int) -> tuple[int, int, int]:
    """start, stop and step that lie in the axis; a negative step stands for a flip afterwards."""
    bounds = [
        bound if bound is None else as_index(bound, "a bound of a slice")
        for bound in (item.start, item.stop, item.step)
    ]
    if bounds[2] == 0:
        raise PositionError("the step of a slice must not be 0")
    places = range(length)[slice(*bounds)]
    if not places:
        return 0, 0, 1
    if places.step > 0:
        return places[0], places[-1] + 1, places.step
    return places[-1], places[0] + 1, places.step


def are_adjacent(key: Sequence[Any]) -> bool:
    """Whether the index arrays of a key stand side by side; `...` parts them in any case."""
    places = [place for place, item in enumerate(key) if isinstance(item, Operand | np.ndarray)]
    return not places or places[-1] - places[0] < len(places)


def read_arrays(x: Tensor, left: Sequence[Tensor | None], adjacent: bool) -> Tensor:
    """Apply index arrays, one for each axis or None: their axes come first, or where they stood."""
    axes = [axis for axis, item in enumerate(left) if item is not None]
    arrays = [item for item in left if item is not None]
    if not axes:
        return x
    place = axes[0] if adjacent else 0
    if len(axes) == 1:
        return x.take(arrays[0], axes[0])
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    order = [*rest[:place], *axes, *rest[place:]]
    moved = x.permute_dims(order).flatten(place, place + len(axes) - 1)
    return moved.take(flat_index(arrays, [x.shape[axis] for axis in axes]), place)


def flat_index(arrays: Sequence[Tensor], lengths: Sequence[int]) -> Tensor:
    """One index into the axes in C order for an index into each of them."""
    broadcast_shapes(*(array.shape for array in arrays))
    flat = arrays[0].apply(FromStart(lengths[0]))
    for indices, length in zip(arrays[1:], lengths[1:], strict=True):
        flat = flat * length + indices.apply(FromStart(length))
    return flat
