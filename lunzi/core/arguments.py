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


def real_number(
    name: str,
    value: Any,
    least: float = 0.0,
    most: float = math.inf,
    above: float | None = None,
) -> float:
    """The argument as a float in [`least`, `most`], or in (`above`, `most`] where that is given.

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
    is_right = least <= number <= most if above is None else above < number <= most
    if not is_right:
        raise RangeError(f"{name} must be {bounds(least, most, above)}, got {value}")
    return number


def bounds(least: float, most: float, above: float | None) -> str:
    """What a number must be, in words: `in [0, 1]`, `above 0`."""
    if above is not None:
        return f"above {above:g}" + ("" if most == math.inf else f" and at most {most:g}")
    if most < math.inf:
        return f"in [{least:g}, {most:g}]"
    return "a number that a float holds" if least == -math.inf else f"{least:g} or more"


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
