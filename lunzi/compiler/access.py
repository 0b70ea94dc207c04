"""Loads and stores of one or several numbers, masked, strided and at places that depend on data."""

from __future__ import annotations

import functools
import math

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    TRUTH,
    TYPES,
    Function,
    Value,
    mangled,
    splat_number,
    vector,
)
from lunzi.core.checked import Bounds
from lunzi.core.spec import DType, bool_


def memory_type(dtype: DType) -> str:
    """The type of a number in memory: a bool takes a byte there."""
    return "i8" if dtype == bool_ else TYPES[dtype.name]


def counted(lanes: int, element: str = INDEX, stride: int = 1) -> Value:
    """The constant 0, stride, 2 stride, ... in the lanes of a vector."""
    if lanes == 1:
        return Value(element, "0")
    numbers = ", ".join(f"{element} {lane * stride}" for lane in range(lanes))
    return Value(vector(element, lanes), f"<{numbers}>")


def mask_below(f: Function, remaining: Value, lanes: int) -> Value:
    """True in the first `remaining` lanes."""
    if remaining.name[0] != "%":
        return constant_mask(int(remaining.name), lanes)
    # Lanes of 32 bits: masks of 64-bit lanes would take two comparisons.
    limit = f.splat(f.convert("trunc", remaining, "i32"), lanes)
    return f.compare("icmp slt", counted(lanes, "i32"), limit)


def constant_mask(count: int, lanes: int) -> Value:
    bits = ", ".join(f"{TRUTH} {int(lane < count)}" for lane in range(lanes))
    return Value(vector(TRUTH, lanes), f"<{bits}>")


def places_from(f: Function, first: Value, lanes: int, stride: int) -> Value:
    """The places first, first + stride, ..., one a lane."""
    if lanes == 1:
        return first
    return f.op("add", f.splat(first, lanes), counted(lanes, INDEX, stride))


def addresses(f: Function, pointer: Value, places: Value, element: str) -> Value:
    """The address of each place, one a lane."""
    text = f"getelementptr {element}, {pointer}, {places}"
    return f.define(vector(POINTER, places.lanes), text)


def load(
    f: Function, dtype: DType, pointer: Value, lanes: int = 1, mask: Value | None = None
) -> Value:
    """Numbers that lie one after the other; 0 in the lanes that the mask leaves out."""
    type_ = vector(memory_type(dtype), lanes)
    if mask is None:
        value = f.load(type_, pointer, dtype.itemsize)
    else:
        name = f"llvm.masked.load.{mangled(type_)}.p0"
        value = f.call(name, type_, pointer, alignment(dtype), mask, splat_number(type_, 0))
    return from_memory(f, dtype, value)


def gather(
    f: Function, dtype: DType, pointer: Value, places: Value, mask: Value | None = None
) -> Value:
    """The numbers at these places, one a lane."""
    element, lanes = memory_type(dtype), places.lanes
    type_ = vector(element, lanes)
    if mask is None:
        mask = splat_number(vector(TRUTH, lanes), 1)
    name = f"llvm.masked.gather.{mangled(type_)}.v{lanes}p0"
    pointers = addresses(f, pointer, places, element)
    zeros = splat_number(type_, 0)
    return from_memory(f, dtype, f.call(name, type_, pointers, alignment(dtype), mask, zeros))


def store(
    f: Function, dtype: DType, value: Value, pointer: Value, mask: Value | None = None
) -> None:
    """Store numbers one after the other, in the lanes that the mask has."""
    value = to_memory(f, dtype, value)
    if mask is None:
        f.store(value, pointer, dtype.itemsize)
    elif mask == constant_mask(1, value.lanes):
        # LLVM 22 for AVX-512 makes one number that is cut to fewer bits, stored under a constant
        # mask, a store of all its bits: beyond the memory.
        first = f.define(value.element, f"extractelement {value}, i64 0")
        f.store(first, pointer, dtype.itemsize)
    else:
        name = f"llvm.masked.store.{mangled(value.type)}.p0"
        f.run(name, value, pointer, alignment(dtype), mask)


def scatter(
    f: Function,
    dtype: DType,
    value: Value,
    pointer: Value,
    places: Value,
    mask: Value | None = None,
) -> None:
    """Store numbers at these places, one a lane; where places are equal the last one stays."""
    value = to_memory(f, dtype, value)
    if mask is None:
        mask = splat_number(vector(TRUTH, places.lanes), 1)
    name = f"llvm.masked.scatter.{mangled(value.type)}.v{places.lanes}p0"
    pointers = addresses(f, pointer, places, memory_type(dtype))
    f.run(name, value, pointers, alignment(dtype), mask)


def alignment(dtype: DType) -> Value:
    return Value("i32", str(dtype.itemsize))


def from_memory(f: Function, dtype: DType, value: Value) -> Value:
    if dtype != bool_:
        return value
    return f.compare("icmp ne", value, splat_number(value.type, 0))


def to_memory(f: Function, dtype: DType, value: Value) -> Value:
    return f.convert("zext", value, "i8") if dtype == bool_ else value


def from_either_end(f: Function, chosen: Value, is_signed: bool, length: int) -> Value:
    """An index as an int64 in [0, length): -1 is the last, and what lies outside the nearest.

    An index outside is reported by its check; here it must only not read foreign memory.
    """
    if chosen.element != INDEX:
        chosen = f.convert("sext" if is_signed else "zext", chosen, INDEX)
    zero, last = splat_number(chosen.type, 0), splat_number(chosen.type, max(length - 1, 0))
    from_end = f.op("add", chosen, splat_number(chosen.type, length))
    chosen = f.select(f.compare("icmp slt", chosen, zero), from_end, chosen)
    chosen = f.call(f"llvm.smax.{mangled(chosen.type)}", chosen.type, chosen, zero)
    return f.call(f"llvm.smin.{mangled(chosen.type)}", chosen.type, chosen, last)


def is_outside(f: Function, value: Value, dtype: DType, bounds: Bounds) -> Value:
    """Where numbers lie outside of bounds; NaN does not."""
    kind = dtype.kind
    if kind in "iu" and value.element != INDEX:
        value = f.convert("sext" if kind == "i" else "zext", value, INDEX)
    if value.element == "half":
        value = f.convert("fpext", value, "float")
    below, above = ("fcmp olt", "fcmp ogt") if kind == "f" else ("icmp slt", "icmp sgt")
    sides = [(below, bounds.low), (above, bounds.high)]
    found = [
        f.compare(name, value, splat_number(value.type, limit))
        for name, limit in sides
        if not math.isinf(limit)
    ]
    return functools.reduce(lambda a, b: f.op("or", a, b), found)
