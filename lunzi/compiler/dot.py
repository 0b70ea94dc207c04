"""Contractions with few columns, as dot products along the sum.

Vectors along the columns would be nearly empty, so the lanes take neighbours of the sum instead:

    total[chain][lane] <- a[k] b[k] + total[chain][lane]     k = (chains turn + chain) lanes + lane

and in the end the chains are added, neighbours first, then the two halves of what is left, and so
on. How many chains there are depends on the contraction alone: then so do the bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.compiler.builder import (
    TYPES,
    Function,
    Value,
    index,
    mangled,
    splat_number,
    vector,
)
from lunzi.compiler.contraction_loops import (
    Contraction,
    Dim,
    Finish,
    Place,
    Range,
    joined_rows,
    nest,
)
from lunzi.compiler.target import Target
from lunzi.compiler.tiling import unit

# Totals in registers at a time: eight hide the time that an addition takes.
CHAINS = 8
# From so many vectors of the sum, and up to so many columns, lanes along the sum are faster.
LEAST_VECTORS, MOST_COLUMNS = 2, 8


def prefers_dot(contraction: Contraction, target: Target) -> bool:
    """Whether lanes along the sum are faster than lanes along the columns, and can be used."""
    few = contraction.columns.size <= MOST_COLUMNS
    least = LEAST_VECTORS * target.lanes(contraction.dtype)
    return contraction.has_dots and few and contraction.last.size >= least


class DotWriter:
    """Writes the loops and the dot products of a contraction."""

    def __init__(
        self, f: Function, target: Target, contraction: Contraction, finish: Finish | None
    ) -> None:
        self.f = f
        self.contraction = contraction
        self.finish = finish
        self.element = TYPES[contraction.dtype.name]
        self.width = contraction.dtype.itemsize
        self.lanes = target.lanes(contraction.dtype)
        self.type = vector(self.element, self.lanes)
        self.fused = target.has_fma
        self.axes = joined_rows(contraction.rows, dynamic=True)
        self.around = contraction.sums[:-1]
        self.last = contraction.last
        columns = max(1, contraction.columns.size)
        self.group = min(columns, CHAINS // 2)  # columns at a time
        self.chains = 1 << (CHAINS // self.group).bit_length() - 1  # halved again and again

    def write(self) -> None:
        f, axes = self.f, self.axes
        stops = [index(axis.size) for axis in axes]
        stops[0] = f.times(f.parameters[3], unit(axes[0]))
        nest(f, [Range(index(0), stop) for stop in stops], self.row)

    def row(self, counters: list[Value]) -> None:
        """The results of one row, some columns at a time."""
        f, columns = self.f, self.contraction.columns
        offsets = [index(0)] * 3
        for counter, axis in zip(counters, self.axes, strict=True):
            moves = (f.times(counter, stride) for stride in (axis.a, axis.b, axis.c))
            offsets = [f.add(offset, move) for offset, move in zip(offsets, moves, strict=True)]
        whole = columns.size - columns.size % self.group

        def some(first: Value, count: int) -> None:
            self.columns(counters, offsets, first, count)

        nest(
            f,
            [Range(index(0), index(whole), self.group)],
            lambda first: some(first[0], self.group),
        )
        if columns.size > whole:
            some(index(whole), columns.size - whole)

    def columns(
        self, counters: list[Value], offsets: list[Value], first: Value, count: int
    ) -> None:
        f, columns = self.f, self.contraction.columns
        a, b, c = f.parameters[:3]
        at_a = f.place(a, offsets[0], self.element)
        begin = f.add(offsets[1], f.times(first, columns.b))
        at_b = [
            f.place(b, f.add(begin, column * columns.b), self.element) for column in range(count)
        ]
        totals = [splat_number(self.type, 0)] * (count * self.chains)
        if all(dim.size for dim in self.contraction.inner):
            totals = self.sum(self.around, at_a, at_b, totals)
        for i in range(count):
            column = f.add(first, i)
            offset = f.add(offsets[2], f.times(column, columns.c))
            pointer = f.place(c, offset, self.element)
            result = self.total(totals[i * self.chains : (i + 1) * self.chains])
            if self.contraction.accumulate:
                result = f.op("fadd", f.load(self.element, pointer, self.width), result)
            if self.finish is not None:
                parts = [
                    (counter, axis.parts) for counter, axis in zip(counters, self.axes, strict=True)
                ]
                result = self.finish.emit(f, result, Place(f, offset, column, None, parts))
            f.store(result, pointer, self.width)

    def sum(
        self, dims: Sequence[Dim], a: Value, b: Sequence[Value], totals: list[Value]
    ) -> list[Value]:
        """The totals after the loops of the sum."""
        f = self.f
        if not dims:
            return self.run(a, b, totals)
        dim, *others = dims
        starts = [a, *b, *totals]
        with f.loop(index(0), index(dim.size), carried=starts, may_be_empty=False) as loop:
            at_a, at_b = loop.carried[0], loop.carried[1 : len(b) + 1]
            totals = self.sum(others, at_a, at_b, loop.carried[len(b) + 1 :])
            following = [f.place(at_a, index(dim.a), self.element)]
            following += [f.place(place, index(dim.b), self.element) for place in at_b]
            loop.next = [*following, *totals]
        return loop.carried[len(b) + 1 :]

    def run(self, a: Value, b: Sequence[Value], totals: list[Value]) -> list[Value]:
        """The totals after the last loop of the sum, along which a and b are contiguous."""
        f, turn = self.f, self.chains * self.lanes
        whole = self.last.size - self.last.size % turn
        if whole:
            with f.loop(index(0), index(whole), turn, totals, may_be_empty=False) as loop:
                places = [f.place(place, loop.counter, self.element) for place in (a, *b)]
                loop.next = self.turn(places, loop.carried, turn)
            totals = loop.carried
        if self.last.size > whole:
            places = [f.place(place, index(whole), self.element) for place in (a, *b)]
            totals = self.turn(places, totals, self.last.size - whole)
        return totals

    def turn(self, places: Sequence[Value], totals: Sequence[Value], length: int) -> list[Value]:
        """So many steps of the sum, a vector of them for each chain in turn."""
        f, result = self.f, list(totals)
        for chain in range(-(-length // self.lanes)):
            start = chain * self.lanes
            factor, *columns = (
                self.read(f.place(place, index(start), self.element), length - start)
                for place in places
            )
            for i, column in enumerate(columns):
                place = i * self.chains + chain
                if self.fused:
                    result[place] = f.intrinsic("fma", factor, column, result[place])
                else:
                    result[place] = f.op("fadd", f.op("fmul", factor, column), result[place])
        return result

    def read(self, pointer: Value, left: int) -> Value:
        """A vector of which so many numbers, or more, are there; the others count as 0."""
        f = self.f
        if left >= self.lanes:
            return f.load(self.type, pointer, self.width)
        bits = ", ".join(f"i1 {'true' if lane < left else 'false'}" for lane in range(self.lanes))
        mask = Value(vector("i1", self.lanes), f"<{bits}>")
        aligned = Value("i32", str(self.width))
        name = f"llvm.masked.load.{mangled(self.type)}.p0"
        return f.call(name, self.type, pointer, aligned, mask, splat_number(self.type, 0))

    def total(self, chains: Sequence[Value]) -> Value:
        """One number from all lanes of all chains."""
        f, terms = self.f, list(chains)
        while len(terms) > 1:
            terms = [f.op("fadd", a, b) for a, b in zip(terms[::2], terms[1::2], strict=True)]
        whole, lanes = terms[0], self.lanes
        while lanes > 1:
            lanes //= 2
            halves = [self.half(whole, lanes, first) for first in (0, lanes)]
            whole = f.op("fadd", *halves)
        return whole

    def half(self, whole: Value, lanes: int, first: int) -> Value:
        f = self.f
        if lanes == 1:
            return f.define(self.element, f"extractelement {whole}, i64 {first}")
        chosen = ", ".join(f"i32 {first + lane}" for lane in range(lanes))
        return f.define(
            vector(self.element, lanes),
            f"shufflevector {whole}, {whole.type} poison, <{lanes} x i32> <{chosen}>",
        )
