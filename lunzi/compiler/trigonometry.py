"""sin x and cos x for every finite x, on registers of any number of lanes.

An argument is written as |x| = n pi/2 + r with n whole and |r| <= pi/4; n modulo 4 says whether
sin r or cos r is needed, and with which sign.

Source: for moderate arguments W. J. Cody and W. Waite 1980, "Software manual for the
elementary functions", chapter 8; for large ones M. H. Payne and R. N. Hanek 1983, "Radian
reduction for trigonometric functions". The polynomials are minimax ones, by E. Remez's exchange.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lunzi.compiler.exponential import nearest_whole
from lunzi.compiler.lanes import FLOATING, Lanes, multiply_add, polynomial
from lunzi.compiler.payne_hanek import reduced_if_large


@dataclass(frozen=True)
class Circle:
    """What sine and cosine need to know of a floating type.

    Args:
        sin: c in sin r = r + r^3 (c[0] + c[1] r^2 + ...).
        cos: c in cos r = 1 - r^2/2 + r^4 (c[0] + c[1] r^2 + ...).
        fused: pi/2 as a sum, for a target that has fused multiply-add.
        parts: pi/2 as a sum of parts so short that their products with n are exact.
        limit, limit_of_parts: up to there n is so small that r is right to its last bits.
    """

    sin: tuple[float, ...]
    cos: tuple[float, ...]
    fused: tuple[float, ...]
    parts: tuple[float, ...]
    limit: float
    limit_of_parts: float


CIRCLES = {
    "float": Circle(
        sin=(-0.16666655, 0.008332187, -0.00019517897),
        cos=(0.041666646, -0.001388731, 2.4432327e-05),
        fused=(1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
        parts=(1.5703125, 0.0004837512969970703, 7.549533620476723e-08, 2.5633440682570896e-12),
        limit=48_000.0,
        limit_of_parts=12_000.0,
    ),
    "double": Circle(
        sin=(
            -0.1666666666666663, 0.00833333333332184, -0.00019841269829358487,
            2.755731353848523e-06, -2.5050734382558955e-08, 1.5895432791270918e-10,
        ),
        cos=(
            0.041666666666666595, -0.0013888888888873307, 2.4801587288965233e-05,
            -2.755731420308107e-07, 2.087570313982909e-09, -1.1358617020646063e-11,
        ),
        fused=(1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
        parts=(
            1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21,
            8.4784276603689e-32,
        ),
        limit=1_600_000.0,
        limit_of_parts=1_600_000.0,
    ),
}  # fmt: skip


def sin(x: Lanes) -> Lanes:
    """The sine of x in radians, within 2 ulp; NaN where x is infinite."""
    y, quadrant = quarter_wave(abs(x), 0)
    bits = FLOATING[x.element]
    sign = ((quadrant << (bits - 2)) ^ x.bits()) & -(1 << (bits - 1))
    return (y.bits() ^ sign).as_floating(x.element)


def cos(x: Lanes) -> Lanes:
    """The cosine of x in radians, within 2 ulp; NaN where x is infinite."""
    y, quadrant = quarter_wave(abs(x), 1)
    bits = FLOATING[x.element]
    sign = (quadrant << (bits - 2)) & -(1 << (bits - 1))
    return (y.bits() ^ sign).as_floating(x.element)


def quarter_wave(magnitude: Lanes, ahead: int) -> tuple[Lanes, Lanes]:
    """|sin| or |cos| as the quadrant asks, with the sign of the polynomial; and the quadrant.

    Args:
        ahead: how many quadrants to go on: 1 makes a cosine of the sine.
    """
    circle = CIRCLES[magnitude.element]
    r, quadrant = reduced(magnitude)
    quadrant = quadrant + ahead
    square = r * r
    sine = multiply_add(r * square, polynomial(square, circle.sin), r)
    half = multiply_add(square, -0.5, square.like(1.0))
    cosine = multiply_add(square * square, polynomial(square, circle.cos), half)
    return (quadrant & 1).differs(0).choose(cosine, sine), quadrant


def reduced(magnitude: Lanes) -> tuple[Lanes, Lanes]:
    """r in [-pi/4, pi/4], and a whole number that is the quadrant modulo 4."""
    circle = CIRCLES[magnitude.element]
    n, quadrant = nearest_whole(magnitude, 2 / math.pi)
    if magnitude.function.module.has_fma:
        limit, r = circle.limit, magnitude
        for part in circle.fused:
            r = multiply_add(n, -part, r)
    else:
        limit, r = circle.limit_of_parts, without_parts(magnitude, n, circle.parts)
    is_large = (magnitude > limit) & (magnitude < math.inf)
    return reduced_if_large(magnitude, is_large, r, quadrant)


def without_parts(magnitude: Lanes, n: Lanes, parts: Sequence[float]) -> Lanes:
    """magnitude - n pi/2, rounded once; products with all parts but the last are exact."""
    first, *middle, last = parts
    near = magnitude - n * first  # exact, for the two are near each other
    lost = near.like(0)
    for part in middle:
        change = lost - n * part
        total = near + change
        near, lost = total, (near - total) + change
    return near + (lost - n * last)
