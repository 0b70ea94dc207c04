"""The innermost part of a contraction: one tile of the result, held in registers.

A tile is some rows times some vectors of columns. For each step of the sum it loads its vectors of
b once, and for each row one number of a, which goes to all lanes:

    total[row, vector] <- a[row, k] b[k, vector] + total[row, vector]      for k = 0, 1, 2, ...

Each number of the result is one such chain over k in ascending order, whatever the shape of the
tile. So its bits do not depend on how the rows are divided, nor on where a block of k ends: the
next block goes on from the stored total.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    TRUTH,
    Function,
    Module,
    Value,
    index,
    splat_number,
    vector,
)

# An inner loop whose tile has at most so many multiplications in all its turns is written out.
MOST_WRITTEN_OUT = 96


class Dim(NamedTuple):
    """One loop of a contraction: its length, and how far each operand moves at a turn.

    The strides count elements; they are 0 where an operand does not move.
    """

    size: int
    a: int
    b: int
    c: int


class Axis(NamedTuple):
    """Loops over rows that go as one: its length, its strides, and the lengths that it joins."""

    size: int
    a: int
    b: int
    c: int
    parts: tuple[int, ...]


class Place:
    """Where a vector of results stands.

    Attributes:
        offset: of its first number, in elements from the `c` of the whole contraction.
        column: of its first number.
        mask: which lanes are columns of the result; None where all are.
    """

    def __init__(
        self,
        f: Function,
        offset: Value,
        column: Value,
        mask: Value | None,
        axes: Sequence[tuple[Value, tuple[int, ...]]],
    ) -> None:
        self.offset = offset
        self.column = column
        self.mask = mask
        self._f = f
        self._axes = axes

    @cached_property
    def rows(self) -> tuple[Value, ...]:
        """The counter of each loop over rows, in the order of the contraction's `rows`."""
        return tuple(
            counter
            for whole, parts in self._axes
            for counter in split_counter(self._f, whole, parts)
        )


def split_counter(f: Function, whole: Value, parts: Sequence[int]) -> list[Value]:
    """The counters of nested loops, from the counter of the one that they were joined to."""
    counters: list[Value] = []
    for size in reversed(parts[1:]):
        counters.append(f.op("urem", whole, index(size)) if size > 1 else index(0))
        whole = f.op("udiv", whole, index(size)) if size > 1 else whole
    return [whole, *reversed(counters)]


@dataclass(frozen=True)
class Finish:
    """What is done to each vector of results before it is stored: a bias, an activation.

    Args:
        parameters: what `emit` reads besides the result, as `Value("ptr", "%bias")`: they follow
            the parameters of the contraction, and have these names wherever `emit` is called.
        emit: writes the instructions, and gives what is to be stored.
    """

    parameters: tuple[Value, ...]
    emit: Callable[[Function, Value, Place], Value]


@dataclass(frozen=True)
class MicroKernel:
    """The shape of a tile and all strides; the function that it becomes depends on nothing else.

    Args:
        lanes: numbers in a vector.
        vectors: vectors of columns, one after the other.
        steps: turns of the first of `axes` that the tile holds; it holds the other axes whole.
        inner: the loops of the sum, outermost first.
        counted: the first inner loop gets its number of turns from the caller.
        masked: so many of the last vectors may reach beyond the last column.
        fused: multiply and add with one rounding.
        accumulate: the sum begins with what c holds.
        blocks: the caller sums in several calls, and says which are the first and the last.
    """

    name: str
    element: str
    lanes: int
    vectors: int
    steps: int
    axes: tuple[Axis, ...]
    inner: tuple[Dim, ...]
    counted: bool
    masked: int
    fused: bool
    accumulate: bool
    blocks: bool

    @cached_property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """Of each row of the tile: its turn of each axis."""
        others = self.axes[1:]
        return tuple(product(range(self.steps), *(range(axis.size) for axis in others)))

    def parameters(self, outer: int = 0, finish: Finish | None = None) -> list[Value]:
        """Those of its function; `outer` is the number of axes whose counters a finish needs."""
        wanted = [Value(POINTER, "%a"), Value(POINTER, "%b"), Value(POINTER, "%c")]
        if self.masked:
            wanted.append(Value(INDEX, "%left"))
        if self.counted:
            wanted.append(Value(INDEX, "%count"))
        if self.blocks:
            wanted += [Value(TRUTH, "%first"), Value(TRUTH, "%last")]
        if finish is not None:
            wanted += [Value(INDEX, "%offset"), Value(INDEX, "%column")]
            wanted += [Value(INDEX, f"%row{i}") for i in range(outer + 1)]
            wanted += finish.parameters
        return wanted


class Writer:
    """Writes the function of a micro-kernel."""

    def __init__(
        self,
        module: Module,
        kernel: MicroKernel,
        outer: Sequence[Axis],
        finish: Finish | None,
    ) -> None:
        parameters = kernel.parameters(len(outer), finish)
        self.f = module.function(kernel.name, parameters, attributes="nounwind noinline")
        self.kernel = kernel
        self.outer = outer
        self.finish = finish
        self.parameter = {value.name[1:]: value for value in parameters}
        self.type = vector(kernel.element, kernel.lanes)
        self.bytes = {"float": 4, "double": 8}[kernel.element]
        self.masks = [self.mask(j) for j in range(kernel.vectors)]

    def write(self) -> None:
        kernel = self.kernel
        totals = [self.start(row, j) for row, j in self.results()]
        a, b = self.parameter["a"], self.parameter["b"]
        if all(dim.size for dim in kernel.inner):
            totals = self.sum(kernel.inner, (a, 0), (b, 0), totals, kernel.counted)
        if self.finish is None or not kernel.blocks:
            self.store(totals, self.finish)
        else:
            last = self.parameter["last"]
            with self.f.when(last):
                self.store(totals, self.finish)
            with self.f.when(self.f.op("xor", last, Value(TRUTH, "true"))):
                self.store(totals, None)
        self.f.ret()

    def results(self) -> list[tuple[int, int]]:
        return list(product(range(len(self.kernel.rows)), range(self.kernel.vectors)))

    # Columns that do not fill the last vector

    def mask(self, j: int) -> Value | None:
        kernel, f = self.kernel, self.f
        if j < kernel.vectors - kernel.masked:
            return None
        # Lanes as wide as the numbers: the processor's masks are compared so.
        narrow = f"i{8 * self.bytes}"
        left = self.parameter["left"]
        if self.bytes == 4:
            left = f.convert("trunc", left, narrow)
        lanes = ", ".join(f"{narrow} {lane + j * kernel.lanes}" for lane in range(kernel.lanes))
        places = Value(vector(narrow, kernel.lanes), f"<{lanes}>")
        return f.compare("icmp slt", places, f.splat(left, kernel.lanes))

    def read(self, pointer: Value, j: int) -> Value:
        f, mask = self.f, self.masks[j]
        if mask is None:
            return f.load(self.type, pointer, self.bytes)
        aligned = Value("i32", str(self.bytes))
        name = f"llvm.masked.load.v{self.kernel.lanes}f{8 * self.bytes}.p0"
        return f.call(name, self.type, pointer, aligned, mask, splat_number(self.type, 0))

    def write_out(self, value: Value, pointer: Value, j: int) -> None:
        f, mask = self.f, self.masks[j]
        if mask is None:
            f.store(value, pointer, self.bytes)
            return
        aligned = Value("i32", str(self.bytes))
        name = f"llvm.masked.store.v{self.kernel.lanes}f{8 * self.bytes}.p0"
        f.run(name, value, pointer, aligned, mask)

    # The tile in memory

    def offset(self, row: int, j: int) -> int:
        turns = self.kernel.rows[row]
        moved = sum(i * axis.c for i, axis in zip(turns, self.kernel.axes, strict=True))
        return moved + j * self.kernel.lanes

    def pointer(self, row: int, j: int) -> Value:
        return self.f.place(self.parameter["c"], index(self.offset(row, j)), self.kernel.element)

    def start(self, row: int, j: int) -> Value:
        zero = splat_number(self.type, 0)
        if self.kernel.accumulate:
            return self.read(self.pointer(row, j), j)
        if not self.kernel.blocks:
            return zero
        return self.f.select(self.parameter["first"], zero, self.read(self.pointer(row, j), j))

    def store(self, totals: Sequence[Value], finish: Finish | None) -> None:
        for (row, j), total in zip(self.results(), totals, strict=True):
            value = total
            if finish is not None:
                value = finish.emit(self.f, total, self.place(row, j))
            self.write_out(value, self.pointer(row, j), j)

    def place(self, row: int, j: int) -> Place:
        f, kernel = self.f, self.kernel
        outer = [(self.parameter[f"row{i}"], axis.parts) for i, axis in enumerate(self.outer)]
        step, *turns = kernel.rows[row]
        tile = f.add(self.parameter[f"row{len(outer)}"], step)
        return Place(
            f,
            f.add(self.parameter["offset"], self.offset(row, j)),
            f.add(self.parameter["column"], j * kernel.lanes),
            self.masks[j],
            [
                *outer,
                (tile, kernel.axes[0].parts),
                *(
                    (index(turn), axis.parts)
                    for turn, axis in zip(turns, kernel.axes[1:], strict=True)
                ),
            ],
        )

    # The sum

    def sum(
        self,
        dims: Sequence[Dim],
        a: tuple[Value, int],
        b: tuple[Value, int],
        totals: list[Value],
        counted: bool,
    ) -> list[Value]:
        """The loops `dims`, from a and b: pointers, and elements to go from them."""
        if not dims:
            return self.step(a, b, totals)
        f, (dim, *others) = self.f, dims
        if not counted and not others and dim.size * len(totals) <= MOST_WRITTEN_OUT:
            for k in range(dim.size):
                totals = self.step((a[0], a[1] + k * dim.a), (b[0], b[1] + k * dim.b), totals)
            return totals
        starts = [self.moved(a), self.moved(b), *totals]
        count = self.parameter["count"] if counted else index(dim.size)
        with f.loop(index(0), count, carried=starts, may_be_empty=False) as loop:
            turn_a, turn_b, *totals = loop.carried
            totals = self.sum(others, (turn_a, 0), (turn_b, 0), totals, False)
            loop.next = [self.moved((turn_a, dim.a)), self.moved((turn_b, dim.b)), *totals]
        return loop.carried[2:]

    def moved(self, place: tuple[Value, int]) -> Value:
        return self.f.place(place[0], index(place[1]), self.kernel.element)

    def step(
        self, a: tuple[Value, int], b: tuple[Value, int], totals: Sequence[Value]
    ) -> list[Value]:
        kernel, f = self.kernel, self.f
        columns = [
            self.read(self.moved((b[0], b[1] + j * kernel.lanes)), j) for j in range(kernel.vectors)
        ]
        result = []
        for row, turns in enumerate(kernel.rows):
            across = sum(i * axis.a for i, axis in zip(turns, kernel.axes, strict=True))
            one = f.load(kernel.element, self.moved((a[0], a[1] + across)), self.bytes)
            factor = f.splat(one, kernel.lanes)
            for j, column in enumerate(columns):
                total = totals[row * kernel.vectors + j]
                if kernel.fused:
                    result.append(f.intrinsic("fma", factor, column, total))
                else:
                    result.append(f.op("fadd", f.op("fmul", factor, column), total))
        return result


def emit_micro_kernel(
    module: Module, kernel: MicroKernel, outer: Sequence[Axis], finish: Finish | None
) -> None:
    """Write the function of a micro-kernel, once.

    Args:
        outer: the axes of the rows outside the tile, whose counters a finish may ask for.
    """
    if kernel.name not in module.functions:
        Writer(module, kernel, outer, finish).write()
