"""Axes: from values to places on a line, with round numbers as ticks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lunzi.report.numerals import number, scientific

Values = NDArray[np.float64]

# Beyond this, differences of two values could overflow; nobody draws a loss of 1e150.
LARGEST = 1e150
SMALLEST = 1e-150
# A relative spread below this is rounding, and has no round numbers inside.
SMALLEST_SPREAD = 1e-9
# How far apart values must be for a logarithmic axis to tell more than a linear one.
WIDE = 100
# The longest label that is not tried as a power of ten: one million with its commas.
LONGEST_PLAIN = 9


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`, linear or logarithmic, with its ticks and their labels."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where `value` lies between the ends: 0 at `low`, 1 at `high`."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def drawable(values: Values) -> NDArray[np.bool_]:
    """Which values can be drawn: not NaN, not infinite, not absurdly large."""
    shown: NDArray[np.bool_] = np.abs(values) < LARGEST
    return shown


def linear_scale(
    values: Values, *, ticks: int = 5, whole: bool = False, percent: bool = False
) -> Scale:
    """An axis that holds `values` and begins and ends on a tick.

    It begins at 0 where 0 is near, that is, when the smallest value is under half the largest.

    Args:
        values: those that are drawn; others, such as NaN, are ignored.
        ticks: about how many ticks there should be.
        whole: ticks at whole numbers only, for counts.
        percent: the values are shares of 1 and are written as percentages.

    >>> linear_scale(np.array([0.1, 2.3])).labels
    ('0', '0.5', '1.0', '1.5', '2.0', '2.5')
    """
    low, high = _range(values[drawable(values)])
    step = _round_step((high - low) / ticks)
    if whole:
        step = max(step, 1.0)
    # A value that is a tick but for its rounding needs no further tick beside it.
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    places = tuple(_multiple(index, step) for index in range(first, last + 1))
    return Scale(places[0], places[-1], places, _labels(places, step, percent))


def logarithmic_scale(values: Values) -> Scale:
    """An axis of powers of ten that holds `values`, which must be above 0.

    >>> logarithmic_scale(np.array([0.02, 3.0])).labels
    ('0.01', '0.1', '1', '10')
    """
    shown = values[drawable(values)]
    first, last = math.floor(math.log10(shown.min())), math.ceil(math.log10(shown.max()))
    every = max((last - first) // 4, 1)
    places = tuple(10.0**power for power in range(first, last + every, every))
    labels = tuple(number(place) for place in places)
    return Scale(places[0], places[-1], places, labels, logarithmic=True)


def spans_decades(values: Values) -> bool:
    """Whether all values are above 0 and so far apart that a linear axis hides the small ones."""
    shown = values[drawable(values)]
    return shown.size > 0 and bool(shown.min() > SMALLEST and shown.max() / shown.min() > WIDE)


def epoch_scale(values: Values, ticks: int = 6) -> Scale:
    """An axis whose ends are the first and the last of `values`, with ticks at whole numbers.

    >>> epoch_scale(np.arange(1.0, 31.0)).labels
    ('1', '5', '10', '15', '20', '25', '30')
    """
    shown = values[drawable(values)]
    if shown.size == 0 or shown.min() == shown.max():
        place = float(shown[0]) if shown.size else 1.0
        return Scale(place - 1, place + 1, (place,), (number(place),))
    low, high = float(shown.min()), float(shown.max())
    round_ticks = linear_scale(shown, ticks=ticks, whole=True).ticks
    # A tick whose label would touch that of an end makes room for it.
    room = 0.6 * (round_ticks[1] - round_ticks[0])
    inside = (place for place in round_ticks if place - low > room and high - place > room)
    places = (low, *inside, high)
    return Scale(low, high, places, tuple(number(place) for place in places))


def _range(shown: Values) -> tuple[float, float]:
    """The ends of the axis before they are rounded to ticks."""
    if shown.size == 0:
        return 0.0, 1.0
    low, high = float(shown.min()), float(shown.max())
    size = max(abs(low), abs(high))
    if size < SMALLEST:
        return 0.0, 1.0
    if high - low <= SMALLEST_SPREAD * size:
        return min(low, 0.0), max(high, 0.0)
    return (0.0 if 0 <= low < high / 2 else low), high


def _round_step(rough: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not under `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


def _multiple(index: int, step: float) -> float:
    # 3 / 10 is the number that people write as 0.3; 3 * 0.1 is not.
    return index * step if step >= 1 else index / (1 / step)


def _labels(places: tuple[float, ...], step: float, percent: bool) -> tuple[str, ...]:
    """The ticks as plain decimals, or as powers of ten where these are shorter."""
    factor, sign = (100, "%") if percent else (1, "")
    decimals = max(-math.floor(math.log10(step * factor) + 1e-9), 0)
    plain = tuple(_plain(place * factor, decimals) + sign for place in places)
    if _longest(plain) <= LONGEST_PLAIN:
        return plain
    digits = math.ceil(math.log10(max(map(abs, places)) / step + 1)) + 1
    powers = tuple(scientific(place * factor, digits) + sign for place in places)
    return min(plain, powers, key=_longest)


def _plain(value: float, decimals: int) -> str:
    return "0" if value == 0 else f"{value:,.{decimals}f}".replace("-", "−")


def _longest(labels: tuple[str, ...]) -> int:
    return max(map(len, labels))
