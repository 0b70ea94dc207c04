"""The innermost part of a contraction: one tile of the result, held in registers.

A tile is some rows times some vectors of columns. For each step of the sum it loads its vectors of
b once, and for each row one number of a, which goes to all lanes:

    total[row, vector] <- a[row, k] b[k, vector] + total[row, vector]      for k = 0, 1, 2, ...

Each number of the result is one such chain over k in ascending order, whatever the shape of the
tile. So its bits do not depend on how the rows are divided, nor on where a block of k ends: the
next block goes on from the stored total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    Module,
    Value,
    index,
    splat_number,
    vector,
)
from lunzi.compiler.contraction_loops import Axis, Dim, Finish, Place

# An inner loop is written out where its tile has at most so many multiplications in all its turns:
# then that takes no longer to compile than a loop.
MOST_WRITTEN_OUT = 32


@dataclass(frozen=True)
class MicroKernel:
    """All that the function of a tile depends on: its shape, its loops and its strides.

    Args:
        lanes: numbers in a vector.
        vectors: vectors of columns, one after the other.
        steps: how many turns of the first of `axes` a tile may hold; it holds the others whole.
        outside: the axes of rows outside the tile.
        axes: the axes of rows in the tile.
        around: loops of the sum outside the tile, with their steps, where it is done in blocks.
        inside: loops of the sum in the tile, outermost first.
        end: the column behind the last one.
        masked: so many of the last vectors may reach beyond the last column.
        fused: multiply and add with one rounding.
        accumulate: the sum begins with what c holds.
        ahead: at each step, fetch what the next tile reads there: its numbers of a lie behind those
            of this tile, as those of b for the next columns do.
    """

    name: str
    element: str
    lanes: int
    vectors: int
    steps: tuple[int, ...]
    outside: tuple[Axis, ...]
    axes: tuple[Axis, ...]
    around: tuple[tuple[Dim, int], ...]
    inside: tuple[Dim, ...]
    end: int
    masked: int
    fused: bool
    accumulate: bool
    ahead: bool = False

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return {"float": 4, "double": 8}[self.element]

    def rows(self, step: int) -> list[tuple[int, ...]]:
        """Of each row of a tile: its turn of each of `axes`."""
        return list(product(range(step), *(range(axis.size) for axis in self.axes[1:])))

    def parameters(self) -> list[Value]:
        """The pointers of the contraction; counters of rows, column and blocks; and the step."""
        rows = [Value(INDEX, f"%row{i}") for i in range(len(self.outside) + 1)]
        sums = [Value(INDEX, f"%sum{i}") for i in range(len(self.around))]
        step = [Value(INDEX, "%step")] if len(self.steps) > 1 else []
        pointers = [Value(POINTER, f"%{operand}") for operand in "abc"]
        return [*pointers, *rows, Value(INDEX, "%column"), *sums, *step]


class Displaced(NamedTuple):
    """A place in memory: so many elements from a pointer."""

    pointer: Value
    elements: int = 0


class Writer:
    """Writes the function of a micro-kernel."""

    def __init__(self, module: Module, kernel: MicroKernel, finish: Finish | None) -> None:
        parameters = kernel.parameters()
        extra = finish.parameters if finish else ()
        self.f = module.function(kernel.name, [*parameters, *extra], attributes="nounwind noinline")
        self.kernel = kernel
        self.finish = finish
        self.type = vector(kernel.element, kernel.lanes)
        named = {value.name[1:]: value for value in parameters}
        self.step = named.get("step")
        self.column = named["column"]
        self.rows = [named[f"row{i}"] for i in range(len(kernel.outside) + 1)]
        self.sums = [named[f"sum{i}"] for i in range(len(kernel.around))]
        a, b, c = self.offsets()
        self.offset = c
        self.a, self.b, self.c = (
            self.f.place(named[operand], offset, kernel.element)
            for operand, offset in zip("abc", (a, b, c), strict=True)
        )
        self.masks = [self.mask(j) for j in range(kernel.vectors)]

    def offsets(self) -> tuple[Value, Value, Value]:
        """How far a, b and c of the tile are from those of the contraction."""
        f, kernel = self.f, self.kernel
        a, b, c = index(0), self.column, self.column
        axes = [*kernel.outside, kernel.axes[0]]
        loops: list[Axis | Dim] = [*axes, *(dim for dim, _ in kernel.around)]
        for counter, loop in zip([*self.rows, *self.sums], loops, strict=True):
            a = f.add(a, f.times(counter, loop.a))
            b = f.add(b, f.times(counter, loop.b))
            c = f.add(c, f.times(counter, loop.c))
        return a, b, c

    def write(self) -> None:
        for step in self.kernel.steps:
            if self.step is None:
                self.tile(step)
            else:
                with self.f.when(self.f.compare("icmp eq", self.step, index(step))):
                    self.tile(step)
        self.f.ret()

    def tile(self, step: int) -> None:
        TileWriter(self, step).write()

    # Columns that do not fill the last vector

    def mask(self, j: int) -> Value | None:
        kernel, f = self.kernel, self.f
        if j < kernel.vectors - kernel.masked:
            return None
        left = f.op("sub nsw", index(kernel.end), self.column)
        # Lanes as wide as the numbers: the processor's masks are compared so.
        narrow = f"i{8 * kernel.width}"
        if kernel.width < 8:
            left = f.convert("trunc", left, narrow)
        lanes = ", ".join(f"{narrow} {lane + j * kernel.lanes}" for lane in range(kernel.lanes))
        places = Value(vector(narrow, kernel.lanes), f"<{lanes}>")
        return f.compare("icmp slt", places, f.splat(left, kernel.lanes))

    def read(self, pointer: Value, j: int) -> Value:
        """Vector j of the columns at a place in memory."""
        f, kernel, mask = self.f, self.kernel, self.masks[j]
        if mask is None:
            return f.load(self.type, pointer, kernel.width)
        aligned = Value("i32", str(kernel.width))
        name = f"llvm.masked.load.v{kernel.lanes}f{8 * kernel.width}.p0"
        return f.call(name, self.type, pointer, aligned, mask, splat_number(self.type, 0))

    def store(self, value: Value, pointer: Value, j: int) -> None:
        f, kernel, mask = self.f, self.kernel, self.masks[j]
        if mask is None:
            f.store(value, pointer, kernel.width)
            return
        aligned = Value("i32", str(kernel.width))
        name = f"llvm.masked.store.v{kernel.lanes}f{8 * kernel.width}.p0"
        f.run(name, value, pointer, aligned, mask)


class TileWriter:
    """Writes the instructions of a tile of one shape."""

    def __init__(self, whole: Writer, step: int) -> None:
        self.whole = whole
        self.f = whole.f
        self.kernel = whole.kernel
        self.rows = whole.kernel.rows(step)
        self.results = list(product(range(len(self.rows)), range(whole.kernel.vectors)))

    def write(self) -> None:
        kernel = self.kernel
        totals = self.starts()
        if all(dim.size for dim in kernel.inside):
            a, b = Displaced(self.whole.a), Displaced(self.whole.b)
            totals = self.sum(kernel.inside, a, b, totals, self.turns())
        finish = self.whole.finish
        if finish is None or not kernel.around:
            self.store(totals, finish)
            return
        last = self.every("icmp sge", [index(dim.size - step) for dim, step in kernel.around])
        with self.f.when(last):
            self.store(totals, finish)
        with self.f.when(self.f.op("xor", last, Value("i1", "true"))):
            self.store(totals, None)

    # The tile in memory

    def displacement(self, row: int, j: int) -> int:
        moved = zip(self.rows[row], self.kernel.axes, strict=True)
        return sum(turn * axis.c for turn, axis in moved) + j * self.kernel.lanes

    def pointer(self, row: int, j: int) -> Value:
        return self.address(Displaced(self.whole.c, self.displacement(row, j)))

    def address(self, place: Displaced) -> Value:
        return self.f.place(place.pointer, index(place.elements), self.kernel.element)

    def starts(self) -> list[Value]:
        """The totals before the first step of this block of the sum."""
        f, kernel, zero = self.f, self.kernel, splat_number(self.whole.type, 0)
        if kernel.accumulate:
            return self.stored()
        if not kernel.around:
            return [zero] * len(self.results)
        before, load, begin = f.label, f.new_label("load"), f.new_label("begin")
        f.branch(self.every("icmp eq", [index(0)] * len(kernel.around)), begin, load)
        f.begin(load)
        totals = self.stored()
        f.go(begin)
        f.begin(begin)
        return [
            f.define(
                total.type,
                f"phi {total.type} [ {zero.name}, %{before} ], [ {total.name}, %{load} ]",
            )
            for total in totals
        ]

    def stored(self) -> list[Value]:
        return [self.whole.read(self.pointer(row, j), j) for row, j in self.results]

    def store(self, totals: Sequence[Value], finish: Finish | None) -> None:
        for (row, j), total in zip(self.results, totals, strict=True):
            value = total if finish is None else finish.emit(self.f, total, self.place(row, j))
            self.whole.store(value, self.pointer(row, j), j)

    def place(self, row: int, j: int) -> Place:
        f, whole, kernel = self.f, self.whole, self.kernel
        turn, *turns = self.rows[row]
        *outside, tile = whole.rows
        counters = [*outside, f.add(tile, turn), *map(index, turns)]
        parts = [axis.parts for axis in (*kernel.outside, *kernel.axes)]
        return Place(
            f,
            f.add(whole.offset, self.displacement(row, j)),
            f.add(whole.column, j * kernel.lanes),
            whole.masks[j],
            list(zip(counters, parts, strict=True)),
        )

    # Blocks of the sum

    def every(self, comparison: str, limits: Sequence[Value]) -> Value:
        """Whether the counters of all loops around the block compare so with their limits."""
        truth = Value("i1", "true")
        for counter, limit in zip(self.whole.sums, limits, strict=True):
            truth = self.f.op("and", self.f.compare(comparison, counter, limit), truth)
        return truth

    def turns(self) -> Value | None:
        """Turns of the first loop inside, where the last block has fewer."""
        if not self.kernel.around:
            return None
        dim, step = self.kernel.around[-1]
        if dim.size % step == 0:
            return None
        left = self.f.op("sub nsw", index(dim.size), self.whole.sums[-1])
        return self.f.intrinsic("smin", left, index(step))

    # The sum

    def sum(
        self,
        dims: Sequence[Dim],
        a: Displaced,
        b: Displaced,
        totals: list[Value],
        turns: Value | None = None,
    ) -> list[Value]:
        """The totals after the loops `dims`; `turns` replaces the length of the first one."""
        if not dims:
            return self.step(a, b, totals)
        f, (dim, *others) = self.f, dims
        if turns is None and not others and dim.size * len(totals) <= MOST_WRITTEN_OUT:
            for k in range(dim.size):
                turn_a = Displaced(a.pointer, a.elements + k * dim.a)
                turn_b = Displaced(b.pointer, b.elements + k * dim.b)
                totals = self.step(turn_a, turn_b, totals)
            return totals
        starts = [self.address(a), self.address(b), *totals]
        stop = index(dim.size) if turns is None else turns
        with f.loop(index(0), stop, carried=starts, may_be_empty=False) as loop:
            at_a, at_b, *totals = loop.carried
            totals = self.sum(others, Displaced(at_a), Displaced(at_b), totals)
            following = self.address(Displaced(at_a, dim.a)), self.address(Displaced(at_b, dim.b))
            loop.next = [*following, *totals]
        return loop.carried[2:]

    def step(self, a: Displaced, b: Displaced, totals: Sequence[Value]) -> list[Value]:
        """One step of the sum of each total."""
        f, kernel = self.f, self.kernel
        columns = [
            self.whole.read(self.address(Displaced(b.pointer, b.elements + j * kernel.lanes)), j)
            for j in range(kernel.vectors)
        ]
        if kernel.ahead:
            self.look_ahead(a, b)
        result: list[Value] = []
        for turns in self.rows:
            across = sum(turn * axis.a for turn, axis in zip(turns, kernel.axes, strict=True))
            place = self.address(Displaced(a.pointer, a.elements + across))
            factor = f.splat(f.load(kernel.element, place, kernel.width), kernel.lanes)
            for column in columns:
                total = totals[len(result)]
                if kernel.fused:
                    result.append(f.intrinsic("fma", factor, column, total))
                else:
                    result.append(f.op("fadd", f.op("fmul", factor, column), total))
        return result

    def look_ahead(self, a: Displaced, b: Displaced) -> None:
        """Fetch into the second cache what the next tiles read at this step of the sum."""
        kernel = self.kernel
        # Its first numbers share a line with the last of this tile, or with its own last.
        last = a.elements + 2 * len(self.rows) - 1
        self.fetch(Displaced(a.pointer, last))
        for j in range(kernel.vectors, 2 * kernel.vectors):
            self.fetch(Displaced(b.pointer, b.elements + j * kernel.lanes))

    def fetch(self, place: Displaced) -> None:
        """Ask for a line of memory; nothing happens where there is none."""
        reading, second_cache, data = (Value("i32", str(choice)) for choice in (0, 2, 1))
        self.f.run("llvm.prefetch.p0", self.address(place), reading, second_cache, data)


def emit_micro_kernel(module: Module, kernel: MicroKernel, finish: Finish | None) -> None:
    """Write the function of a micro-kernel, internal to the module."""
    Writer(module, kernel, finish).write()
