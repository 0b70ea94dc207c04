"""New tensors: zeros, ones, ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lunzi.core.arrays import as_array, as_number
from lunzi.core.errors import KindError, OutOfMemoryError, RangeError, ShapeError
from lunzi.core.memory import zeros_apart
from lunzi.core.spec import (
    AnyDType,
    Array,
    as_dtype,
    as_flag,
    as_index,
    as_shape,
    bool_,
    float32,
    int64,
    is_floating,
)
from lunzi.core.tensor import Tensor, as_tensor, constant

Lengths = int | Sequence[int]


def full(
    shape: Lengths, value: float, dtype: AnyDType = None, requires_grad: bool = False
) -> Tensor:
    """One number everywhere; float32, int64 or bool after the number where no dtype is given.

    Raises:
        ShapeError: when a length is negative.
        RangeError: when the number does not fit in the dtype.
        OutOfMemoryError: when there is no room for so many numbers.
    """
    lengths = as_shape(shape)
    number = as_array(value, dtype)
    if number.ndim:
        raise ShapeError(f"full takes one number, got numbers of shape {number.shape}")
    result = constant(allocated(lambda: np.full(lengths, number), f"a tensor of shape {lengths}"))
    return result.requires_grad_() if as_flag(requires_grad, "requires_grad") else result


def allocated(make: Callable[[], Array], what: str) -> Array:
    try:
        return make()
    except (MemoryError, ValueError, OverflowError) as error:
        raise OutOfMemoryError(f"{what}: {error}") from None


def zeros(shape: Lengths, dtype: AnyDType = float32, requires_grad: bool = False) -> Tensor:
    """Zeros, float32 unless `dtype` says otherwise."""
    return full(shape, 0, dtype, requires_grad)


def ones(shape: Lengths, dtype: AnyDType = float32, requires_grad: bool = False) -> Tensor:
    """Ones, float32 unless `dtype` says otherwise."""
    return full(shape, 1, dtype, requires_grad)


def full_like(x: Any, value: float, dtype: AnyDType = None) -> Tensor:
    """One number everywhere, in the shape, dtype and memory order of `x`."""
    x = as_tensor(x)
    target = x.dtype if dtype is None else as_dtype(dtype)
    if not isinstance(x.payload, np.ndarray):
        return full(x.shape, value, target)
    number = as_number(value, "the value of full_like")
    return constant(filled(as_array(number, target), x.payload))


def filled(number: Array, like: Array) -> Array:
    """One number everywhere, in the shape and memory order of an array."""
    result = zeros_apart(like.shape, number.dtype, like)
    if number.tobytes().strip(b"\0"):  # all but zero, to which -0.0 is equal
        result[...] = number
    return result


def zeros_like(x: Any, dtype: AnyDType = None) -> Tensor:
    """Zeros in the shape, dtype and memory order of `x`."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: AnyDType = None) -> Tensor:
    """Ones in the shape, dtype and memory order of `x`."""
    return full_like(x, 1, dtype)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: AnyDType = None
) -> Tensor:
    """start, start + step, ... below stop; `arange(n)` is 0 to n - 1. Whole numbers in int64.

    Raises:
        RangeError: when the step is 0, a bound is not finite, or a number does not fit.
    """
    given = (start, 0 if stop is None else stop, step)
    bounds = [as_number(bound, "a bound") for bound in given]
    if stop is None:
        bounds[:2] = 0, bounds[0]
    if not all(map(math.isfinite, bounds)) or bounds[2] == 0:
        raise RangeError(f"arange takes finite bounds and a step that is not 0, got {bounds}")
    # The numbers are found in float64 and rounded once, so that steps of 0.1 stay 0.1 apart.
    numbers = allocated(lambda: np.arange(*bounds), f"arange of {bounds}")
    if dtype is None:
        dtype = float32 if is_floating(numbers.dtype) else int64
    return constant(as_array(numbers, dtype))


def linspace(start: float, stop: float, num: int, dtype: AnyDType = float32) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, both included."""
    count = as_index(num, "the count of linspace")
    if count < 0:
        raise RangeError(f"linspace needs a count of 0 or more, got {count}")
    first, last = as_number(start, "a bound"), as_number(stop, "a bound")
    numbers = allocated(lambda: np.linspace(first, last, count), f"linspace of {count} numbers")
    return constant(as_array(numbers, dtype))


def eye(rows: int, columns: int | None = None, dtype: AnyDType = float32) -> Tensor:
    """Ones on the diagonal of a matrix of zeros."""
    shape = as_shape((rows, rows if columns is None else columns))
    return constant(
        allocated(lambda: np.eye(*shape, dtype=as_dtype(dtype)), f"a matrix of shape {shape}")
    )


def tril(x: Any, k: int = 0) -> Tensor:
    """The matrix (or stack) with zeros above diagonal k."""
    x = as_tensor(x)
    return constant(up_to_diagonal(x, as_index(k, "a diagonal"))).where(x, 0)


def triu(x: Any, k: int = 0) -> Tensor:
    """The matrix (or stack) with zeros below diagonal k."""
    x = as_tensor(x)
    return constant(up_to_diagonal(x, as_index(k, "a diagonal") - 1)).where(0, x)


def up_to_diagonal(x: Tensor, k: int) -> Array:
    """True on diagonal k of the last two axes and below it."""
    if x.ndim < 2:
        raise ShapeError(f"a triangle is cut from matrices, the tensor has shape {x.shape}")
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, min(max(k, -rows), columns), dtype=bool_)


def from_dlpack(source: Any) -> Tensor:
    """A new tensor with a copy of the numbers of another library's tensor.

    Raises:
        KindError: when the other library does not give them, for it is no tensor, lies on
            another device, or has a gradient to keep.
    """
    try:
        array = np.from_dlpack(source)
    except (AttributeError, BufferError, RuntimeError, TypeError) as error:
        raise KindError(f"from_dlpack of {type(source).__name__}: {error}") from None
    return constant(as_array(array))
