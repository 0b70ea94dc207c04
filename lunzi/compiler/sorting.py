"""Sorting in machine code: each number and its place become one integer, and integers are merged.

The high half of such an integer rises with the number, the low half is the number's place. So no
two are equal, the first of equal numbers stands first, and a comparison is one instruction.
"""

from __future__ import annotations

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    Function,
    Module,
    Value,
    index,
    splat_number,
)
from lunzi.core.spec import DType, is_floating

# The bits of infinity, by the size of the dtype.
INFINITIES = {2: 0x7C00, 4: 0x7F800000, 8: 0x7FF0000000000000}

WORK = Value(POINTER, "%work")
COUNT = Value(INDEX, "%count")


def entry_type(dtype: DType) -> str:
    """The integer that holds a number and its place, for axes of less than 2^32 elements."""
    return "i128" if dtype.itemsize == 8 else "i64"


def entry_words(dtype: DType) -> int:
    """How many int64 such an integer takes."""
    return 2 if dtype.itemsize == 8 else 1


def entry(f: Function, value: Value, place: Value, dtype: DType) -> Value:
    """A number at a place as one integer."""
    type_ = entry_type(dtype)
    half = Value(type_, "64" if type_ == "i128" else "32")
    key = f.convert("zext", rising(f, value, dtype), type_)
    low = f.convert("zext", place, type_) if type_ != INDEX else place
    return f.op("or", f.op("shl", key, half), low)


def place_of(f: Function, sorted_entry: Value) -> Value:
    """The place that an integer was made with."""
    if sorted_entry.type == "i128":
        return f.convert("trunc", sorted_entry, INDEX)
    return f.op("and", sorted_entry, index(2**32 - 1))


def rising(f: Function, value: Value, dtype: DType) -> Value:
    """An integer without a sign that is in the order of the numbers; NaN is the largest."""
    if dtype.kind in "ub":
        return value
    bits = 8 * dtype.itemsize
    word = Value(f"i{bits}", "")
    sign, ones = (splat_number(word.type, number) for number in (-(2 ** (bits - 1)), -1))
    if not is_floating(dtype):
        return f.op("xor", value, sign)
    value = f.convert("bitcast", value, word.type)
    size = f.op("and", value, splat_number(word.type, 2 ** (bits - 1) - 1))
    # -0.0 is as large as 0.0.
    is_zero = f.compare("icmp eq", size, splat_number(word.type, 0))
    value = f.select(is_zero, size, value)
    is_negative = f.compare("icmp slt", value, splat_number(word.type, 0))
    turned = f.op("xor", value, f.select(is_negative, ones, sign))
    is_nan = f.compare("icmp ugt", size, splat_number(word.type, INFINITIES[dtype.itemsize]))
    return f.select(is_nan, ones, turned)


def sort(f: Function, work: Value, count: Value, type_: str) -> Value:
    """Sort integers and return where they are then.

    Args:
        work: the integers, and room for as many behind them and one more.
        count: how many they are.
    """
    name = f"sort_{type_}"
    if name not in f.module.functions:
        emit_sort(f.module, name, type_)
    return f.call(name, POINTER, work, count)


def emit_sort(module: Module, name: str, type_: str) -> None:
    """Write the function: runs of 1, 2, 4, ... integers are merged until one is left."""
    f = module.function(name, [WORK, COUNT], result=POINTER, attributes="nounwind noinline")
    room = f.place(WORK, COUNT, type_)
    with f.loop(index(1), COUNT, carried=[WORK, room]) as runs:
        length, (source, target) = runs.counter, runs.carried
        with f.loop(index(0), COUNT) as pair:
            middle = smaller(f, f.add(pair.counter, length), COUNT)
            pair.step = f.op("shl", length, index(1))
            end = smaller(f, f.add(pair.counter, pair.step), COUNT)
            merge(f, source, target, (pair.counter, middle, end), type_)
        runs.step = length
        runs.next = [target, source]
    f.ret(runs.carried[0])


def merge(
    f: Function, source: Value, target: Value, places: tuple[Value, Value, Value], type_: str
) -> None:
    """Merge two neighbouring runs, from `start` to `middle` and on to `end`."""
    start, middle, end = places
    align = int(type_[1:]) // 8
    with f.loop(start, end, carried=[start, middle], may_be_empty=False) as turn:
        left, right = turn.carried
        # A run that is used up is read one element too far, which is still inside of the room.
        a = f.load(type_, f.place(source, left, type_), align)
        b = f.load(type_, f.place(source, right, type_), align)
        is_first = f.compare("icmp ult", a, b)
        is_over = f.compare("icmp sge", right, end)
        takes_left = f.op("or", is_first, is_over)
        takes_left = f.op("and", takes_left, f.compare("icmp slt", left, middle))
        f.store(f.select(takes_left, a, b), f.place(target, turn.counter, type_), align)
        step = f.convert("zext", takes_left, INDEX)
        turn.next = [f.add(left, step), f.op("sub", f.add(right, 1), step)]


def smaller(f: Function, a: Value, b: Value) -> Value:
    return f.intrinsic("smin", a, b)
