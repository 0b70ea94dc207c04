"""Which settings an optimiser or a schedule can work with, said when they are set."""

from __future__ import annotations

import math
import sys
from typing import Any

from lunzi.core.errors import KindError, RangeError
from lunzi.core.spec import as_flag
from lunzi.optim.group import Settings


def check_number(
    name: str, value: Any, at_least: float = 0.0, below: float = math.inf, above: float = -math.inf
) -> None:
    """Refuse what is not a number in [at_least, below) and above `above`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise KindError(f"{name} is a number, got {value!r}")
    # Of an integer of hundreds of digits Python makes no float, not even infinity.
    if abs(value) > sys.float_info.max or math.isnan(value):
        raise RangeError(f"{name} must be finite, got {value}")
    if not at_least <= value < below or not value > above:
        bounds = f"above {above:g}" if above >= at_least else f"{at_least:g} or more"
        if below < math.inf:
            bounds += f" and below {below:g}"
        raise RangeError(f"{name} must be {bounds}, got {value}")


def check_share(name: str, value: Any, may_be_zero: bool = False) -> None:
    """Refuse what is not a number above 0, or 0 where it may be, and at most 1."""
    check_number(name, value, above=-math.inf if may_be_zero else 0.0)
    if value > 1:
        raise RangeError(f"{name} must be at most 1, got {value}")


def check_numbers(settings: Settings, *names: str) -> None:
    """Refuse settings that are not finite numbers of 0 or more."""
    for name in names:
        check_number(name, settings[name])


def check_betas(settings: Settings) -> None:
    """Refuse betas that are not two numbers in [0, 1)."""
    betas = settings["betas"]
    if not isinstance(betas, tuple) or len(betas) != 2:
        raise KindError(f"betas are two numbers, such as (0.9, 0.999), got {betas!r}")
    for place, beta in enumerate(betas):
        check_number(f"betas[{place}]", beta, below=1.0)


def check_flags(settings: Settings, *names: str) -> None:
    """Refuse settings that are neither True nor False."""
    for name in names:
        as_flag(settings[name], name)


def check_count(name: str, value: Any, at_least: int = 1) -> None:
    """Refuse what is not a whole number of `at_least` or more."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise KindError(f"{name} is a whole number, got {value!r}")
    if value < at_least:
        raise RangeError(f"{name} must be {at_least} or more, got {value}")


def check_choice(name: str, value: Any, *choices: Any) -> None:
    """Refuse what is not one of the choices."""
    if not isinstance(value, str | None) or value not in choices:
        raise RangeError(f"{name} is one of {', '.join(map(repr, choices))}, got {value!r}")
