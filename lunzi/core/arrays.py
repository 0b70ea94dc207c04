"""Numbers from outside as arrays of the dtypes that tensors come in."""

from __future__ import annotations

from typing import Any

import numpy as np

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.operand import Operand
from lunzi.core.spec import (
    AnyDType,
    Array,
    DType,
    as_dtype,
    bool_,
    float32,
    float64,
    int32,
    int64,
    is_floating,
)

# Integers that tensors do not come in -> those that hold each of them (uint64: nearly each)
WIDER: dict[DType, DType] = {
    np.dtype("int8"): int32,
    np.dtype("int16"): int32,
    np.dtype("uint16"): int32,
    np.dtype("uint64"): int64,
}
FLOATS = (float, np.floating)
TRUTHS = (bool, np.bool_)
INTEGERS = (int, np.integer)


def as_array(value: Any, dtype: AnyDType = None, floats: DType = float32) -> Array:
    """Numbers as a new array.

    An array keeps its dtype; integers of 8 and 16 bits become int32, uint64 becomes int64.

    Args:
        value: a number, nested lists, an array, or a tensor, which is copied without its origin.
        dtype: the dtype to convert to; floating numbers are cut toward 0 for an integer one.
        floats: the dtype of Python's own floats where `dtype` is not given.

    Raises:
        ShapeError: when nested lists are of unequal lengths.
        KindError: when it is not made of numbers, or not of a dtype that tensors come in.
        RangeError: when a number does not fit in `dtype`.
    """
    if isinstance(value, Operand):
        value = value.numpy()
    try:
        array = np.array(value)
    except ValueError as error:
        raise ShapeError(f"a tensor needs nested lists of equal lengths: {error}") from None
    if array.dtype.kind not in "biuf":
        raise KindError(f"a tensor is made of numbers, got {type(value).__name__} ({array.dtype})")
    if dtype is not None:
        return converted(array, as_dtype(dtype))
    if array.dtype == float64 and not hasattr(value, "dtype"):
        return array.astype(floats, copy=False)
    native = array.dtype.newbyteorder("=")
    return converted(array, WIDER[native] if native in WIDER else as_dtype(native))


def converted(array: Array, dtype: DType) -> Array:
    """The numbers in another dtype, cut toward 0 for an integer one.

    Raises:
        RangeError: when an integer dtype cannot hold one of them.
    """
    result = array.astype(dtype, copy=False)
    if result.dtype == array.dtype:
        return result
    whole = np.trunc(array) if is_floating(array.dtype) else array
    if dtype.kind in "iu" and not np.array_equal(whole, result):
        wrong = whole[whole != result].flat[0]
        raise RangeError(f"{wrong} does not fit in {dtype.name}")
    return result


def as_number(value: Any, what: str) -> Any:
    """One number as Python's own, whole or floating; `what` names it in the error."""
    number = as_array(value, floats=float64)
    if number.ndim:
        raise ShapeError(f"{what} must be one number, got numbers of shape {number.shape}")
    return number.item()


def weak(value: Any, dtype: DType) -> Array:
    """A number or array that meets a tensor of `dtype`.

    A Python number takes the tensor's dtype where it can hold it: 0.5 beside float16 is
    float16; beside an integer it is float32. An array keeps its own dtype.
    """
    if isinstance(value, FLOATS):
        return np.array(value, dtype if is_floating(dtype) else float32)
    if isinstance(value, TRUTHS):
        return np.array(value, dtype)
    if isinstance(value, INTEGERS):
        target = int64 if dtype == bool_ else dtype
        try:
            return np.array(value, target)
        except OverflowError:
            raise RangeError(f"{value} does not fit in {target.name}") from None
    return as_array(value, floats=dtype if is_floating(dtype) else float32)
