"""Matrix products and convolutions: the loops around the micro-kernel.

A convolution is a matrix product whose patch matrix is an address formula: its rows and its sum
are several loops, and their strides may overlap, go backwards or leave gaps. So one emitter
serves both, for any strides of a, and for results of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    TYPES,
    Function,
    Module,
    Value,
    index,
    is_constant,
)
from lunzi.compiler.micro_kernel import Axis, Dim, Finish, MicroKernel, Place, emit_micro_kernel
from lunzi.compiler.target import Target
from lunzi.compiler.tiling import Registers, choose_tiling, even_counts, unit
from lunzi.core.spec import DType

__all__ = ["Contraction", "Dim", "Finish", "Place", "emit_contraction"]

# A sum longer than this is cut into blocks, so that those of a and b stay near the processor.
LONGEST_SUM = 1000
SUM_BLOCK = 512
ONE_ROW = Dim(1, 0, 0, 0)


@dataclass(frozen=True)
class Contraction:
    """c[rows, columns] = sum over inner of a[rows, inner] b[inner, columns].

    Each number of c is one chain of additions over `inner` in the order of its loops. So the bits
    of the result depend neither on `count`, nor on how a caller divides the rows.

    Args:
        dtype: float32 or float64, of all three.
        rows: the loops over rows, outermost first, at least one. Where b moves too (a batch of
            products), and outside of that, b is another matrix at each turn. The function gets
            the number of turns of the first one; a first loop of size 1 says that the rows are
            never divided, which saves code for what is left over.
        columns: the loop over columns: b and c contiguous, a does not move.
        inner: the loops of the sum, outermost first; c does not move. Strides of a may overlap,
            be negative, or be anything else.
        accumulate: add to what c holds instead of overwriting it.
    """

    dtype: DType
    rows: tuple[Dim, ...]
    columns: Dim
    inner: tuple[Dim, ...]
    accumulate: bool = False

    def __post_init__(self) -> None:
        assert self.rows, "a contraction has at least one loop over rows"
        assert self.columns[1:] == (0, 1, 1), f"columns are contiguous, got {self.columns}"
        assert all(dim.c == 0 for dim in self.inner), f"c does not move in a sum: {self.inner}"

    @cached_property
    def batch(self) -> int:
        """How many of the first loops over rows choose a matrix b."""
        return max((i + 1 for i, dim in enumerate(self.rows) if dim.b), default=0)


def joined_rows(dims: Sequence[Dim], dynamic: bool) -> list[Axis]:
    """Loops over rows as few axes: neighbours that step on evenly are one.

    Args:
        dynamic: the first loop has a number of turns that is not known.
    """
    axes: list[Axis] = []
    for i, dim in enumerate(dims):
        axis = Axis(*dim, parts=(dim.size,))
        # A first loop of one turn is alone, so that all others have known lengths.
        apart = i == 0 or (i == 1 and dynamic and dims[0].size == 1)
        before = None if apart else joined(axes[-1], axis, dynamic and len(axes) == 1)
        if before is None:
            axes.append(axis)
        else:
            axes[-1] = before
    return axes


def joined(outer: Axis, inner: Axis, dynamic: bool) -> Axis | None:
    """Two nested loops as one, or None where they do not step on evenly."""
    parts = outer.parts + inner.parts
    if inner.size == 1:
        return outer._replace(parts=parts)
    if outer.size == 1 and not dynamic:
        return inner._replace(parts=parts)
    if (outer.a, outer.b, outer.c) == tuple(inner.size * stride for stride in inner[1:4]):
        return inner._replace(size=outer.size * inner.size, parts=parts)
    return None


def joined_sum(dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """The loops of a sum as few loops in the same order; one without turns makes all empty."""
    loops: list[Dim] = []
    for dim in dims:
        if dim.size == 1:
            continue
        if loops and loops[-1][1:3] == (dim.size * dim.a, dim.size * dim.b):
            loops[-1] = dim._replace(size=dim.size * loops[-1].size)
        else:
            loops.append(dim)
    return tuple(loops)


class Blocks(NamedTuple):
    """A sum in blocks: the loops around a block, each with its step, and the loops inside it."""

    around: tuple[tuple[Dim, int], ...]
    inside: tuple[Dim, ...]


def sum_blocks(dims: tuple[Dim, ...]) -> Blocks:
    """Cut a sum evenly, where it is long."""
    if prod(dim.size for dim in dims) <= LONGEST_SUM:
        return Blocks((), dims)
    inside, place = 1, len(dims) - 1
    while inside * dims[place].size <= SUM_BLOCK:
        inside *= dims[place].size
        place -= 1
    cut = dims[place]
    step = -(-cut.size // -(-cut.size * inside // SUM_BLOCK))
    around = (*((dim, 1) for dim in dims[:place]), (cut, step))
    own = (cut._replace(size=step),) if step > 1 else ()
    return Blocks(around, own + dims[place + 1 :])


class Panel(NamedTuple):
    """Columns that are done with vectors of one width."""

    first: int
    columns: int
    lanes: int

    @property
    def vectors(self) -> int:
        return -(-self.columns // self.lanes)

    @property
    def end(self) -> int:
        return self.first + self.columns


def panels(columns: int, lanes: int, has_masks: bool) -> Iterator[Panel]:
    """All columns as panels; without masked instructions what is left over goes one by one."""
    ragged = 0 if has_masks else columns % lanes
    if columns > ragged:
        yield Panel(0, columns - ragged, lanes)
    if ragged:
        yield Panel(columns - ragged, ragged, 1)


class Range(NamedTuple):
    """A loop of the function that is written."""

    start: Value
    stop: Value
    step: int = 1


def nest(f: Function, ranges: Sequence[Range], body: Callable[[list[Value]], None]) -> None:
    """Nested loops, outermost first; `body` gets their counters."""
    counters: list[Value] = []

    def enter(depth: int) -> None:
        if depth == len(ranges):
            body(list(counters))
            return
        start, stop, step = ranges[depth]
        if f.add(start, step) == stop:  # one turn
            counters.append(start)
            enter(depth + 1)
        else:
            with f.loop(start, stop, step) as loop:
                counters.append(loop.counter)
                enter(depth + 1)
        counters.pop()

    enter(0)


class PanelWriter:
    """Writes the loops over all tiles of one panel, and the tiles."""

    def __init__(
        self,
        f: Function,
        target: Target,
        contraction: Contraction,
        panel: Panel,
        finish: Finish | None,
    ) -> None:
        self.f = f
        self.panel = panel
        self.extra = finish.parameters if finish else ()
        batch = contraction.batch
        self.divided = not batch  # the caller divides the tiled rows, and not the batch
        self.batch = joined_rows(contraction.rows[:batch], dynamic=True)
        rows = joined_rows(contraction.rows[batch:] or (ONE_ROW,), dynamic=self.divided)
        self.blocks = sum_blocks(joined_sum(contraction.inner))
        length = prod(dim.size for dim in self.blocks.inside)
        registers = registers_of(target, ragged=panel.columns % panel.lanes != 0)
        self.tiling = choose_tiling(rows, panel.vectors, length, registers, self.divided)
        self.outside = rows[: self.tiling.axis]
        self.tiled = rows[self.tiling.axis]
        self.sliver = self.tiling.vectors * panel.lanes
        self.kernel = MicroKernel(
            name=f"{f.name}_tile{panel.lanes}",
            element=TYPES[contraction.dtype.name],
            lanes=panel.lanes,
            vectors=self.tiling.vectors,
            steps=self.tiling.steps,
            outside=(*self.batch, *self.outside),
            axes=tuple(rows[self.tiling.axis :]),
            around=self.blocks.around,
            inside=self.blocks.inside,
            end=panel.end,
            # So many vectors of the last sliver are not full.
            masked=-(-(-panel.columns % self.sliver) // panel.lanes),
            fused=target.has_fma,
            accumulate=contraction.accumulate,
        )
        emit_micro_kernel(f.module, self.kernel, finish)

    def write(self) -> None:
        columns = Range(index(self.panel.first), index(self.panel.end), self.sliver)
        if self.panel.columns <= self.sliver:
            columns = columns._replace(stop=index(self.panel.first + self.sliver))
        batch = [self.turns(axis) for axis in self.batch]
        around = [Range(index(0), index(dim.size), step) for dim, step in self.blocks.around]
        outside = [self.turns(axis) for axis in self.outside]
        stop = self.turns(self.tiled).stop
        nest(
            self.f,
            [*batch, *around, columns, *outside],
            lambda counters: self.tiles(counters, stop),
        )

    def turns(self, axis: Axis) -> Range:
        """All turns of an axis of rows; of the first one, as many as the caller says."""
        first = (self.batch or self.outside or [self.tiled])[0]
        count = self.f.parameters[3]
        return Range(
            index(0), self.f.times(count, unit(axis)) if axis is first else index(axis.size)
        )

    def tiles(self, counters: list[Value], stop: Value) -> None:
        """The tiles along the axis that they divide, at a turn of all other loops."""
        steps = self.tiling.steps
        if len(steps) == 1:
            whole = Range(index(0), stop, steps[0])
            nest(self.f, [whole], lambda tile: self.tile(counters, tile[0], []))
            return
        with self.f.loop(index(0), stop) as loop:
            loop.step = self.step(loop.counter, stop)
            self.tile(counters, loop.counter, [loop.step])

    def step(self, start: Value, stop: Value) -> Value:
        """How many turns of its axis the tile takes that begins here."""
        f, steps = self.f, self.tiling.steps
        if is_constant(stop):
            large, small = steps
            boundary = index(large * even_counts(self.tiled.size, steps)[0])
            return f.select(f.compare("icmp slt", start, boundary), index(large), index(small))
        left = f.op("sub nsw", stop, start)
        step = index(steps[-1])
        for larger in reversed(steps[:-1]):
            step = f.select(f.compare("icmp sge", left, index(larger)), index(larger), step)
        return step

    def tile(self, counters: list[Value], start: Value, step: list[Value]) -> None:
        batch = len(self.batch)
        column = batch + len(self.blocks.around)
        rows = [*counters[:batch], *counters[column + 1 :], start]
        operands = [*rows, counters[column], *counters[batch:column], *step]
        self.f.run(self.kernel.name, *self.f.parameters[:3], *operands, *self.extra)


def registers_of(target: Target, ragged: bool) -> Registers:
    """Those for a tile; `ragged`: its last vector is masked."""
    # A mask takes a register of its own kind in AVX-512 alone.
    masks = ragged and target.level != "avx512"
    return Registers(target.vectors - masks, target.level == "avx512", target.has_fma)


def emit_contraction(
    module: Module,
    target: Target,
    contraction: Contraction,
    name: str,
    finish: Finish | None = None,
) -> None:
    """Write `void @name(ptr a, ptr b, ptr c, i64 count)`, internal to the module.

    The pointers stand at the first row of a block; `count` is the number of turns of the first
    loop over rows, from 0 to its size. Nothing outside of the operands is read or written.

    Args:
        finish: what is done to each vector of results before it is stored; its parameters follow
            `count`.
    """
    parameters = [Value(POINTER, f"%{operand}") for operand in "abc"] + [Value(INDEX, "%count")]
    f = module.function(name, [*parameters, *(finish.parameters if finish else ())])
    if all(dim.size for dim in (contraction.columns, *contraction.rows)):
        lanes = target.lanes(contraction.dtype)
        has_masks = target.level in ("avx512", "avx2")
        for panel in panels(contraction.columns.size, lanes, has_masks):
            PanelWriter(f, target, contraction, panel, finish).write()
    f.ret()
