"""e^x and the functions made of it, on registers of any number of lanes.

An argument is written as x = n ln 2 + r with n whole and |r| <= ln(2)/2, so that e^x is
2^n e^r, and e^r is a short polynomial.

Source: the reduction is that of W. J. Cody and W. Waite 1980, "Software manual for the
elementary functions", chapter 6; the polynomials are minimax ones, by E. Remez's exchange.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lunzi.compiler.lanes import (
    MANTISSA_BITS,
    Lanes,
    Number,
    clamp,
    multiply_add,
    paired_polynomial,
    polynomial,
)

LOG2_E = 1 / math.log(2)
UNIT_BITS = 64  # of the sigmoid: 2^64 beyond the largest float64 covers its subnormals


@dataclass(frozen=True)
class Format:
    """What the functions of this file need to know of a floating type.

    Args:
        bias: what is added to the exponent of 2 where it is stored.
        ln2: ln 2 in two parts, the first so short that its product with n is exact.
        exp: c in e^r = 1 + r + r^2 (c[0] + c[1] r + ...) for |r| <= ln(2)/2.
        lowest, highest: below and above them e^x is 0 and infinite.
        all_minus_one: below it, e^x - 1 is -1.
        all_one: above it, tanh x is 1.
        tanh: c in tanh x = x + x^3 (c[0] + c[1] x^2 + ...) for |x| <= 0.55.
    """

    bias: int
    ln2: tuple[float, float]
    exp: tuple[float, ...]
    lowest: float
    highest: float
    all_minus_one: float
    all_one: float
    tanh: tuple[float, ...]


FORMATS = {
    "float": Format(
        bias=127,
        ln2=(0.693145751953125, 1.428606765330187e-06),
        exp=(0.49999994, 0.16666517, 0.041668102, 0.008369201, 0.0013839062),
        lowest=-104.0,
        highest=89.0,
        all_minus_one=-30.0,
        all_one=10.0,
        tanh=(-0.33333316, 0.13332544, -0.053847548, 0.021050714, -0.006242849),
    ),
    "double": Format(
        bias=1023,
        ln2=(0.6931471805601177, -1.7239444525614835e-13),
        exp=(
            0.5000000000000011, 0.16666666666666435, 0.0416666666665258, 0.008333333333475381,
            0.0013888888944849308, 0.00019841269556473187, 2.4801491785280723e-05,
            2.7557537518210832e-06, 2.7630735503266107e-07, 2.501657549958533e-08,
        ),
        lowest=-746.0,
        highest=710.0,
        all_minus_one=-50.0,
        all_one=20.0,
        tanh=(
            -0.333333333333333, 0.1333333333332658, -0.05396825396373699, 0.02186948838517681,
            -0.00886323259019969, 0.003592091915068368, -0.001455542088154625,
            0.0005884413000406659, -0.00023337326833335075, 8.33042707109408e-05,
            -1.948699035821447e-05,
        ),
    ),
}  # fmt: skip


def format_of(x: Lanes) -> Format:
    return FORMATS[x.element]


def nearest_whole(x: Lanes, factor: Number) -> tuple[Lanes, Lanes]:
    """The whole number nearest to x * factor, as a floating and as an integer number.

    A number between 2^23 and 2^24 (in float32) has steps of 1: adding 1.5 * 2^23 rounds, and
    leaves the whole number in the lowest bits.
    """
    magic = 1.5 * 2.0 ** MANTISSA_BITS[x.element]
    shifted = multiply_add(x, factor, magic)
    return shifted - magic, shifted.bits() - x.like(magic).bits()


def power_of_two(exponent: Lanes, element: str) -> Lanes:
    """2^n for whole n, where it is neither 0, subnormal nor infinite."""
    biased = exponent + FORMATS[element].bias
    return (biased << MANTISSA_BITS[element]).as_floating(element)


def scale(x: Lanes, exponent: Lanes) -> Lanes:
    """x 2^n, rounded once, where 2^n may itself be too small or too large for its type."""
    element = x.element
    bias, bits = FORMATS[element].bias, MANTISSA_BITS[element]
    biased = exponent + 2 * bias
    first = biased.shifted_down(1)
    second = biased - first
    return x * (first << bits).as_floating(element) * (second << bits).as_floating(element)


def reduced(x: Lanes, correction: Lanes | None = None) -> tuple[Lanes, Lanes]:
    """r, and n as an integer, with x + correction = n ln 2 + r."""
    high, low = format_of(x).ln2
    n, whole = nearest_whole(x, LOG2_E)
    r = multiply_add(n, -high, x)
    if correction is None:
        return multiply_add(n, -low, r), whole
    return r - multiply_add(n, low, -correction), whole


def exp_reduced(r: Lanes) -> Lanes:
    """e^r for |r| <= ln(2)/2."""
    if r.function.module.has_fma:
        return polynomial(r, (1.0, 1.0, *format_of(r).exp))
    # Products that are rounded stay small beside 1.
    return (r * r * polynomial(r, format_of(r).exp) + r) + 1


def exp(x: Lanes, correction: Lanes | None = None) -> Lanes:
    """e^(x + correction), within 1 ulp; the correction is at most an ulp of x."""
    limits = format_of(x)
    # Masks bring many infinities; to compute their 0 by way of subnormal numbers would take the
    # processor a hundred cycles.
    vanishes = x < limits.lowest
    usual = vanishes.choose(x.like(0), x)
    usual = (usual > limits.highest).choose(x.like(limits.highest), usual)
    r, whole = reduced(usual, correction)
    return vanishes.choose(x.like(0), scale(exp_reduced(r), whole))


def exp_moderate(x: Lanes) -> Lanes:
    """e^x, within 1 ulp, where it is neither subnormal nor infinite."""
    r, whole = reduced(x)
    return exp_reduced(r) * power_of_two(whole, x.element)


def expm1(x: Lanes) -> Lanes:
    """e^x - 1, within 2 ulp.

    With x = n ln 2 + r:

        2^n (e^r - 1) + (2^n - 1)
    """
    limits = format_of(x)
    high, low = limits.ln2
    inside = clamp(x, limits.all_minus_one, limits.highest)
    n, whole = nearest_whole(inside, LOG2_E)
    exact = multiply_add(n, -high, inside)
    r = multiply_add(n, -low, exact)
    lost = multiply_add(n, -low, exact - r)
    near = multiply_add(r * polynomial(r, limits.exp), r, lost) + r
    # Halves, so that 2^n does not overflow before the result does.
    half = power_of_two(whole - 1, x.element)
    far = multiply_add(half, near, half - 0.5) * 2
    # With n = 0 the sum would lose the last bit of a subnormal; and r^2 loses the sign of -0.
    return n.equals(0).choose(near, far).with_sign_of(x)


def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + e^-x), within 2 ulp.

    With -x = n ln 2 + r and a unit u, so small that u 2^n does not overflow where the result
    is subnormal:

        u / ((u + u 2^n (e^r - 1)) + u 2^n)
    """
    limits = format_of(x)
    low, high = limits.lowest, -limits.all_minus_one
    if x.lanes > 1:
        return sigmoid_between(clamp(x, low, high))
    # A single number is often one that others wait for: this way the limits are looked at
    # beside the formula, whose result is chosen or not.
    y = sigmoid_between(x)
    return (x > high).choose(y.like(1.0), (x < low).choose(y.like(0.0), y))


def sigmoid_between(x: Lanes) -> Lanes:
    """The sigmoid where it is not 1 or 0."""
    r, whole = reduced(-x)
    square = r * r
    near = multiply_add(paired_polynomial(r, square, format_of(x).exp), square, r)
    e = power_of_two(whole - UNIT_BITS, x.element)
    unit = 2.0**-UNIT_BITS
    return unit / (multiply_add(e, near, e.like(unit)) + e)


def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent, within 2 ulp.

    It is odd, and for positive x

        x + x^3 p(x^2) below 0.55, else 1 - 2 / (e^2x + 1)
    """
    limits = format_of(x)
    square = x * x
    near = multiply_add(x * square, polynomial(square, limits.tanh), x)
    magnitude = abs(x)
    e = exp_moderate(clamp(magnitude, 0.0, limits.all_one) * 2)
    far = 1 - 2 / (e + 1)
    return (magnitude < 0.55).choose(near, far).with_sign_of(x)
