"""The memory plan: where the values between stages lie, sharing memory when their times allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lunzi.compiler.loops import Kind, Memory, Stage
from lunzi.compiler.plan import Plan
from lunzi.compiler.regions import Region

ALIGNMENT = 64  # bytes: a cache line, and the longest vector

# Rows are taken in blocks whose scratch stays in a core's second cache.
SCRATCH_BYTES = 2**17


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
class MemoryPlan:
    """Offsets in bytes, and how many bytes there are in all."""

    offsets: dict[Memory, int] = field(default_factory=dict)
    blocks: dict[Region, int] = field(default_factory=dict)  # rows that a region takes at a time
    arena_bytes: int = 0
    scratch_bytes: int = 0  # for each thread


def plan_memory(plan: Plan) -> MemoryPlan:
    """Give every inner memory its place: those in use at the same time lie apart."""
    result = MemoryPlan()
    arena = lifetimes((memory, memory.elements, time) for memory, time in times_of_arena(plan))
    result.arena_bytes = place(arena, result.offsets)
    for region in plan.regions:
        scratch = [m for m in memories_of(region.stages) if m.kind is Kind.SCRATCH]
        row_bytes = sum(region.rows[memory] * memory.dtype.itemsize for memory in scratch)
        block = max(1, min(region.length or 1, SCRATCH_BYTES // max(row_bytes, 1)))
        result.blocks[region] = block
        times = [
            (memory, region.rows[memory] * block, step)
            for step, stage in enumerate(region.stages)
            for memory in memories_of([stage])
            if memory.kind is Kind.SCRATCH
        ]
        needed = place(lifetimes(times), result.offsets)
        result.scratch_bytes = max(result.scratch_bytes, needed)
    return result


def times_of_arena(plan: Plan) -> list[tuple[Memory, int]]:
    """When each arena memory is used: in which phase, or at which stage where there is one."""
    result = []
    time = 0
    for phase in plan.phases:
        for region in phase:
            is_alone = len(phase) == 1 and region.is_serial
            for stage in region.stages:
                time += is_alone
                result += [(m, time) for m in memories_of([stage]) if m.kind is Kind.ARENA]
        time += 1
    return result


def memories_of(stages: Iterable[Stage]) -> list[Memory]:
    """All memories that stages read or write."""
    found: dict[Memory, None] = {}
    for stage in stages:
        for load in stage.loads:
            found[load.memory] = None
        for store in stage.targets:
            found[store.memory] = None
    return list(found)


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
