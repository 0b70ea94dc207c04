"""Values that are written over others in the arena, row by row, where these are read last.

The rows of a region do not meet: so what the stages of a row read for the last time may lie where
a later stage, or the same one number by number, writes what other regions will read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lunzi.compiler.loops import Kind, Load, Memory, Stage, Store, memories_of
from lunzi.compiler.plan import Plan
from lunzi.compiler.regions import Region, is_row_local


@dataclass
class Uses:
    """The first and the last stage of a region that use a memory, by their places there."""

    first: int
    last: int


def heirs(plan: Plan) -> dict[Memory, Memory]:
    """Memories that take over the place of another one, which nobody needs any more."""
    result: dict[Memory, Memory] = {}
    phases = phases_of(plan)
    for phase, regions in enumerate(plan.phases):
        for region in regions:
            if region.is_serial or region.loop is not None:
                continue
            others = (stage for other in regions if other is not region for stage in other.stages)
            uses = uses_in(region, memories_of(others))
            dead = [m for m in uses if phases[m][0] < phase == phases[m][-1]]
            for memory in sorted(uses, key=lambda memory: uses[memory].first):
                fitting = [
                    old
                    for old in dead
                    if phases[memory][0] == phase and can_inherit(region, memory, old, uses)
                ]
                if fitting:
                    # What was read a moment ago lies in a near cache, where it is overwritten.
                    old = max(fitting, key=lambda old: uses[old].last)
                    dead.remove(old)
                    result[memory] = old
    return result


def phases_of(plan: Plan) -> dict[Memory, list[int]]:
    """The phases that use each memory of the arena, in order."""
    result: dict[Memory, list[int]] = {}
    for phase, regions in enumerate(plan.phases):
        for memory in memories_of(stage for region in regions for stage in region.stages):
            if memory.kind is Kind.ARENA:
                result.setdefault(memory, []).append(phase)
    return result


def uses_in(region: Region, elsewhere: Iterable[Memory]) -> dict[Memory, Uses]:
    """The arena memories that a region uses, but for those that others use at the same time."""
    left_out = set(elsewhere)
    result: dict[Memory, Uses] = {}
    for place, stage in enumerate(region.stages):
        for memory in memories_of([stage]):
            if memory.kind is Kind.ARENA and memory not in left_out:
                result.setdefault(memory, Uses(place, place)).last = place
    return result


def can_inherit(region: Region, new: Memory, old: Memory, uses: dict[Memory, Uses]) -> bool:
    """Whether a memory that a region begins may lie where one lies that ends there."""
    stride = region.rows.get(new)
    if stride is None or stride * (region.length or 0) != new.elements or new is old:
        return False
    if (new.elements, new.dtype.itemsize) != (old.elements, old.dtype.itemsize):
        return False
    first, last = uses[new].first, uses[old].last
    if last > first or (last == first and not by_turns(region.stages[last], new, old)):
        return False
    touched: list[tuple[Stage, Load | Store]] = []
    for stage in region.stages:
        touched += [(stage, load) for load in stage.loads]
        touched += [(stage, store) for store in stage.targets]
    return all(
        stays_in_rows(stage, place, stride)
        for stage, place in touched
        if place.memory in (new, old)
    )


def by_turns(stage: Stage, new: Memory, old: Memory) -> bool:
    """Whether each turn of a stage writes one memory just where it alone has read the other."""
    written = [store for store in stage.stores if store.memory is new]
    if len(written) != 1 or any(r.store.memory in (new, old) for r in stage.reductions):
        return False
    (store,) = written
    steps = zip(store.address.strides, stage.sizes, strict=True)
    if store.gathers or not all(stride for stride, size in steps if size > 1):
        return False
    return all(
        load.address == store.address and not load.gathers
        for load in stage.loads
        if load.memory is old
    )


def stays_in_rows(stage: Stage, place: Load | Store, stride: int) -> bool:
    """Whether a row of a stage touches the same row of a memory alone."""
    return stage.lead is not None and is_row_local(
        place.address, place.gathers, stage.sizes, stage.lead, stride
    )
