"""ln x, ln(1 + x) and x^y, on registers of any number of lanes.

An argument is written as x = 2^k m with m in [sqrt(1/2), sqrt(2)), so that ln x is
k ln 2 + ln m, and ln m is a polynomial: in m - 1 for float32; for float64 in s^2, where
s = (m - 1)/(m + 1) and ln m = 2 artanh s.

Source: W. J. Cody and W. Waite 1980, "Software manual for the elementary functions", chapter
5; the polynomials are minimax ones, by E. Remez's exchange. Numbers in two parts: T. J. Dekker
1971, "A floating-point technique for extending the available precision".
"""

from __future__ import annotations

import math

from lunzi.compiler.exponential import FORMATS, exp, format_of, nearest_whole, power_of_two
from lunzi.compiler.lanes import (
    MANTISSA_BITS,
    Lanes,
    clamp,
    multiply_add,
    polynomial,
)

# ln(1 + f) = f - f^2/2 + f^3 (c[0] + c[1] f + ...)
LOG_FLOAT = (
    0.33333313, -0.25000167, 0.20002224, -0.16659364, 0.14209567, -0.12549806, 0.121089816,
    -0.10915382, 0.053368714,
)  # fmt: skip
# 2 artanh(s) = 2 s + s^3 (c[0] + c[1] s^2 + ...)
ARTANH = (
    0.6666666666666734, 0.3999999999941683, 0.28571428741973254, 0.22222198610762423,
    0.18183562583334534, 0.1531409052473212, 0.14795590589962665,
)  # fmt: skip
# artanh(s) = s (1 + s^2/3 + s^4 (c[0] + c[1] s^2 + ...)), to 2^-77
ARTANH_REST = (
    0.2, 0.14285714285713444, 0.11111111111358211, 0.09090909053024133, 0.0769231109085996,
    0.06666480091195785, 0.05888628413519103, 0.05139591784797426, 0.060135244944929375,
)  # fmt: skip
ONE_THIRD = (0.3333333333333333, 1.850371707708594e-17)  # in two parts
# log2(m) = s (c[0] + c[1] s^2 + ...), to 2^-45
LOG2 = (
    2.88539008177785, 0.9617966941134766, 0.5770779423197409, 0.41220925738769887,
    0.3199054757454958, 0.2829035218771979,
)  # fmt: skip
# 2^f = 1 + f (c[0] + c[1] f + ...) for |f| <= 1/2, to 2^-38
EXP2 = (
    0.6931471805481918, 0.2402265070529845, 0.05550410938441219, 0.009618128415530312,
    0.00133334467865966, 0.00015403307237970778, 1.5312127402944797e-05, 1.3381234703706211e-06,
)  # fmt: skip

ROOT_HALF = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}  # its bits
ENDLESS = (-(2.0**70), 2.0**70)  # exponents from here on give 0, 1 or infinity
SMALLEST_NORMAL = {"float": 2.0**-126, "double": 2.0**-1022}


def split(x: Lanes) -> tuple[Lanes, Lanes]:
    """m in [sqrt(1/2), sqrt(2)) and a floating whole number n, with x = 2^n m; x normal."""
    element = x.element
    bits, root = MANTISSA_BITS[element], ROOT_HALF[element]
    one = FORMATS[element].bias << bits
    # The carry into the exponent tells mantissas above sqrt(2) from those below.
    moved = x.bits() + (one - root)
    m = ((moved & (2**bits - 1)) + root).as_floating(element)
    biased = (moved.shifted_down(bits) | x.like(2.0**bits).bits()).as_floating(element)
    return m, biased - (2.0**bits + FORMATS[element].bias)


def split_any(x: Lanes) -> tuple[Lanes, Lanes]:
    """As `split`, also for subnormal x."""
    element = x.element
    bits = MANTISSA_BITS[element] + 1
    tiny = x < SMALLEST_NORMAL[element]
    m, n = split(tiny.choose(x * 2.0**bits, x))
    return m, n - tiny.choose(x.like(bits), 0)


def log_of_parts(n: Lanes, f: Lanes) -> Lanes:
    """n ln 2 + ln(1 + f), for f in [sqrt(1/2) - 1, sqrt(2) - 1]."""
    high, low = format_of(f).ln2
    half_square = f * f * 0.5
    if f.element == "float":
        rest = f * f * f * polynomial(f, LOG_FLOAT)
        rest = multiply_add(n, low, rest) - half_square
        return multiply_add(n, high, f + rest)
    # 2 s = f - s f, and s f = f^2/2 - s f^2/2: the large terms are exact, or nearly so.
    s = f / (f + 2)
    square = s * s
    rest = s * multiply_add(square, polynomial(square, ARTANH), half_square)
    return multiply_add(n, high, f - (half_square - multiply_add(n, low, rest)))


def at_the_edges(x: Lanes, y: Lanes, zero: float) -> Lanes:
    """y, but NaN for x below `zero`, -infinity there, and x itself for infinity and NaN."""
    y = (x < math.inf).choose(y, x)
    y = x.equals(zero).choose(x.like(-math.inf), y)
    return (x < zero).choose(x.like(math.nan), y)


def log(x: Lanes) -> Lanes:
    """ln x, within 1 ulp."""
    m, n = split_any(x)
    return at_the_edges(x, log_of_parts(n, m - 1), 0.0)


def log1p(x: Lanes) -> Lanes:
    """ln(1 + x), within 2 ulp.

    f is made of x itself and not of 1 + x, which is rounded:

        1 + f = (1 + x) 2^-n
    """
    element = x.element
    m, n = split(x + 1)
    # There the rounding of 1 + x does not matter, and 2^-n may be too small.
    is_large = x > 2.0**30
    shrink = power_of_two(-whole_of(is_large.choose(x.like(0), n)), element)
    f = is_large.choose(m - 1, multiply_add(x, shrink, shrink - 1))
    return at_the_edges(x, log_of_parts(n, f), -1.0).with_sign_of(x)


def whole_of(n: Lanes) -> Lanes:
    """A whole floating number as an integer."""
    return nearest_whole(n, 1.0)[1]


def power(x: Lanes, y: Lanes) -> Lanes:
    """x^y, within 2 ulp; NaN for negative x where y is not whole."""
    main = power_float if x.element == "float" else power_double
    return power_at_the_edges(x, y, main(abs(x), y))


def power_float(x: Lanes, y: Lanes) -> Lanes:
    """x^y of positive float32, computed in float64 and rounded once."""
    m, n = split(x.convert("fpext", "double"))
    s = (m - 1) / (m + 1)
    log2 = multiply_add(s, polynomial(s * s, LOG2), n)
    # Further out the result is 0 or infinite, and 2^n must not leave float64.
    exponent = clamp(log2 * clamp(y, *ENDLESS).convert("fpext", "double"), -200.0, 200.0)
    n, whole = nearest_whole(exponent, 1.0)
    f = exponent - n
    result = polynomial(f, (1.0, *EXP2)) * power_of_two(whole, "double")
    return result.convert("fptrunc", "float")


def power_double(x: Lanes, y: Lanes) -> Lanes:
    """x^y of positive float64: the logarithm in two parts, exact to 2^-64."""
    y = clamp(y, *ENDLESS)
    high, low = log_in_two(x)
    limits = FORMATS["double"]
    exponent, error = two_product(high, y)
    error = multiply_add(low, y, error)
    # Where the result is 0 or infinite, the error may be of infinities, and so NaN.
    inside = (exponent > limits.lowest) & (exponent < limits.highest)
    return exp(exponent, inside.choose(error, 0.0))


def log_in_two(x: Lanes) -> tuple[Lanes, Lanes]:
    """ln x of positive float64 as a sum of two, exact to 2^-64 of it.

    ln m = 2 artanh s = 2 s (1 + s^2/3 + s^4 q(s^2)), where s and s^2/3 have two parts.
    """
    m, n = split_any(x)
    s, s_low = ratio_in_two(m)
    square, square_low = two_product(s, s)
    square_low = multiply_add(s * 2, s_low, square_low)
    third, third_low = two_product(square, x.like(ONE_THIRD[0]))
    third_low = third_low + multiply_add(square, ONE_THIRD[1], square_low * ONE_THIRD[0])
    rest = square * square * polynomial(square, ARTANH_REST)
    g, g_low = quick_two_sum(third, rest)
    g_low = g_low + third_low
    product, product_low = two_product(s, g)
    product_low = product_low + multiply_add(s, g_low, s_low * g)
    artanh, artanh_low = quick_two_sum(s, product)
    artanh_low = artanh_low + (s_low + product_low)
    high, low = FORMATS["double"].ln2
    total, error = quick_two_sum(n * high, artanh * 2)
    return quick_two_sum(total, error + multiply_add(n, low, artanh_low * 2))


def ratio_in_two(m: Lanes) -> tuple[Lanes, Lanes]:
    """(m - 1)/(m + 1) as a sum of two."""
    f, d = m - 1, m + 1
    d_low = m - (d - 1)
    reciprocal = 1 / d
    s = f * reciprocal
    product, product_low = two_product(s, d)
    rest = (f - product) - multiply_add(s, d_low, product_low)
    return s, rest * reciprocal


def quick_two_sum(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a + b and its rounding error, for |a| >= |b| or a = 0."""
    total = a + b
    return total, b - (total - a)


def two_product(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """a b and its rounding error."""
    product = a * b
    if a.function.module.has_fma:
        return product, multiply_add(a, b, -product)
    a_high, a_low = halves(a)
    b_high, b_low = halves(b)
    error = a_high * b_high - product + a_high * b_low + a_low * b_high
    return product, error + a_low * b_low


def halves(a: Lanes) -> tuple[Lanes, Lanes]:
    """The upper bits of a float64 and the rest, so short that their products are exact."""
    high = (a.bits() & -(2**27)).as_floating("double")
    return high, a - high


def power_at_the_edges(x: Lanes, y: Lanes, result: Lanes) -> Lanes:
    """x^y, given |x|^y where x and y are neither 0, infinite nor NaN, as IEEE 754 has it."""
    magnitude = abs(x)
    downwards = y < 0
    at_zero = downwards.choose(x.like(math.inf), 0.0)
    at_infinity = downwards.choose(x.like(0.0), math.inf)
    result = magnitude.equals(0).choose(at_zero, result)
    result = magnitude.equals(math.inf).choose(at_infinity, result)
    half = y * 0.5
    is_whole = y.floor().equals(y)
    is_odd = is_whole & half.floor().differs(half)
    result = is_odd.choose(result.with_sign_of(x), result)
    has_no_root = (x < 0) & (x > -math.inf) & ~is_whole
    result = (has_no_root | x.is_unordered(y)).choose(x.like(math.nan), result)
    return (y.equals(0) | x.equals(1)).choose(x.like(1), result)
