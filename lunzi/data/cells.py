"""What the cells of a table say: numbers, missing values, and in which style numbers are written.

A number is written with digits, an optional sign, decimal point and exponent. A leading zero
(`007`, `01234`) makes a code and not a number. A comma is read in two ways, `1,234.5` (groups of
three) and `1234,5` (decimal comma): only where a whole column can be read in one way and not in
the other is it taken as numbers.
"""

import math
import re
from collections.abc import Iterable
from typing import Literal, get_args

NumberStyle = Literal["plain", "groups", "decimal comma"]
STYLES: tuple[NumberStyle, ...] = get_args(NumberStyle)

MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "nan", "null"})
# In a column of numbers these mean nothing else; among words they may be words.
MISSING_NUMBER = MISSING | {
    *("-", "--", "none", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
}

# Squares of the numbers, and sums of those, stay within what a double holds.
LARGEST = 1e100

_PLAIN = r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PATTERNS: dict[NumberStyle, re.Pattern[str]] = {
    "plain": re.compile(_PLAIN),
    "groups": re.compile(rf"{_PLAIN}|[+-]?[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+(?:\.[0-9]*)?"),
    "decimal comma": re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:,[0-9]*)?(?:[eE][+-]?[0-9]+)?"),
}
_DATE = re.compile(
    r"\d{4}([-/.])\d{1,2}\1\d{1,2}([T ].*)?"  # 2024-05-31, 2024/5/31 14:00
    r"|\d{1,2}([-/.])\d{1,2}\3\d{2,4}( .*)?"  # 31.05.2024, 5/31/24
    r"|\d{4}年\d{1,2}月\d{1,2}日.*"
)


def is_missing(cell: str, style: NumberStyle | None) -> bool:
    """Whether a cell holds no value, in a column of numbers of that style or (None) of words.

    An infinite number, and one beyond 1e100, is no value that can be learned from.
    """
    if style is None:
        return cell.casefold() in MISSING
    if is_number(cell, style):
        return not abs(_float(cell, style)) <= LARGEST
    return cell.casefold() in MISSING_NUMBER


def is_number(cell: str, style: NumberStyle = "plain") -> bool:
    return _PATTERNS[style].fullmatch(cell) is not None


def is_date(cell: str) -> bool:
    return _DATE.fullmatch(cell) is not None


def number_style(cells: Iterable[str]) -> NumberStyle | None:
    """The one style in which all cells that are not missing are numbers; None for words.

    >>> number_style(["1,234.50", "12", ""])
    'groups'
    >>> number_style(["3,14", "2"])
    'decimal comma'

    Both readings are possible here, and they differ by a factor of 1,000:

    >>> number_style(["1,234", "5,678"])
    """
    present = {cell for cell in cells if not is_missing(cell, "plain")}
    fitting = possible_styles(present)
    if "plain" in fitting:
        return "plain"
    return fitting[0] if len(fitting) == 1 else None


def possible_styles(cells: Iterable[str]) -> list[NumberStyle]:
    """The styles in which each of these cells, at least one of them, is a number."""
    present = set(cells)
    return [s for s in STYLES if present and all(is_number(cell, s) for cell in present)]


def parse_number(cell: str, style: NumberStyle) -> float:
    """The number in a cell; NaN where it is missing, infinite or beyond 1e100.

    Raises:
        ValueError: when it is neither a number of that style nor missing.
    """
    if is_missing(cell, style):
        return math.nan
    if not is_number(cell, style):
        raise ValueError(cell)
    return _float(cell, style)


def _float(cell: str, style: NumberStyle) -> float:
    return float(cell.replace(",", "." if style == "decimal comma" else ""))
