"""Many numbers divided by one: multiplications that give the quotient bit for bit.

A division takes as long as twenty multiplications, and the processor does one at a time. Where
the divisor stays the same, its reciprocal y = 1/b, rounded, is found once. Then

    q0 = a y                       within two units of its last place
    q1 = q0 + (a - b q0) y         within one unit
    q2 = q1 + (a - b q1) y         the quotient, rounded as a division rounds it

with fused multiplications, of which each rounds once: a - b q1 is exact, and a quotient within
one unit is mended by it. Neither holds near the ends of the range of float32. So a vector with a
number outside of `DIVIDENDS` is divided as it stands, and so is all by a divisor outside of
`DIVISORS`. Zeros are inside, but for -0.0, of which the sign would be lost.

Source: Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor"
(1990), theorem 8; Muller et al., "Handbook of Floating-Point Arithmetic" (2018), section 4.7.
"""

from __future__ import annotations

from typing import NamedTuple

from lunzi.compiler.builder import Function, Value
from lunzi.compiler.lanes import Lanes, multiply_add

# Exponents of two. With these, a - b q is a multiple of 2^-142 at the smallest, and no result
# leaves the range of normal numbers.
DIVIDENDS = -96, 96
DIVISORS = -24, 24
BIAS, MANTISSA_BITS = 127, 23
ALL_BUT_SIGN = 0x7FFFFFFF


class Divisor(NamedTuple):
    """One number in all lanes, its reciprocal, and whether this way may not be taken with it."""

    number: Lanes
    reciprocal: Lanes
    is_outside: Lanes


def as_divisor(f: Function, number: Value) -> Divisor:
    """What can be found before the numbers that are divided are known.

    Args:
        number: float32, the same in all lanes.
    """
    lanes = Lanes(f, number)
    return Divisor(lanes, lanes.like(1.0) / lanes, outside(lanes, DIVISORS))


def outside(x: Lanes, exponents: tuple[int, int]) -> Lanes:
    """Which numbers do not lie between two powers of two."""
    low, high = ((exponent + BIAS) << MANTISSA_BITS for exponent in exponents)
    return ~((x.bits() & ALL_BUT_SIGN) - low).below(high - low)


def divided(a: Lanes, divisor: Divisor) -> Lanes:
    """a / b, rounded once."""
    f, b, y = a.function, divisor.number, divisor.reciprocal
    quotient = a * y
    for _ in range(2):
        quotient = multiply_add(multiply_add(-b, quotient, a), y, quotient)
    is_outside = (outside(a, DIVIDENDS) & a.bits().differs(0)) | divisor.is_outside
    before, plain, after = f.label, f.new_label("divide"), f.new_label("divided")
    f.branch(is_outside.any(), plain, after)
    f.begin(plain)
    exact = a / b
    f.go(after)
    f.begin(after)
    return a.wrap(f.phi((quotient.value, before), (exact.value, plain)))
