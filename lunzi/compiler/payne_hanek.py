"""Large arguments of sine and cosine: |x| modulo pi/2, exactly.

With x = m 2^e, m whole, the quadrants in x are m (2^e 2/pi). Of the bits of 2/pi those before
a window give whole turns, which do not count, and those behind it too little to matter: so
one product of integers is enough, however large x is. It is slow, and taken only where a lane
needs it.

Source: M. H. Payne and R. N. Hanek 1983, "Radian reduction for trigonometric functions".
"""

from __future__ import annotations

import functools

from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index, splat_number
from lunzi.compiler.lanes import FLOATING, MANTISSA_BITS, Lanes

NAME = "reduce_large"
RESULT = "{ double, i64 }"
FRACTION = 1216  # bits of 2/pi after the point that are stored; the largest float64 needs 1,170
STORED = FRACTION + 64  # with zeros before the point, for arguments below 2^53
WINDOW = 192  # 2 bits of quadrant, 53 of m, some 60 lost to cancellation, and 64 for the result
WHOLE = f"i{WINDOW}"


def reduced_if_large(
    magnitude: Lanes, is_large: Lanes, r: Lanes, quadrant: Lanes
) -> tuple[Lanes, Lanes]:
    """r and the quadrant, replaced in the lanes whose argument is large and finite."""
    f = magnitude.function
    before, inside, after = f.label, f.new_label("large"), f.new_label("reduced")
    f.branch(is_large.any(), inside, after)
    f.begin(inside)
    # The other lanes get an argument that the table reaches.
    exact_r, exact_quadrant = each_lane(is_large.choose(magnitude, 2.0**20), r, quadrant)
    new_r, new_quadrant = is_large.choose(exact_r, r), is_large.choose(exact_quadrant, quadrant)
    end = f.label
    f.go(after)
    f.begin(after)
    return (
        r.wrap(f.phi((r.value, before), (new_r.value, end))),
        r.wrap(f.phi((quadrant.value, before), (new_quadrant.value, end))),
    )


def each_lane(x: Lanes, r: Lanes, quadrant: Lanes) -> tuple[Lanes, Lanes]:
    """The exact reduction of one lane after the other; r and quadrant tell the types."""
    f, lanes = x.function, x.lanes
    if lanes == 1:
        exact, whole = call_reduction(f, x.value)
        return x.wrap(exact), x.wrap(whole)
    carried = [r.value, quadrant.value]
    with f.loop(index(0), index(lanes), carried=carried, may_be_empty=False) as loop:
        one = f.define(x.element, f"extractelement {x.value}, {loop.counter}")
        loop.next = [
            f.define(into.type, f"insertelement {into}, {number}, {loop.counter}")
            for into, number in zip(loop.carried, call_reduction(f, one), strict=True)
        ]
    return x.wrap(loop.carried[0]), x.wrap(loop.carried[1])


def call_reduction(f: Function, x: Value) -> tuple[Value, Value]:
    """r and the quadrant of one number, in its own width."""
    if NAME not in f.module.functions:
        write_reduction(f.module)
    wide = x if x.element == "double" else f.convert("fpext", x, "double")
    both = f.call(NAME, RESULT, wide)
    r = f.define("double", f"extractvalue {both}, 0")
    quadrant = f.define(INDEX, f"extractvalue {both}, 1")
    if x.element == "double":
        return r, quadrant
    whole = f"i{FLOATING[x.element]}"
    return f.convert("fptrunc", r, x.element), f.convert("trunc", quadrant, whole)


def write_reduction(module: Module) -> None:
    """The function of one float64 >= 2^13 that gives r in [-pi/4, pi/4] and the quadrant."""
    argument = Value("double", "%x")
    f = module.function(NAME, [argument], RESULT, "nounwind noinline cold")
    bits = Lanes(f, argument).bits()
    exponent = bits.shifted_down(MANTISSA_BITS["double"]) - (1023 + 52)
    mantissa = (bits & (2**52 - 1)) | 2**52
    window = load_window(f, (FRACTION + 2 - WINDOW) - exponent)
    # In units of 2^-190 quadrants, modulo 4 quadrants.
    turned = window * mantissa.convert("zext", WHOLE) + 2 ** (WINDOW - 3)
    quadrant = turned.shifted_down(WINDOW - 2).convert("trunc", INDEX)
    fraction = (turned & (2 ** (WINDOW - 2) - 1)) - 2 ** (WINDOW - 3)
    r = radians(fraction)
    first = f.define(RESULT, f"insertvalue {RESULT} poison, {r.value}, 0")
    f.ret(f.define(RESULT, f"insertvalue {first}, {quadrant.value}, 1"))


def load_window(f: Function, lowest: Lanes) -> Lanes:
    """The bits of 2/pi from the stored one of this number on; the last 7 may be zeros."""
    name = "two_over_pi"
    table = Value(POINTER, f"@{name}")
    if name not in f.module.globals:
        stored = two_over_pi().to_bytes(STORED // 8, "little")
        f.module.constant(name, "i8", [splat_number("i8", byte) for byte in stored])
    byte = (lowest + 7).shifted_down(3)
    loaded = Lanes(f, f.load(WHOLE, f.place(table, byte.value, "i8"), 1))
    return loaded << ((byte << 3) - lowest).convert("zext", WHOLE)


def radians(fraction: Lanes) -> Lanes:
    """A signed number of 2^-190 quadrants as radians in float64, rounded once."""
    f = fraction.function
    is_negative = fraction < 0
    magnitude = is_negative.choose(-fraction, fraction)
    never_zero = Value("i1", "true")  # pi is irrational
    zeros = Lanes(f, f.call(f"llvm.ctlz.{WHOLE}", WHOLE, magnitude.value, never_zero))
    top = (magnitude << zeros).shifted_down(WINDOW - 64).convert("trunc", INDEX)
    half_pi = pi_in_bits(62)  # of pi, and so pi/2 in units of 2^-63
    product = top.convert("zext", "i128") * half_pi
    whole = product.shifted_down(64).convert("trunc", INDEX).convert("uitofp", "double")
    exponent = (1023 - 61) - zeros.convert("trunc", INDEX)
    r = whole * (exponent << MANTISSA_BITS["double"]).as_floating("double")
    return is_negative.choose(-r, r)


@functools.cache
def two_over_pi() -> int:
    """2/pi in units of 2^-FRACTION, cut."""
    guard = 64
    return (2 << (2 * FRACTION + guard)) // pi_in_bits(FRACTION + guard)


@functools.cache
def pi_in_bits(bits: int) -> int:
    """pi in units of 2^-bits, cut: 16 arctan(1/5) - 4 arctan(1/239), by Machin 1706."""
    guard = 32
    pi = 16 * arctan_of_inverse(5, bits + guard) - 4 * arctan_of_inverse(239, bits + guard)
    return pi >> guard


def arctan_of_inverse(n: int, bits: int) -> int:
    """arctan(1/n) in units of 2^-bits, by its power series."""
    power = total = (1 << bits) // n
    divisor, sign = 1, 1
    while power:
        power //= n * n
        divisor, sign = divisor + 2, -sign
        total += sign * (power // divisor)
    return total
