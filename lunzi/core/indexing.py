"""Reading by index: primitives with their adjoints, and what `x[...]` means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.core.errors import KindError, PositionError, ShapeError
from lunzi.core.primitive import Primitive, primitive
from lunzi.core.reduction import ReductionMethods
from lunzi.core.spec import Array, Spec, broadcast_shapes, normalise_axis

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


def check_indices(op: Primitive, indices: Spec) -> None:
    if indices.dtype.kind not in "iu":
        raise KindError(f"{op} takes integer indices, got {indices.dtype.name}")


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
        check_indices(self, indices)
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
        check_indices(self, indices)
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
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    target[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)


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
        check_indices(self, indices)
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
        check_indices(self, indices)
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

    def take(self, indices: Any, axis: int = 0) -> Tensor:
        """The elements at these indices of one axis; -1 names the last.

        Raises:
            PositionError: when an index lies outside the axis.
        """
        return self.apply(Take(normalise_axis(axis, self.ndim)), self.as_indices(indices))

    def take_along_axis(self, indices: Any, axis: int = -1) -> Tensor:
        """Along `axis`, the elements at the indices given for each place.

        Raises:
            PositionError: when an index lies outside the axis.
        """
        return self.apply(TakeAlongAxis(normalise_axis(axis, self.ndim)), self.as_indices(indices))

    def sort(self, axis: int = -1, descending: bool = False) -> Tensor:
        """The numbers in rising order along `axis`; NaN last (first when descending)."""
        return self.take_along_axis(self.argsort(axis, descending), axis)

    def topk(self, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
        """The `k` largest numbers along `axis`, falling, and their indices.

        Raises:
            PositionError: when the axis has fewer than `k` elements.
        """
        axis = normalise_axis(axis, self.ndim)
        if not 0 <= k <= self.shape[axis]:
            raise PositionError(f"topk of {k} along an axis of length {self.shape[axis]}")
        order = self.argsort(axis, descending=True).slice_axis(axis, 0, k)
        return self.take_along_axis(order, axis), order

    def roll(self, shift: int, axis: int) -> Tensor:
        """The elements moved on by `shift` along `axis`; those that leave come in again."""
        axis = normalise_axis(axis, self.ndim)
        length = self.shape[axis]
        return self.take((np.arange(length) - shift) % max(length, 1), axis)

    def as_indices(self, indices: Any) -> Tensor:
        if isinstance(indices, IndexingMethods):
            return indices  # type: ignore[return-value]  # Tensor is the one concrete class
        array = np.asarray(indices)
        return self.operand(array.astype(np.int64) if array.size == 0 else array)

    def __getitem__(self, key: Any) -> Tensor:
        return read(self, key if isinstance(key, tuple) else (key,))  # type: ignore[arg-type]  # as above


def read(x: Tensor, key: Sequence[Any]) -> Tensor:
    """x[key] with NumPy's meaning: integers, slices, None, `...`, index arrays, bool masks."""
    items = without_ellipsis(x, [as_item(x, item) for item in key])
    if any(isinstance(item, IndexingMethods) for item in items):
        # Beside index arrays an integer is one of them, as in NumPy.
        items = [x.operand(np.asarray(i)) if isinstance(i, int) else i for i in items]
    return read_arrays(*read_slices(x, items))


def as_item(x: Tensor, item: Any) -> Any:
    """One part of a key as an int, a slice, None, Ellipsis, a mask or a tensor of indices."""
    if item is None or item is Ellipsis or isinstance(item, slice | IndexingMethods):
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, list | np.ndarray | bool | np.bool_):
        array = np.asarray(item)
        return array if array.dtype == np.bool_ else x.as_indices(array)
    raise KindError(
        f"a tensor is indexed by integers, slices, None, ..., arrays of integers and bool masks; "
        f"got {type(item).__name__}"
    )


def without_ellipsis(x: Tensor, items: list[Any]) -> list[Any]:
    """The key with masks as index arrays and a slice for each axis that is not named."""
    expanded: list[Any] = []
    for item in items:
        if isinstance(item, IndexingMethods | np.ndarray) and item.dtype == np.bool_:
            expanded += mask_indices(x, item, sum(i is not None for i in expanded))
        else:
            expanded.append(item)
    dots = [place for place, item in enumerate(expanded) if item is Ellipsis]
    named = sum(item is not None and item is not Ellipsis for item in expanded)
    if len(dots) > 1:
        raise PositionError("only one ... may stand in an index")
    if named > x.ndim:
        raise PositionError(f"{named} indices for a tensor of shape {x.shape}")
    place = dots[0] if dots else len(expanded)
    return [*expanded[:place], *[slice(None)] * (x.ndim - named), *expanded[place + 1 :]]


def mask_indices(x: Tensor, mask: Any, axis: int) -> list[Tensor]:
    """The positions where a mask is true, one array of indices for each of its axes."""
    truths = np.asarray(mask)  # raises TraceError in a trace: the shape depends on the data
    if truths.shape != x.shape[axis : axis + truths.ndim]:
        raise ShapeError(
            f"a bool mask of shape {truths.shape} cannot select from the axes "
            f"{x.shape[axis : axis + truths.ndim]} of a tensor of shape {x.shape}"
        )
    return [x.operand(places) for places in np.nonzero(truths)]


def read_slices(x: Tensor, items: Sequence[Any]) -> tuple[Tensor, list[Tensor | None]]:
    """Apply integers, slices and None; what is left: the tensor, and an index array or None an axis."""
    starts, stops, steps, flipped, shape = [], [], [], [], []
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
    if stops != list(x.shape) or any(starts) or any(step != 1 for step in steps):
        x = x.slice_axes(starts, stops, steps)
    if flipped:
        x = x.flip(flipped)
    return (x if x.shape == tuple(shape) else x.reshape(shape)), left


def forward_slice(item: slice, length: int) -> tuple[int, int, int]:
    """start, stop and step that lie in the axis; a negative step stands for a flip afterwards."""
    if item.step == 0:
        raise PositionError("the step of a slice must not be 0")
    places = range(length)[item]
    if not places:
        return 0, 0, 1
    if places.step > 0:
        return places[0], places[-1] + 1, places.step
    return places[-1], places[0] + 1, places.step


def read_arrays(x: Tensor, left: Sequence[Tensor | None]) -> Tensor:
    """Apply index arrays, one for each axis or None, by NumPy's rule for where they land."""
    axes = [axis for axis, item in enumerate(left) if item is not None]
    arrays = [item for item in left if item is not None]
    if not axes:
        return x
    adjacent = axes == list(range(axes[0], axes[-1] + 1))
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
    flat: Any = 0
    for indices, length in zip(arrays, lengths, strict=True):
        flat = within(indices, length) + flat * length
    result: Tensor = flat
    return result


def within(indices: Tensor, length: int) -> Tensor:
    """The indices counted from 0; those outside are refused where they can be seen."""
    check_indices(Take(0), indices.spec)
    if isinstance(indices.payload, np.ndarray) and indices.size:
        lowest, highest = indices.payload.min(), indices.payload.max()
        if lowest < -length or highest >= length:
            wrong = lowest if lowest < -length else highest
            raise PositionError(f"index {wrong} is outside an axis of length {length}")
    return (indices < 0).where(indices + length, indices)
