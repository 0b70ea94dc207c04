"""The memory plan: where the values between stages lie, sharing memory when their times allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lunzi.compiler.in_place import heirs
from lunzi.compiler.loops import Kind, Memory, Stage, memories_of
from lunzi.compiler.plan import Plan
from lunzi.compiler.products import FEW_PRODUCTS, operands
from lunzi.compiler.regions import Region
from lunzi.core.spec import size_of

ALIGNMENT = 64  # bytes: a cache line, and the longest vector

# Rows are taken in blocks whose scratch stays in a part of a core's second cache.
SCRATCH_BYTES = 2**18


# Matrices that every row of a region reads stay in a core's second cache, beside what rows have of
# their own: so many bytes of them, in a region that reads more.
MATRIX_BYTES = 2**19
SHARED_BYTES = 2**20  # of the scratch of all rows, where they go through one part of them at a time

LARGE_MATRIX = 2**12  # elements: a quarter of a core's first cache
MANY_ROWS = 16  # as many as a tile of the micro-kernel has


@dataclass
class Lifetime:
    """When a memory is in use, both ends included, and how many bytes it takes."""

    memory: Memory
    size: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass
class Run:
    """Stages of a region that follow each other, and how many rows they take at a time.

    `inner` is the scratch that lives in this run alone: it holds so many rows and no more.
    """

    stages: list[Stage]
    rows: int
    inner: set[Memory]


@dataclass
class MemoryPlan:
    """Offsets in bytes, and how many bytes there are in all."""

    offsets: dict[Memory, int] = field(default_factory=dict)
    blocks: dict[Region, int] = field(default_factory=dict)  # rows that a region takes at a time
    runs: dict[Region, list[Run]] = field(default_factory=dict)
    arena_bytes: int = 0
    scratch_bytes: int = 0  # for each thread


def plan_memory(plan: Plan) -> MemoryPlan:
    """Give every inner memory its place: those in use at the same time lie apart."""
    result = MemoryPlan()
    arena = lifetimes((memory, memory.elements, time) for memory, time in times_of_arena(plan))
    result.arena_bytes = place_with_heirs(arena, heirs(plan), result.offsets)
    for region in plan.regions:
        block, runs = runs_of(region)
        result.blocks[region], result.runs[region] = block, runs
        needed = lifetimes(uses_of_scratch(region, block, runs))
        result.scratch_bytes = max(result.scratch_bytes, place(needed, result.offsets))
    return result


def uses_of_scratch(
    region: Region, block: int, runs: Sequence[Run]
) -> Iterator[tuple[Memory, int, int]]:
    """The scratch of a region: (memory, elements, step) of each use."""
    first = 0
    for run in runs:
        last = first + len(run.stages) - 1
        for step, stage in enumerate(run.stages, first):
            for memory in memories_of([stage]):
                if memory.kind is not Kind.SCRATCH:
                    continue
                is_inner = memory in run.inner
                rows = run.rows if is_inner else block
                # What a sort needs is there once, and not for each row.
                by_row = memory in region.rows
                elements = region.rows[memory] * rows if by_row else memory.elements
                # A run takes part after part: what it leaves for others, or got from them,
                # lives while all of its stages do.
                for time in (step,) if is_inner else (first, last):
                    yield memory, elements, time
        first = last + 1


def runs_of(region: Region) -> tuple[int, list[Run]]:
    """The rows of a block, and the runs of a region's stages.

    A product with a large matrix and few rows for each of the region's wants many of them at
    a time, or it would read the matrix for each. What stands between such products may take
    its rows in smaller parts, so that its scratch stays near.
    """
    length = region.length or 1
    if region.loop is not None:  # a step needs what the step before left, for all rows
        return length, [Run(region.stages, length, inner_scratch(region.stages, region))]
    groups: list[list[Stage]] = []
    for stage in region.stages:
        is_new = not groups or wants_many_rows(stage) != wants_many_rows(groups[-1][-1])
        groups.append([stage]) if is_new else groups[-1].append(stage)
    inner = [inner_scratch(group, region) for group in groups]
    if len(groups) == 1:
        block = rows_within(SCRATCH_BYTES, inner[0], region)
        if block == length or wants_many_rows(groups[0][0]):
            return block, [Run(region.stages, block, inner[0])]
        return by_matrices(region)
    scratch = {m for m in memories_of(region.stages) if m.kind is Kind.SCRATCH}
    shared = scratch.difference(*inner)
    block = rows_within(SCRATCH_BYTES, shared, region)
    runs = []
    for group, own in zip(groups, inner, strict=True):
        rows = block if wants_many_rows(group[0]) else rows_within(SCRATCH_BYTES, own, region)
        runs.append(Run(group, min(rows, block, length), own))
    if all(run.rows == block for run in runs):
        return block, [Run(region.stages, block, scratch)]
    return block, runs


def by_matrices(region: Region) -> tuple[int, list[Run]]:
    """Runs whose matrices fit the second cache, through which all rows of a block go in turn.

    Few rows at a time would otherwise fetch the matrices of all layers again for each of them.
    """
    groups: list[list[Stage]] = [[]]
    held: dict[Memory, int] = {}
    for stage in region.stages:
        own = matrices_of(stage)
        if groups[-1] and sum((held | own).values()) > MATRIX_BYTES:
            groups.append([])
            held = {}
        groups[-1].append(stage)
        held |= own
    scratch = inner_scratch(region.stages, region)
    inner = [inner_scratch(group, region) for group in groups]
    shared = scratch.difference(*inner)
    block = rows_within(SHARED_BYTES, shared, region)
    runs = [
        Run(group, min(rows_within(SCRATCH_BYTES, own, region), block), own)
        for group, own in zip(groups, inner, strict=True)
    ]
    if len(groups) == 1 or all(run.rows == block for run in runs):
        block = rows_within(SCRATCH_BYTES, scratch, region)
        runs = [Run(region.stages, block, scratch)]
    return block, runs


def matrices_of(stage: Stage) -> dict[Memory, int]:
    """The second factor of a product, in bytes, where it is the same for all rows."""
    found = operands(stage)
    if found is None or stage.lead is None or found[1].address.strides[stage.lead]:
        return {}
    b = found[1]
    steps = zip(stage.sizes, b.address.strides, strict=True)
    return {b.memory: size_of([size for size, s in steps if s]) * b.dtype.itemsize}


def wants_many_rows(stage: Stage) -> bool:
    """Whether a stage is a product with a large matrix and few rows for one of the region."""
    found = operands(stage)
    if found is None or stage.lead is None or stage.turns < FEW_PRODUCTS:
        return False
    _, b = found
    if b.address.strides[stage.lead]:
        return False
    sizes = stage.sizes
    matrix = size_of([size for size, s in zip(sizes, b.address.strides, strict=True) if s])
    rows = size_of(
        [
            size
            for loop, size in enumerate(sizes[: stage.kept])
            if loop != stage.lead and not b.address.strides[loop]
        ]
    )
    return matrix >= LARGE_MATRIX and rows < MANY_ROWS


def inner_scratch(stages: Sequence[Stage], region: Region) -> set[Memory]:
    """The scratch that lives in these stages of a region alone."""
    outside = set(memories_of([stage for stage in region.stages if stage not in stages]))
    return {m for m in memories_of(stages) if m.kind is Kind.SCRATCH and m not in outside}


def rows_within(size: int, memories: Iterable[Memory], region: Region) -> int:
    """As many rows as take so many bytes together, at least one."""
    by_row = [memory for memory in memories if memory in region.rows]
    row_bytes = sum(region.rows[memory] * memory.dtype.itemsize for memory in by_row)
    return max(1, min(region.length or 1, size // max(row_bytes, 1)))


def times_of_arena(plan: Plan) -> list[tuple[Memory, int]]:
    """When each arena memory is used: in which phase, or at which stage where there is one."""
    result = []
    time = 0
    for phase in plan.phases:
        for region in phase:
            is_alone = len(phase) == 1 and region.is_serial and region.loop is None
            for stage in region.stages:
                time += is_alone
                result += [(m, time) for m in memories_of([stage]) if m.kind is Kind.ARENA]
        time += 1
    return result


def lifetimes(uses: Iterable[tuple[Memory, int, int]]) -> list[Lifetime]:
    """From (memory, elements, time) of each use."""
    found: dict[Memory, Lifetime] = {}
    for memory, elements, time in uses:
        if memory not in found:
            size = aligned(elements * memory.dtype.itemsize)
            found[memory] = Lifetime(memory, size, time, time)
        known = found[memory]
        known.first, known.last = min(known.first, time), max(known.last, time)
    return list(found.values())


def place_with_heirs(
    needed: Sequence[Lifetime], heirs: dict[Memory, Memory], offsets: dict[Memory, int]
) -> int:
    """The same as `place`, with each heir where the memory lies of which it takes the place."""
    owners: dict[Memory, Lifetime] = {}
    for item in sorted(needed, key=lambda item: item.first):
        old = heirs.get(item.memory)
        owner = owners[old] if old is not None else replace(item)
        owner.last = max(owner.last, item.last)
        owners[item.memory] = owner
    total = place([owner for memory, owner in owners.items() if owner.memory is memory], offsets)
    for memory, owner in owners.items():
        offsets[memory] = offsets[owner.memory]
    return total


def place(needed: Sequence[Lifetime], offsets: dict[Memory, int]) -> int:
    """Offsets for all, the largest first, each as low as those leave that live meanwhile."""
    placed: list[tuple[int, Lifetime]] = []
    total = 0
    for item in sorted(needed, key=lambda item: -item.size):
        offset = 0
        for start, other in sorted(placed, key=lambda pair: pair[0]):
            if item.meets(other) and start < offset + item.size and offset < start + other.size:
                offset = start + other.size
        placed.append((offset, item))
        offsets[item.memory] = offset
        total = max(total, offset + item.size)
    return total


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
