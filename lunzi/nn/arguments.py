"""What constructors and functions of layers accept: checks that name the argument."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.tensor import Tensor


def whole_number(name: str, value: Any, least: float = 1) -> int:
    """The argument as an int that is not below `least`.

    Raises:
        KindError: when it is not a whole number.
        RangeError: when it is below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise KindError(f"{name} is a whole number, got {value!r}")
    if value < least:
        raise RangeError(f"{name} must be {least} or more, got {value}")
    return int(value)


def whole_numbers(name: str, value: Any, count: int, least: float = 1) -> tuple[int, ...]:
    """One whole number for each of `count` axes; a single one stands for all of them.

    Raises:
        KindError: when one is not a whole number.
        RangeError: when one is below `least`.
        ShapeError: when there are more or fewer.
    """
    if not isinstance(value, tuple | list):
        return (whole_number(name, value, least),) * count
    if len(value) != count:
        raise ShapeError(f"{name} is one number or {count}, one for each axis; got {value!r}")
    return tuple(whole_number(name, item, least) for item in value)


def real_number(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """The argument as a float in [`least`, `most`].

    Raises:
        KindError: when it is not a number.
        RangeError: when it lies outside, or is NaN.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise KindError(f"{name} is a number, got {value!r}")
    if not least <= value <= most:
        where = f"{least:g} or more" if most == math.inf else f"in [{least:g}, {most:g}]"
        raise RangeError(f"{name} must be {where}, got {value}")
    return float(value)


def check_bias(bias: Tensor | None, outputs: int) -> None:
    """Refuse a bias that would be spread over the output in another way than one an output.

    Raises:
        ShapeError: when there is one and it is not (outputs,).
    """
    if bias is not None and bias.shape != (outputs,):
        raise ShapeError(f"the bias is one number for each of {outputs} outputs, got {bias.shape}")


def divided(name: str, value: int, parts_name: str, parts: int) -> int:
    """`value` / `parts`, which must be whole.

    Raises:
        RangeError: when it is not.
    """
    if value % parts:
        raise RangeError(
            f"{name} must be a multiple of {parts_name}: {value} is not one of {parts}"
        )
    return value // parts


def lengths(name: str, value: int | Sequence[int], least: float = 1) -> tuple[int, ...]:
    """A shape of one axis or more, given as a whole number or several.

    Raises:
        KindError: when one is not a whole number.
        RangeError: when one is below `least`.
        ShapeError: when there are none.
    """
    items = value if isinstance(value, tuple | list) else (value,)
    if not items:
        raise ShapeError(f"{name} names the length of one axis or more, got {value!r}")
    return tuple(whole_number(name, item, least) for item in items)
