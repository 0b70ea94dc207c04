"""How the rows and columns of a contraction are divided into tiles.

One rule instead of a search by timing: of the tiles that fit in registers, the one for which
the processor's ports take the fewest cycles, counted for all tiles and what is left over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from lunzi.compiler.contraction_loops import Axis

# Cycles for one step of a tile's sum, fitted to a dozen shapes on a processor with AVX-512. Either
# the multiplications take longest, or the loads, or the chain of additions to each total; what
# does not hide behind them grows with the numbers of a, and more with the vectors of b, which come
# from the second cache.
PRODUCT, LOAD, LATENCY = 0.5, 0.65, 4.0
ROW, VECTOR = 0.16, 0.45
# Cycles of a tile besides its sum: the call, and a total's way to memory.
CALL, TOTAL = 20.0, 1.5
# What one more shape of tile costs, and each total of it, shared by ten thousand runs: compiling.
SHAPE, SHAPE_TOTAL = 400.0, 20.0
# Rows whose distance is a multiple of this meet in one set of the first cache, which has room for
# some ten lines: a tile has no more of them.
CROWDING_BYTES, MOST_CROWDED = 4096, 8
# From so many rows, they may well be shared by two threads: then tiles should fit a half too.
SHARED = 32


class Registers(NamedTuple):
    """Those of a processor for vectors.

    Args:
        lane_bytes: the size of a number.
        vectors: how many there are for a tile.
        broadcasts: multiplications take a number from memory and put it in all lanes by themselves.
        fused: multiply and add are one instruction.
        masks: the last vectors of a tile may reach beyond the last column.
    """

    lane_bytes: int
    vectors: int
    broadcasts: bool
    fused: bool
    masks: bool = True


class Tiling(NamedTuple):
    """Tiles of one contraction.

    Args:
        axis: tiles go along this axis of the rows and hold the ones after it whole.
        steps: how many turns of that axis a tile takes; the largest first.
        vectors: how many vectors of columns a tile has.
    """

    axis: int
    steps: tuple[int, ...]
    vectors: int


def needed(rows: int, vectors: int, registers: Registers) -> int:
    """How many registers a tile takes."""
    totals = rows * vectors
    # One row reads each vector of b once: the multiplication itself reads it.
    columns = vectors if rows > 1 else int(not registers.fused)
    factor = 0 if vectors == 1 and registers.broadcasts else 1
    return totals + columns + factor + (not registers.fused)


def cycles(rows: int, vectors: int, registers: Registers) -> float:
    """How long a step of a tile's sum takes."""
    products = rows * vectors * PRODUCT * (1 if registers.fused else 2)
    return max(products, (rows + vectors) * LOAD, LATENCY) + rows * ROW + vectors * VECTOR


def even_steps(size: int, most: int) -> tuple[int, ...]:
    """Tiles of at most `most` for a size, divided evenly: 64 by 14 into 13 and 12."""
    tiles = -(-size // most)
    small, more = divmod(size, tiles)
    return (small + 1, small) if more else (small,)


def even_counts(size: int, steps: Sequence[int]) -> list[int]:
    """How many tiles of each step make up a size that `even_steps` divided."""
    if len(steps) == 1:
        return [size // steps[0]]
    large, small = steps
    tiles = -(-size // large)
    more = size - tiles * small
    return [more, tiles - more]


def ragged_steps(unit: int, most: int) -> tuple[int, ...]:
    """Tiles for any multiple of `unit`: the most, then fewer for what is left over."""
    steps = [most]
    left = {count * unit % most for count in range(1, most + 1)} - {0}
    for step in (4, 1):
        if left and step < most:
            if any(count >= step for count in left):
                steps.append(step)
            left = {count % step for count in left} - {0}
    return tuple(steps)


def ragged_counts(size: int, steps: Sequence[int]) -> list[int]:
    """How many tiles of each step make up a size, the large ones first."""
    counts = []
    for step in steps:
        count, size = divmod(size, step)
        counts.append(count)
    return counts


def choose_tiling(
    axes: Sequence[Axis], vectors: int, length: int, registers: Registers, divided: bool
) -> Tiling:
    """The tiles of a contraction whose rows are these axes.

    Args:
        axes: the rows, outermost first; at least one.
        vectors: how many vectors all columns take.
        length: how many steps a sum has.
        divided: the first axis has any multiple of its unit of turns, up to its size.
    """
    return min(
        candidates(axes, vectors, registers, divided),
        key=lambda tiling: price(tiling, axes, vectors, length, registers, divided),
    )


def candidates(
    axes: Sequence[Axis], vectors: int, registers: Registers, divided: bool
) -> Iterator[Tiling]:
    for axis in reversed(range(len(axes))):
        whole = prod(other.size for other in axes[axis + 1 :])
        for wide in range(1, vectors + 1):
            if needed(whole, wide, registers) > registers.vectors:
                break
            if vectors % wide and not registers.masks:
                continue
            most = 1
            stride = axes[axis].a * registers.lane_bytes
            crowded = stride != 0 and stride % CROWDING_BYTES == 0
            while (
                most < axes[axis].size
                and needed(whole * (most + 1), wide, registers) <= registers.vectors
                and not (crowded and most == MOST_CROWDED)
            ):
                most += 1
            for step in range(1, most + 1):
                if divided and axis == 0:
                    yield Tiling(axis, ragged_steps(unit(axes[0]), step), wide)
                else:
                    yield Tiling(axis, even_steps(axes[axis].size, step), wide)


def unit(axis: Axis) -> int:
    """A divided axis has some multiple of this many turns."""
    return prod(axis.parts[1:])


def price(
    tiling: Tiling,
    axes: Sequence[Axis],
    vectors: int,
    length: int,
    registers: Registers,
    divided: bool,
) -> float:
    """Cycles for all tiles, with their share of what compiling costs."""
    size = axes[tiling.axis].size
    whole = prod(other.size for other in axes[tiling.axis + 1 :])
    repeated = prod(other.size for other in axes[: tiling.axis]) * -(-vectors // tiling.vectors)
    if not divided or tiling.axis:
        counts: list[float] = [*even_counts(size, tiling.steps)]
    elif size < SHARED:
        counts = [*ragged_counts(size, tiling.steps)]
    else:
        half = ragged_counts(-(-size // 2), tiling.steps)
        both = zip(ragged_counts(size, tiling.steps), half, strict=True)
        counts = [one / 2 + other for one, other in both]  # as often whole as in two halves
    spent = 0.0
    for count, step in zip(counts, tiling.steps, strict=True):
        totals = step * whole * tiling.vectors
        sums = length * cycles(step * whole, tiling.vectors, registers)
        spent += count * repeated * (sums + CALL + TOTAL * totals) + SHAPE + SHAPE_TOTAL * totals
    return spent
