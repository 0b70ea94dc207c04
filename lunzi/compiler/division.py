"""Division that rounds down, and what it leaves, as NumPy has them."""

from __future__ import annotations

import math

from lunzi.compiler.builder import INDEX, Value, index, mangled
from lunzi.compiler.exponential import nearest_whole, scale
from lunzi.compiler.lanes import MANTISSA_BITS, Lanes

STEP_BITS = 4
STEP = 2**STEP_BITS  # bits of the quotient found in one turn


def floor_divide(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    """floor(a / b); 0 for integers where b is 0."""
    return (divide_floats(a, b) if a.is_floating else divide_whole(signed, a, b))[0]


def remainder(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    """a - floor(a / b) b, with the sign of b; 0 for integers where b is 0."""
    return (divide_floats(a, b) if a.is_floating else divide_whole(signed, a, b))[1]


def divide_whole(signed: bool, a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """Quotient and remainder of integers."""
    by_zero = b.equals(0)
    # Dividing by 0, and the lowest number by -1, would stop the program.
    unsafe = by_zero | (b.equals(-1) & a.equals(lowest(a))) if signed else by_zero
    divisor = unsafe.choose(b.like(1), b)
    quotient = divide_toward_zero(signed, a, divisor)
    rest = a - quotient * divisor
    if signed:
        crosses = rest.differs(0) & ((rest ^ divisor) < 0)
        quotient = quotient - crosses.choose(quotient.like(1), 0)
        rest = rest + crosses.choose(divisor, 0)
    return by_zero.choose(a.like(0), quotient), by_zero.choose(a.like(0), rest)


def lowest(a: Lanes) -> int:
    return -(1 << (int(a.element[1:]) - 1))


def divide_toward_zero(signed: bool, a: Lanes, b: Lanes) -> Lanes:
    """The quotient of integers, cut; in float64 where that is exact, for it works on vectors."""
    if a.element == "i64":
        return a / b
    # A quotient that is not whole differs from a whole number by 2^-32 at least.
    to_floating, back = ("sitofp", "fptosi") if signed else ("uitofp", "fptoui")
    quotient = a.convert(to_floating, "double") / b.convert(to_floating, "double")
    return quotient.convert(back, a.element)


def divide_floats(a: Lanes, b: Lanes) -> tuple[Lanes, Lanes]:
    """Quotient and remainder of floating numbers.

    Source: NumPy's `npy_divmod`, which is Python's `float_divmod`: a - rest is a multiple of b
    but for rounding, so that its quotient is rounded to the nearest whole number.
    """
    rest = modulo_toward_zero(a, b)
    quotient = (a - rest) / b
    is_left = rest.differs(0)
    crosses = is_left & ((b < 0) ^ (rest < 0))
    adjusted = crosses.choose(rest + b, rest)
    quotient = crosses.choose(quotient - 1, quotient)
    modulus = is_left.choose(adjusted, b.like(0).with_sign_of(b))
    down = quotient.floor()
    down = (quotient - down > 0.5).choose(down + 1, down)
    ratio = a / b
    whole = quotient.differs(0).choose(down, quotient.like(0).with_sign_of(ratio))
    by_zero = b.equals(0)
    return by_zero.choose(ratio, whole), by_zero.choose(rest, modulus)


def modulo_toward_zero(a: Lanes, b: Lanes) -> Lanes:
    """a - trunc(a / b) b with the sign of a, exactly: C's `fmod`."""
    element = a.element
    if element == "float":
        wide = modulo_toward_zero(a.convert("fpext", "double"), b.convert("fpext", "double"))
        return wide.convert("fptrunc", "float")
    divisor, rest = abs(b), abs(a)
    is_defined = (rest < math.inf) & (divisor > 0)
    rest = long_division(is_defined.choose(rest, 0.0), is_defined.choose(divisor, 1.0))
    return is_defined.choose(rest, math.nan).with_sign_of(a)


def long_division(rest: Lanes, divisor: Lanes) -> Lanes:
    """What is left of a positive float64, by subtracting multiples of b 2^s, s falling by STEP."""
    f = rest.function
    with f.loop(index(0), turns(rest, divisor), carried=[rest.value]) as loop:
        rest = rest.wrap(loop.carried[0])
        distance = exponent(rest) - exponent(divisor) - STEP
        shifted = scale(divisor, (distance > 0).choose(distance, 0))
        loop.next = [(rest < divisor).choose(rest, subtract_multiple(rest, shifted)).value]
    return rest.wrap(loop.carried[0])


def subtract_multiple(rest: Lanes, divisor: Lanes) -> Lanes:
    """rest - q divisor in [0, divisor), exactly, for a whole q below 2^26."""
    q, _ = nearest_whole(rest / divisor, 1.0)
    # The two parts are so short that their products with q are exact; and so are the
    # differences, being multiples of the last bit of the divisor that are near it.
    high = (divisor.bits() & -(2**27)).as_floating("double")
    rest = rest - q * high - q * (divisor - high)
    return (rest < 0).choose(rest + divisor, rest)


def turns(rest: Lanes, divisor: Lanes) -> Value:
    """How many turns the lane needs that needs most."""
    distance = exponent(rest) - exponent(divisor)
    needed = (rest < divisor).choose(distance.like(0), (distance >> STEP_BITS) + 1)
    if rest.lanes == 1:
        return needed.value
    name = f"llvm.vector.reduce.smax.{mangled(needed.type)}"
    return rest.function.call(name, INDEX, needed.value)


def exponent(x: Lanes) -> Lanes:
    """The power of 2 below a positive float64, subnormal ones too."""
    bits = MANTISSA_BITS["double"] + 1
    is_tiny = x < 2.0**-1022
    field = is_tiny.choose(x * 2.0**bits, x).bits().shifted_down(MANTISSA_BITS["double"])
    return field - is_tiny.choose(field.like(bits + 1023), 1023)
