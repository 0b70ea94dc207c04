"""Matrix products and convolutions: the loops around the micro-kernel.

A convolution is a matrix product whose patch matrix is an address formula: its rows and its sum
are several loops, and their strides may overlap, go backwards or leave gaps. So one emitter
serves both, for any strides of a, and for results of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from operator import mul
from typing import NamedTuple

from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    TRUTH,
    TYPES,
    Function,
    Module,
    Value,
    index,
    is_constant,
)
from lunzi.compiler.micro_kernel import Axis, Dim, Finish, MicroKernel, Place, emit_micro_kernel
from lunzi.compiler.target import Target
from lunzi.compiler.tiling import (
    Registers,
    choose_tiling,
    even_counts,
    unit,
)
from lunzi.core.spec import DType

__all__ = ["Contraction", "Dim", "Finish", "Place", "emit_contraction"]

# A sum longer than this is cut into blocks, so that a block of b stays near the processor.
LONGEST_SUM = 640
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


class Block(NamedTuple):
    """Which part of the sum is done: the first, the last, and how many turns of its first loop."""

    first: Value
    last: Value
    turns: Value


WHOLE = Block(Value(TRUTH, "true"), Value(TRUTH, "true"), index(0))


class Blocks(NamedTuple):
    """A sum in blocks: the loops around a block, each with its step, and the loops inside it."""

    around: tuple[tuple[Dim, int], ...]
    inside: tuple[Dim, ...]
    counted: bool  # the last block has fewer turns of the first loop inside


def sum_blocks(dims: tuple[Dim, ...]) -> Blocks:
    """Cut a sum evenly, where it is long."""
    if prod(dim.size for dim in dims) <= LONGEST_SUM:
        return Blocks((), dims, False)
    inside, place = 1, len(dims) - 1
    while inside * dims[place].size <= SUM_BLOCK:
        inside *= dims[place].size
        place -= 1
    cut = dims[place]
    step = -(-cut.size // -(-cut.size * inside // SUM_BLOCK))
    around = (*((dim, 1) for dim in dims[:place]), (cut, step))
    own = (cut._replace(size=step),) if step > 1 else ()
    return Blocks(around, own + dims[place + 1 :], cut.size % step != 0)


class Panel(NamedTuple):
    """Columns that are done with vectors of one width."""

    first: int
    columns: int
    lanes: int


def panels(columns: int, lanes: int, has_masks: bool) -> Iterator[Panel]:
    """All columns as panels; without masked instructions what is left over goes one by one."""
    ragged = 0 if has_masks else columns % lanes
    if columns > ragged:
        yield Panel(0, columns - ragged, lanes)
    if ragged:
        yield Panel(columns - ragged, ragged, 1)


class Turn(NamedTuple):
    """Where the loops stand.

    Args:
        a, b, c: how far the operands have moved, in elements.
        rows: the counters of the axes of the rows.
        column: the first column of the sliver.
        block: the part of the sum.
    """

    a: Value = index(0)
    b: Value = index(0)
    c: Value = index(0)
    rows: tuple[Value, ...] = ()
    column: Value = index(0)
    block: Block = WHOLE

    def moved(self, f: Function, counter: Value, dim: Dim | Axis) -> Turn:
        return self._replace(
            a=f.add(self.a, f.times(counter, dim.a)),
            b=f.add(self.b, f.times(counter, dim.b)),
            c=f.add(self.c, f.times(counter, dim.c)),
        )

    def down(self, f: Function, counter: Value, axis: Axis) -> Turn:
        """The same, at a turn of an axis of the rows."""
        return self.moved(f, counter, axis)._replace(rows=(*self.rows, counter))


class Writer:
    """Writes the function of a contraction."""

    def __init__(
        self,
        module: Module,
        target: Target,
        contraction: Contraction,
        name: str,
        finish: Finish | None,
    ) -> None:
        self.module = module
        self.target = target
        self.contraction = contraction
        self.finish = finish
        self.pointers = tuple(Value(POINTER, f"%{operand}") for operand in "abc")
        self.count = Value(INDEX, "%count")
        extra = finish.parameters if finish else ()
        self.f = module.function(name, [*self.pointers, self.count, *extra])
        batch = contraction.batch
        self.batch = joined_rows(contraction.rows[:batch], dynamic=True)
        self.rows = joined_rows(contraction.rows[batch:] or (ONE_ROW,), dynamic=not batch)

    def write(self) -> None:
        if self.contraction.columns.size and all(dim.size for dim in self.contraction.rows):
            loops_over(self.f, self.batch, self.count, Turn(), self.matrix)
        self.f.ret()

    def matrix(self, turn: Turn) -> None:
        """One product of two matrices."""
        lanes = self.target.lanes(self.contraction.dtype)
        has_masks = self.target.level in ("avx512", "avx2")
        for panel in panels(self.contraction.columns.size, lanes, has_masks):
            PanelWriter(self, panel).write(turn)


def loops_over(
    f: Function,
    axes: Sequence[Axis],
    count: Value | None,
    turn: Turn,
    body: Callable[[Turn], None],
) -> None:
    """Loops over axes of rows; `count` is of the first loop that the first one joins."""
    if not axes:
        body(turn)
        return
    axis, *others = axes
    with f.loop(index(0), turns_of(f, axis, count)) as loop:
        loops_over(f, others, None, turn.down(f, loop.counter, axis), body)


def turns_of(f: Function, axis: Axis, count: Value | None) -> Value:
    return index(axis.size) if count is None else f.times(count, unit(axis))


class PanelWriter:
    """Writes the loops over blocks, slivers of columns and tiles of one product of matrices."""

    def __init__(self, whole: Writer, panel: Panel) -> None:
        self.whole = whole
        self.f = whole.f
        self.panel = panel
        self.dynamic = not whole.batch
        self.blocks = sum_blocks(joined_sum(whole.contraction.inner))
        vectors = -(-panel.columns // panel.lanes)
        self.tiling = choose_tiling(whole.rows, vectors, self.registers(), self.dynamic)
        self.outside = whole.rows[: self.tiling.axis]
        self.inside = tuple(whole.rows[self.tiling.axis :])
        self.sliver = self.tiling.vectors * panel.lanes
        self.kernels = {step: self.kernel(step) for step in self.tiling.steps}

    def registers(self) -> Registers:
        target = self.whole.target
        # A mask takes a register of its own kind in AVX-512 alone.
        masks = self.panel.columns % self.panel.lanes != 0 and target.level != "avx512"
        return Registers(target.vectors - masks, target.level == "avx512", target.has_fma)

    def kernel(self, step: int) -> MicroKernel:
        whole, panel, blocks = self.whole, self.panel, self.blocks
        rows = step * prod(axis.size for axis in self.inside[1:])
        kernel = MicroKernel(
            name=f"{whole.f.name}_{rows}x{self.tiling.vectors}x{panel.lanes}",
            element=TYPES[whole.contraction.dtype.name],
            lanes=panel.lanes,
            vectors=self.tiling.vectors,
            steps=step,
            axes=self.inside,
            inner=blocks.inside,
            counted=blocks.counted,
            # So many vectors of the last sliver are not full.
            masked=-(-(-panel.columns % self.sliver) // panel.lanes),
            fused=whole.target.has_fma,
            accumulate=whole.contraction.accumulate,
            blocks=bool(blocks.around),
        )
        emit_micro_kernel(whole.module, kernel, [*whole.batch, *self.outside], whole.finish)
        return kernel

    def write(self, turn: Turn) -> None:
        self.each_block(self.blocks.around, turn)

    def each_block(self, around: Sequence[tuple[Dim, int]], turn: Turn) -> None:
        if not around:
            self.each_sliver(turn)
            return
        f, ((dim, step), *others) = self.f, around
        with f.loop(index(0), index(dim.size), step) as loop:
            left = f.op("sub nsw", index(dim.size), loop.counter)
            block = Block(
                f.op("and", turn.block.first, f.compare("icmp eq", loop.counter, index(0))),
                f.op("and", turn.block.last, f.compare("icmp sle", left, index(step))),
                f.intrinsic("smin", left, index(step)),
            )
            self.each_block(others, turn.moved(f, loop.counter, dim)._replace(block=block))

    def each_sliver(self, turn: Turn) -> None:
        first, columns = index(self.panel.first), self.whole.contraction.columns

        def at(column: Value) -> None:
            moved = turn.moved(self.f, column, columns)._replace(column=column)
            count = self.whole.count if self.dynamic and self.outside else None
            loops_over(self.f, self.outside, count, moved, self.each_tile)

        if self.panel.columns <= self.sliver:
            at(first)
            return
        stop = index(self.panel.first + self.panel.columns)
        with self.f.loop(first, stop, self.sliver) as loop:
            at(loop.counter)

    def each_tile(self, turn: Turn) -> None:
        f, axis, steps = self.f, self.inside[0], self.tiling.steps
        if self.outside or not self.dynamic:
            stops = accumulate(map(mul, even_counts(axis.size, steps), steps))
            ends = [index(stop) for stop in stops]
        else:
            ends = self.ragged_ends(turns_of(self.f, axis, self.whole.count))
        start = index(0)
        for step, end in zip(steps, ends, strict=True):
            if is_constant(start) and end == f.add(start, step):
                self.tile(turn.down(f, start, axis), step)
            else:
                with f.loop(start, end, step) as loop:
                    self.tile(turn.down(f, loop.counter, axis), step)
            start = end

    def ragged_ends(self, count: Value) -> list[Value]:
        """Where the tiles of each step end, for a number of turns that is not known."""
        ends, f, start = [], self.f, index(0)
        for step in self.tiling.steps[:-1]:
            left = f.op("sub nsw", count, start)
            start = f.op("sub nsw", count, f.op("urem", left, index(step)))
            ends.append(start)
        return [*ends, count]

    def tile(self, turn: Turn, step: int) -> None:
        f, whole, kernel = self.f, self.whole, self.kernels[step]
        moved = zip(whole.pointers, (turn.a, turn.b, turn.c), strict=True)
        operands = [f.place(pointer, offset, kernel.element) for pointer, offset in moved]
        if kernel.masked:
            end = self.panel.first + self.panel.columns
            operands.append(f.op("sub nsw", index(end), turn.column))
        if kernel.counted:
            operands.append(turn.block.turns)
        if kernel.blocks:
            operands += [turn.block.first, turn.block.last]
        if whole.finish is not None:
            operands += [turn.c, turn.column, *turn.rows, *whole.finish.parameters]
        f.run(kernel.name, *operands)


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
    Writer(module, target, contraction, name, finish).write()
