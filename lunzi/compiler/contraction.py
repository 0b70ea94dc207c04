"""Matrix products and convolutions: the loops around the micro-kernel.

A convolution is a matrix product whose patch matrix is an address formula: its rows and its sum
are several loops, and their strides may overlap, go backwards or leave gaps. So one emitter
serves both, for any strides of a, and for results of any size.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from lunzi.compiler.contraction_loops import (
    Axis,
    Contraction,
    Dim,
    Finish,
    Place,
    Range,
    joined_rows,
    nest,
)
from lunzi.compiler.dot import DotWriter, prefers_dot
from lunzi.compiler.micro_kernel import MicroKernel, emit_micro_kernel
from lunzi.compiler.target import Target
from lunzi.compiler.tiling import Registers, choose_tiling, even_counts, unit

__all__ = ["Contraction", "Dim", "Finish", "Place", "emit_contraction", "prefers_dot"]

# A longer sum is cut into blocks of at most the other, so that those of a and b stay in the second
# cache. Steps that are multiples of FAR_STEP bytes apart share a part of that cache's sets: then
# SHARED_REACH is how many bytes they may span.
LONGEST_SUM, SUM_BLOCK, SHORTEST_BLOCK = 1000, 512, 128
FAR_STEP, SHARED_REACH = 1 << 11, 1 << 20
# A tile that reads a few numbers of each row of a, from rows so many bytes apart, waits for memory
# at every step: the processor foresees only what lies beside each other.
APART = 256
ONE_ROW = Dim(1, 0, 0, 0)


class Blocks(NamedTuple):
    """A sum in blocks: the loops around a block, each with its step, and the loops inside it."""

    around: tuple[tuple[Dim, int], ...]
    inside: tuple[Dim, ...]


def longest_sum(dims: tuple[Dim, ...], width: int) -> int:
    """How many steps of a sum are done at once."""
    strides = [abs(stride) * width for dim in dims[-1:] for stride in (dim.a, dim.b)]
    far = [stride for stride in strides if stride and stride % FAR_STEP == 0]
    return max(SHORTEST_BLOCK, min([LONGEST_SUM, *(SHARED_REACH // stride for stride in far)]))


def reads_across(contraction: Contraction) -> bool:
    """Whether neighbouring rows of the result lie side by side in a, and its sum goes across."""
    rows = [dim for dim in contraction.rows if dim.size > 1]
    step = abs(contraction.last.a) * contraction.dtype.itemsize
    return bool(rows) and rows[-1].a == 1 and step >= APART


def sum_blocks(dims: tuple[Dim, ...], width: int, across: bool = False) -> Blocks:
    """Cut a sum evenly, where it is long.

    Args:
        width: bytes of a number.
        across: see `reads_across`; then blocks are short, so that their rows of a and b stay near
            while all tiles read them.
    """
    longest = SHORTEST_BLOCK if across else longest_sum(dims, width)
    if prod(dim.size for dim in dims) <= longest:
        return Blocks((), dims)
    most = min(SUM_BLOCK, longest)
    inside, place = 1, len(dims) - 1
    while inside * dims[place].size <= most:
        inside *= dims[place].size
        place -= 1
    cut = dims[place]
    step = -(-cut.size // -(-cut.size * inside // most))
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
        width = contraction.dtype.itemsize
        across = reads_across(contraction)
        self.blocks = sum_blocks(contraction.sums, width, across)
        length = prod(dim.size for dim in self.blocks.inside)
        registers = registers_of(target, width, ragged=panel.columns % panel.lanes != 0)
        # Columns one by one are those that no mask can cut off.
        registers = registers._replace(masks=panel.lanes > 1)
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
            ahead=across and self.tiled.a == 1 and self.tiling.axis == len(rows) - 1,
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


def registers_of(target: Target, width: int, ragged: bool) -> Registers:
    """Those for a tile; `width`: bytes of a number; `ragged`: the last vector is masked."""
    # A mask takes a register of its own kind in AVX-512 alone.
    vectors = target.vectors - (ragged and target.level != "avx512")
    return Registers(width, vectors, target.level == "avx512", target.has_fma)


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
    if not all(dim.size for dim in (contraction.columns, *contraction.rows)):
        pass
    elif prefers_dot(contraction, target) or not contraction.has_vectors:
        DotWriter(f, target, contraction, finish).write()
    else:
        lanes = target.lanes(contraction.dtype)
        has_masks = target.level in ("avx512", "avx2")
        for panel in panels(contraction.columns.size, lanes, has_masks):
            PanelWriter(f, target, contraction, panel, finish).write()
    f.ret()
