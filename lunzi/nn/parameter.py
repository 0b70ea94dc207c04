"""The two kinds of tensors that a module keeps: parameters and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from lunzi.core.creation import allocated
from lunzi.core.errors import KindError
from lunzi.core.memory import zeros_apart
from lunzi.core.mode import CLOCK, PROGRAM
from lunzi.core.spec import Array, DType, as_flag, float32, is_floating
from lunzi.core.tensor import Tensor, as_tensor


class Parameter(Tensor):
    """A tensor that training changes.

    Args:
        data: numbers; an array's memory is used as it is, in its memory order.
        requires_grad: False for a parameter that stays as it is.

    Raises:
        KindError: when the numbers are not floating.
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        payload = data if isinstance(data, np.ndarray) else as_tensor(data).numpy().copy()
        if as_flag(requires_grad, "requires_grad") and not is_floating(payload.dtype):
            raise KindError(f"a parameter is floating, got {payload.dtype}")
        super().__init__(payload, requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to the state of a module but has no gradient: running statistics.

    Args:
        data: numbers; an array's memory is used as it is.
        persistent: whether `state_dict` holds it.
    """

    def __init__(self, data: Any, persistent: bool = True) -> None:
        payload = data if isinstance(data, np.ndarray) else as_tensor(data).numpy().copy()
        super().__init__(payload)
        self.persistent = as_flag(persistent, "persistent")


def convert(tensor: Tensor, dtype: DType) -> None:
    """Give a parameter or buffer another dtype, in new memory of the same order."""
    if tensor.dtype == dtype:
        return
    tensor.payload = tensor.checked().astype(dtype)
    tensor.grad = None
    tensor.version = next(CLOCK)
    PROGRAM.advance()


def memory(*lengths: int) -> Array:
    """Zeros in float32 for the numbers of a new parameter.

    Raises:
        OutOfMemoryError: when there is no room for so many.
    """
    return allocated(lambda: zeros_apart(lengths, float32), f"a parameter of shape {lengths}")


def as_input(x: Any, like: Tensor) -> Tensor:
    """The input of a layer in the dtype of its parameter: arrays, float64 and integers fit too."""
    return as_tensor(x).as_dtype(like.dtype)
