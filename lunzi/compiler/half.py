"""Conversions of float16 where the processor has none: LLVM calls them by fixed names.

AVX2 lacks double to half, SSE2 lacks all. A compiler's runtime library would have them, but
Python does not load one.

    half -> float      move the bits to their places, and the exponent by a multiplication,
                       which is exact and makes subnormal numbers normal
    wider -> half      round to nearest, ties to even, by adding just below half a unit in the
                       last place; subnormal results are rounded by the processor, in a sum
                       with a number whose last place is theirs

Source: F. Giesen, half_to_float_fast5 and float_to_half_fast3_rtne, 2012-2016 (public domain),
carried over to double; signalling NaN becomes quiet, as in processors.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

from lunzi.compiler.builder import Function, Module, Value, number
from lunzi.compiler.target import Target

MANTISSA, BIAS = 10, 15  # of float16
INFINITY, QUIET, SIGN = 0x7C00, 0x7E00, 0x8000


class Format(NamedTuple):
    """A wider floating type: its name, that of its bits, and how the bits are used."""

    name: str
    bits: str
    width: int
    mantissa: int
    bias: int
    code: str  # for struct


FLOAT = Format("float", "i32", 32, 23, 127, "<fI")
DOUBLE = Format("double", "i64", 64, 52, 1023, "<dQ")


def with_conversions(text: str, target: Target) -> str:
    """The text of a module, with conversions of float16 if it may need them."""
    if "half" not in text or target.level == "neon" or "+avx512fp16" in target.features:
        return text
    return f"{text}\n\n{conversions()}"


@functools.cache
def conversions() -> str:
    """The functions that LLVM calls, as text."""
    module = Module()
    emit_widening(module, "__extendhfsf2")
    emit_narrowing(module, "__truncsfhf2", FLOAT)
    emit_narrowing(module, "__truncdfhf2", DOUBLE)
    return str(module)


def emit_widening(module: Module, name: str) -> None:
    """Write float NAME(half)."""
    f = module.function(name, [Value("half", "%x")], "float", internal=False)
    bits = f.convert("zext", f.convert("bitcast", f.parameters[0], "i16"), "i32")
    sign, magnitude = masked(f, bits, SIGN), masked(f, bits, SIGN - 1)
    moved = shifted(f, "shl", magnitude, FLOAT.mantissa - MANTISSA)
    scale = number("float", 2.0 ** (FLOAT.bias - BIAS))
    finite = f.convert("bitcast", f.op("fmul", f.convert("bitcast", moved, "float"), scale), "i32")
    special = f.op("or", moved, constant("i32", pattern(float("inf"), FLOAT)))
    quiet = f.op("or", special, constant("i32", 1 << (FLOAT.mantissa - 1)))
    special = f.select(above(f, magnitude, INFINITY), quiet, special)
    result = f.select(above(f, magnitude, INFINITY - 1), special, finite)
    result = f.op("or", result, shifted(f, "shl", sign, 16))
    f.ret(f.convert("bitcast", result, "float"))


def emit_narrowing(module: Module, name: str, wide: Format) -> None:
    """Write half NAME(wide)."""
    f = module.function(name, [Value(wide.name, "%x")], "half", internal=False)
    excess = wide.mantissa - MANTISSA  # bits that go
    bits = f.convert("bitcast", f.parameters[0], wide.bits)
    sign = masked(f, shifted(f, "lshr", bits, wide.width - 16), SIGN)
    magnitude = masked(f, bits, (1 << (wide.width - 1)) - 1)

    is_odd = masked(f, shifted(f, "lshr", magnitude, excess), 1)
    below_half = (1 << (excess - 1)) - 1
    rebias = constant(wide.bits, below_half - ((wide.bias - BIAS) << wide.mantissa))
    normal = shifted(f, "lshr", f.op("add", f.op("add", magnitude, rebias), is_odd), excess)

    # The last place of this number is 2^-24, that of subnormal float16.
    anchor = 2.0 ** (wide.mantissa - BIAS - MANTISSA + 1)
    total = f.op("fadd", f.convert("bitcast", magnitude, wide.name), number(wide.name, anchor))
    total = f.convert("bitcast", total, wide.bits)
    subnormal = f.op("sub", total, constant(wide.bits, pattern(anchor, wide)))

    payload = masked(f, shifted(f, "lshr", magnitude, excess), (1 << MANTISSA) - 1)
    nan = f.op("or", payload, constant(wide.bits, QUIET))

    is_normal = above(f, magnitude, pattern(2.0 ** (1 - BIAS), wide) - 1)
    result = f.select(is_normal, normal, subnormal)
    # 65,520 lies in the middle of the largest float16 and what would be the next.
    is_large = above(f, magnitude, pattern(65520.0, wide) - 1)
    result = f.select(is_large, constant(wide.bits, INFINITY), result)
    result = f.select(above(f, magnitude, pattern(float("inf"), wide)), nan, result)
    result = f.convert("trunc", f.op("or", result, sign), "i16")
    f.ret(f.convert("bitcast", result, "half"))


def pattern(value: float, wide: Format) -> int:
    """The bits of a number."""
    return int(struct.unpack(wide.code[0] + wide.code[2], struct.pack(wide.code[:2], value))[0])


def constant(type_: str, value: int) -> Value:
    return Value(type_, str(value))


def masked(f: Function, bits: Value, mask: int) -> Value:
    return f.op("and", bits, constant(bits.type, mask))


def shifted(f: Function, name: str, bits: Value, count: int) -> Value:
    return f.op(name, bits, constant(bits.type, count))


def above(f: Function, bits: Value, bound: int) -> Value:
    return f.compare("icmp ugt", bits, constant(bits.type, bound))
