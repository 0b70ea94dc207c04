"""Spec: what is known of a tensor without its numbers; and the rules for shapes and dtypes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lunzi.core.errors import KindError, PositionError, ShapeError

Array = NDArray[Any]
DType = np.dtype[Any]
AnyDType = DTypeLike | None  # a dtype by any of its names; None where one is found otherwise
Shape = tuple[int, ...]
Axes = int | Sequence[int] | None

float16 = np.dtype("float16")
float32 = np.dtype("float32")
float64 = np.dtype("float64")
int32 = np.dtype("int32")
int64 = np.dtype("int64")
uint8 = np.dtype("uint8")
uint32 = np.dtype("uint32")
bool_ = np.dtype("bool")

DTYPES = (float16, float32, float64, int32, int64, uint8, uint32, bool_)


def as_dtype(dtype: AnyDType) -> DType:
    """The dtype as one of DTYPES.

    Raises:
        KindError: when tensors do not come in that dtype.
    """
    try:
        found = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except (TypeError, ValueError):
        found = None
    if found is None or found not in DTYPES:
        names = ", ".join(known.name for known in DTYPES)
        cause = ": the lengths of a shape go together, as (2, 3)" if isinstance(dtype, int) else ""
        got = dtype if found is None else found
        raise KindError(f"tensors come in {names}; got {got}{cause}")
    return found


def is_floating(dtype: DType) -> bool:
    return dtype.kind == "f"


def promote(a: DType, b: DType) -> DType:
    """The dtype in which `a` and `b` meet, as in the array-API standard.

    The standard leaves mixed kinds open: here bool gives way to all, an integer to a float
    of any size (int64 with float32 is float32, as in PyTorch).
    """
    if a == b:
        return a
    if is_floating(a) == is_floating(b):
        return np.result_type(a, b)
    return a if is_floating(a) else b


@dataclass(frozen=True)
class Spec:
    """Shape and dtype of a tensor.

    >>> print(Spec((64, 784)))
    float32[64, 784]
    """

    shape: Shape
    dtype: DType = float32

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))
        object.__setattr__(self, "dtype", as_dtype(self.dtype))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return size_of(self.shape)

    def with_shape(self, shape: Sequence[int]) -> Spec:
        return Spec(tuple(shape), self.dtype)

    def with_dtype(self, dtype: DType) -> Spec:
        return Spec(self.shape, dtype)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, repr=False)
class Specs(Spec):
    """What is known of several results of one primitive; NumPy's dtype of such a row is object.

    >>> print(Specs.of([Spec((2,)), Spec(())]))
    (float32[2], float32[])
    """

    parts: tuple[Spec, ...] = ()

    def __post_init__(self) -> None:
        """The shape and the dtype are known to be right."""

    @classmethod
    def of(cls, parts: Sequence[Spec]) -> Specs:
        return cls((len(parts),), np.dtype(object), tuple(parts))

    def __repr__(self) -> str:
        return f"({', '.join(map(str, self.parts))})"


def as_index(value: Any, what: str) -> int:
    """A whole number; `what` names it in the error.

    Raises:
        KindError: when it is not one; 2.0 is none either.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise KindError(f"{what} must be a whole number, got {value!r}") from None


def as_flag(value: Any, what: str) -> bool:
    """True or False, and nothing that only counts as one: `x.sum(0, 1)` is no sum of two axes.

    Raises:
        KindError: when it is neither.
    """
    if value is True or value is False:  # identity takes a quarter of the time of isinstance
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    raise KindError(f"{what} is True or False, got {value!r}")


def as_shape(lengths: int | Sequence[int]) -> Shape:
    """The lengths of the axes as a tuple; one number stands for one axis.

    Raises:
        KindError: when a length is not a whole number.
        ShapeError: when a length is negative.
    """
    values = lengths if isinstance(lengths, tuple | list) else (lengths,)
    shape = tuple(as_index(length, "a length in a shape") for length in values)
    if min(shape, default=0) < 0:
        raise ShapeError(f"lengths in a shape must not be negative, got {shape}")
    return shape


def size_of(shape: Sequence[int]) -> int:
    """Number of elements of a tensor of this shape."""
    size = 1
    for length in shape:
        size *= length
    return size


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that all the shapes stretch to, by NumPy's rule.

    Raises:
        ShapeError: when they do not fit, with the shapes and the axis.
    """
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for axis, length in enumerate(shape, ndim - len(shape)):
            if length == 1 or length == result[axis]:
                continue
            if result[axis] != 1:
                raise ShapeError(
                    f"shapes {' and '.join(map(str, shapes))} do not fit together: counted from "
                    f"the end, axis {axis - ndim} has lengths {result[axis]} and {length} "
                    f"(equal lengths fit, and so does 1)"
                )
            result[axis] = length
    return tuple(result)


def normalise_axis(axis: int, ndim: int) -> int:
    """The axis counted from 0, where -1 names the last one.

    Raises:
        PositionError: when there is no such axis.
        KindError: when it is not a whole number.
    """
    axis = as_index(axis, "an axis")
    if not -ndim <= axis < ndim:
        what = f"axes {-ndim} to {ndim - 1}" if ndim else "no axes"
        raise PositionError(f"there is no axis {axis}: the tensor has {what}")
    return axis % ndim


def normalise_axes(axes: Axes, ndim: int) -> tuple[int, ...]:
    """The axes in rising order, counted from 0; None means all of them."""
    if axes is None:
        return tuple(range(ndim))
    places: Sequence[Any] = axes if isinstance(axes, tuple | list) else (axes,)
    result = tuple(sorted(normalise_axis(axis, ndim) for axis in places))
    if len(set(result)) < len(result):
        raise PositionError(f"an axis is named twice in {tuple(places)}")
    return result


def without_axes(shape: Shape, axes: Sequence[int], keepdims: bool = False) -> Shape:
    """The shape with the axes removed, or of length 1 with `keepdims`."""
    if keepdims:
        return tuple(1 if axis in axes else length for axis, length in enumerate(shape))
    return tuple(length for axis, length in enumerate(shape) if axis not in axes)
