"""What arguments are accepted: checks that name the argument and say what came."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, RangeError

# Looked up once: a union of types would be made anew at each check.
INTEGERS = (int, np.integer)
NUMBERS = (*INTEGERS, float, np.floating)


def whole_number(name: str, value: Any, least: float = 1) -> int:
    """The argument as an int that is not below `least`.

    Raises:
        KindError: when it is not a whole number.
        RangeError: when it is below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, INTEGERS):
        raise KindError(f"{name} is a whole number, got {value!r}")
    if value < least:
        raise RangeError(f"{name} must be {least} or more, got {value}")
    return int(value)


def real_number(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """The argument as a float in [`least`, `most`].

    Raises:
        KindError: when it is not a number.
        RangeError: when it lies outside, or is NaN.
    """
    if isinstance(value, bool) or not isinstance(value, NUMBERS):
        raise KindError(f"{name} is a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        number = math.nan
    if not least <= number <= most:
        where = f"{least:g} or more" if most == math.inf else f"in [{least:g}, {most:g}]"
        raise RangeError(f"{name} must be {where}, got {value}")
    return number


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """The argument as one of the known words.

    Raises:
        RangeError: when it is another one, or no word at all.
    """
    if not isinstance(value, str) or value not in known:
        raise RangeError(f"{name} is one of {', '.join(map(repr, known))}; got {value!r}")
    return value


def listed(name: str, value: Any) -> list[Any]:
    """The argument's items as a list.

    Raises:
        KindError: when it has none: one thing where several are expected.
    """
    is_text = isinstance(value, str | bytes)
    try:
        items = None if is_text else list(value)
    except TypeError:
        items = None
    if items is None:
        raise KindError(f"{name} are several in a list, got {value!r}")
    return items
