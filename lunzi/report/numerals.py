"""Numbers as a reader wants them: few digits, thousands separated, a real minus sign."""

import math

from lunzi.messages import text

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
TIMES_TEN = "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10"
UNDEFINED = "–"


def count(number: int) -> str:
    """A whole number.

    >>> count(1797)
    '1,797'
    """
    return f"{number:,}"


def number(value: float, digits: int = 3) -> str:
    """A number with at least `digits` significant digits, trailing zeros dropped.

    >>> number(0.012345), number(-1234.5), number(0.5), number(math.nan)
    ('0.0123', '−1,234', '0.5', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    power = int(f"{value:.{digits - 1}e}".split("e")[1])
    if not -5 < power < 9:
        return scientific(value, digits)
    return _with_minus(_trimmed(f"{value:,.{max(digits - 1 - power, 0)}f}"))


def scientific(value: float, digits: int = 3) -> str:
    """A finite number as `digits` significant digits and a power of ten.

    >>> scientific(-1.25e-7).split()
    ['−1.25', '×', '10⁻⁷']
    """
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{_with_minus(_trimmed(mantissa))}{TIMES_TEN}{power}"


def percent(part: int, whole: int) -> str:
    """`part` of `whole` as a percentage, so fine that one more or less of `whole` shows.

    100% means all of them and 0% none: what is near is kept away from both.

    >>> percent(886, 899), percent(7, 9), percent(99_999, 100_000), percent(0, 0)
    ('98.6%', '78%', '99.99%', '–')
    """
    if whole == 0:
        return UNDEFINED
    if part in (0, whole):
        return "100%" if part else "0%"
    decimals = min(max(len(str(whole)) - 2, 0), 2)
    unit = 10.0**-decimals
    return f"{min(max(100 * part / whole, unit), 100 - unit):.{decimals}f}%"


def probability(value: float) -> str:
    """A probability in [0, 1] as a percentage; only an exact 1 or 0 is written as such.

    >>> probability(0.4567), probability(0.99999), probability(1e-9), probability(1.0)
    ('45.7%', '>99.9%', '<0.1%', '100%')
    """
    if value in (0, 1):
        return "100%" if value else "0%"
    if value > 0.9995:
        return ">99.9%"
    return "<0.1%" if value < 0.0005 else f"{100 * value:.1f}%"


def score(value: float) -> str:
    """A measure whose best value is 1, with three decimals; an undefined one as a dash.

    >>> score(0.98765), score(-1.5), score(-0.0001), score(math.nan)
    ('0.988', '−1.500', '0.000', '–')
    """
    # Adding 0 turns -0.0 into 0.0.
    return UNDEFINED if math.isnan(value) else _with_minus(f"{round(value, 3) + 0.0:.3f}")


def duration(seconds: float) -> str:
    """A length of time, in the language in use: 8.2 s, 3 min 12 s, 2 h 5 min."""
    if round(seconds, 1) < 60:
        return text("reports.seconds", seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return text("reports.minutes", minutes=minutes, seconds=rest)
    return text("reports.hours", hours=minutes // 60, minutes=minutes % 60)


def _trimmed(written: str) -> str:
    return written.rstrip("0").rstrip(".") if "." in written else written


def _with_minus(written: str) -> str:
    return written.replace("-", "−")
