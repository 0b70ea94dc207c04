"""Transposed copies, for products whose second operand is stored the other way round."""

from __future__ import annotations

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    TYPES,
    Function,
    Module,
    Value,
    index,
    vector,
)
from lunzi.compiler.contraction_loops import Range, nest
from lunzi.compiler.target import Target
from lunzi.core.spec import DType

# The widest part of a vector in which every processor can reorder numbers at will.
GROUP_BYTES = 16


def emit_transpose(
    module: Module,
    target: Target,
    dtype: DType,
    columns: int,
    source_stride: int,
    target_stride: int,
    name: str,
) -> None:
    """Write `void @name(ptr source, ptr target, i64 rows)`, internal to the module.

        target[column, row] = source[row, column]

    Squares of as many rows as a vector has lanes turn in registers; what is left over at the two
    edges goes one by one. Nothing outside of the operands is read or written.

    Args:
        columns: of the source; the number of its rows comes at each call.
        source_stride: elements from one row of the source to the next.
        target_stride: elements from one row of the target to the next.
    """
    parameters = [Value(POINTER, "%source"), Value(POINTER, "%target"), Value(INDEX, "%rows")]
    f = module.function(name, parameters)
    source, to, rows = parameters
    element, width, lanes = TYPES[dtype.name], dtype.itemsize, target.lanes(dtype)

    def move(type_: str, row: Value, column: Value) -> tuple[Value, Value]:
        start = f.add(f.times(row, source_stride), column)
        end = f.add(f.times(column, target_stride), row)
        return f.place(source, start, element), f.place(to, end, element)

    def square(place: list[Value]) -> None:
        at_source, at_target = move(element, *place)
        lines = [
            f.load(
                vector(element, lanes),
                f.place(at_source, index(i * source_stride), element),
                width,
            )
            for i in range(lanes)
        ]
        for i, line in enumerate(turned(f, lines, GROUP_BYTES // width)):
            f.store(line, f.place(at_target, index(i * target_stride), element), width)

    def one(place: list[Value]) -> None:
        at_source, at_target = move(element, *place)
        f.store(f.load(element, at_source, width), at_target, width)

    zero, whole_columns = index(0), index(columns - columns % lanes)
    whole_rows = f.op("sub nsw", rows, f.op("urem", rows, index(lanes)))
    nest(f, [Range(zero, whole_rows, lanes), Range(zero, whole_columns, lanes)], square)
    nest(f, [Range(zero, whole_rows), Range(whole_columns, index(columns))], one)
    nest(f, [Range(whole_rows, rows), Range(zero, index(columns))], one)
    f.ret()


def turned(f: Function, lines: list[Value], inner: int) -> list[Value]:
    """The columns of a square whose rows are these vectors.

    Each bit of a row's number has to trade places with the same bit of a lane's. Two kinds of
    shuffles do that, each one instruction on every processor: first inside of groups of `inner`
    lanes (16 bytes), then with groups as wholes.
    """
    lanes = lines[0].lanes
    lines = list(lines)
    inside = [1 << bit for bit in reversed(range(inner.bit_length() - 1))]
    across = [1 << bit for bit in range(inner.bit_length() - 1, lanes.bit_length() - 1)]
    for distance in (*inside, *across):
        places = unpacked(lanes, inner) if distance in inside else every_other(lanes, inner)
        for i in (i for i in range(lanes) if not i & distance):
            a, b = lines[i], lines[i + distance]
            lines[i], lines[i + distance] = (shuffled(f, a, b, chosen) for chosen in places)
    return lines


def unpacked(lanes: int, inner: int) -> list[list[int]]:
    """a0 b0 a1 b1 of each group of lanes, and what is left: a2 b2 a3 b3."""
    return [
        [
            group + first + i + operand
            for group in range(0, lanes, inner)
            for i in range(inner // 2)
            for operand in (0, lanes)
        ]
        for first in (0, inner // 2)
    ]


def every_other(lanes: int, inner: int) -> list[list[int]]:
    """The even groups of a and then those of b, and the odd ones."""
    return [
        [
            operand + group + i
            for operand in (0, lanes)
            for group in range(first, lanes, 2 * inner)
            for i in range(inner)
        ]
        for first in (0, inner)
    ]


def shuffled(f: Function, a: Value, b: Value, chosen: list[int]) -> Value:
    """Lanes of a, and behind them of b, by their numbers."""
    numbers = ", ".join(f"i32 {lane}" for lane in chosen)
    return f.define(a.type, f"shufflevector {a}, {b}, <{len(chosen)} x i32> <{numbers}>")
