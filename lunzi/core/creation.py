"""New tensors: zeros, ones, ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lunzi.core.errors import RangeError
from lunzi.core.spec import as_dtype, float32, int64
from lunzi.core.tensor import Tensor, as_tensor, constant

Lengths = int | Sequence[int]


def full(
    shape: Lengths, value: float, dtype: DTypeLike = None, requires_grad: bool = False
) -> Tensor:
    """One number everywhere; float32, int64 or bool after the number where no dtype is given."""
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if any(length < 0 for length in lengths):
        raise RangeError(f"lengths must not be negative, got shape {lengths}")
    if dtype is None:
        dtype = as_tensor(value).dtype
    result = constant(np.full(lengths, value, as_dtype(dtype)))
    return result.requires_grad_(True) if requires_grad else result


def zeros(shape: Lengths, dtype: DTypeLike = float32, requires_grad: bool = False) -> Tensor:
    """Zeros, float32 unless `dtype` says otherwise."""
    return full(shape, 0, dtype, requires_grad)


def ones(shape: Lengths, dtype: DTypeLike = float32, requires_grad: bool = False) -> Tensor:
    """Ones, float32 unless `dtype` says otherwise."""
    return full(shape, 1, dtype, requires_grad)


def full_like(x: Tensor, value: float, dtype: DTypeLike = None) -> Tensor:
    """One number everywhere, in the shape, dtype and memory order of `x`."""
    target = x.dtype if dtype is None else as_dtype(dtype)
    if not isinstance(x.payload, np.ndarray):
        return full(x.shape, value, target)
    return constant(np.full_like(x.payload, value, target, subok=False))


def zeros_like(x: Tensor, dtype: DTypeLike = None) -> Tensor:
    """Zeros in the shape, dtype and memory order of `x`."""
    return full_like(x, 0, dtype)


def ones_like(x: Tensor, dtype: DTypeLike = None) -> Tensor:
    """Ones in the shape, dtype and memory order of `x`."""
    return full_like(x, 1, dtype)


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: DTypeLike = None
) -> Tensor:
    """start, start + step, ... below stop; `arange(n)` is 0 to n - 1. Whole numbers in int64."""
    if step == 0:
        raise RangeError("the step of arange must not be 0")
    bounds = (0, start, step) if stop is None else (start, stop, step)
    whole = all(isinstance(bound, int | np.integer) for bound in bounds)
    target = as_dtype(dtype if dtype is not None else int64 if whole else float32)
    return constant(np.arange(*bounds, dtype=target))


def linspace(start: float, stop: float, num: int, dtype: DTypeLike = float32) -> Tensor:
    """`num` numbers at equal distances from `start` to `stop`, both included."""
    if num < 0:
        raise RangeError(f"linspace needs a count of 0 or more, got {num}")
    return constant(np.linspace(start, stop, num, dtype=as_dtype(dtype)))


def eye(rows: int, columns: int | None = None, dtype: DTypeLike = float32) -> Tensor:
    """Ones on the diagonal of a matrix of zeros."""
    return constant(np.eye(rows, columns, dtype=as_dtype(dtype)))


def tril(x: Any, k: int = 0) -> Tensor:
    """The matrix (or stack) with zeros above diagonal k."""
    x = as_tensor(x)
    return constant(np.tri(*x.shape[-2:], k, dtype=bool)).where(x, 0)


def triu(x: Any, k: int = 0) -> Tensor:
    """The matrix (or stack) with zeros below diagonal k."""
    x = as_tensor(x)
    return constant(np.tri(*x.shape[-2:], k - 1, dtype=bool)).where(0, x)


def from_dlpack(source: Any) -> Tensor:
    """A new tensor with a copy of the numbers of another library's tensor."""
    return constant(np.array(np.from_dlpack(source)))
