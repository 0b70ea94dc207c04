"""How much a stage does: arithmetic on floating-point numbers, and numbers that it moves."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from lunzi.compiler.loops import Affine, Apply, How, Kind, Memory, Place, Stage, StepMemory, Term
from lunzi.compiler.loops import Literal as Number
from lunzi.compiler.regions import Region
from lunzi.core.elementwise import Cast
from lunzi.core.logic import Where
from lunzi.core.spec import is_floating

FREE = (Cast, Where)  # they choose or convert, and compute nothing


def operations_in(region: Region) -> int:
    """The floating-point operations of a region: each result counts as one, an exp too.

    A product with its sum counts as two. Comparisons and choices count as none.
    """
    steps = 1 if region.loop is None else region.loop.length
    return steps * sum(map(operations_of, region.stages))


def operations_of(stage: Stage) -> int:
    total = sum(
        turns_of(stage, depth)
        for term, depth in depths_of(stage).values()
        if isinstance(term, Apply) and is_floating(term.dtype) and not isinstance(term.op, FREE)
    )
    sums = [r for r in stage.reductions if r.how is How.SUM and is_floating(r.dtype)]
    total += len(sums) * stage.turns
    adding = [s for s in stage.stores if s.adds and is_floating(s.memory.dtype)]
    return total + len(adding) * stage.turns


def depths_of(stage: Stage) -> dict[int, tuple[Term, int]]:
    """Each term with the number of loops that it lies within: it is computed once for each turn."""
    found: dict[int, tuple[Term, int]] = {}
    for term in stage.terms:
        depth = 0
        match term:
            case Apply(_, inputs):
                depth = max((found[id(x)][1] for x in inputs), default=0)
            case Number():
                pass
            case Place(address):
                depth = loops_of(address)
            case _:
                chosen = (found[id(gather.index)][1] for gather in term.gathers)
                depth = max(loops_of(term.address), *chosen, 0)
        found[id(term)] = (term, depth)
    return found


def loops_of(address: Affine) -> int:
    """How many loops there are up to the last that moves an address."""
    return max((loop for loop, stride in enumerate(address.strides) if stride), default=-1) + 1


def turns_of(stage: Stage, depth: int) -> int:
    return prod(stage.sizes[:depth])


def bytes_of(region: Region) -> int:
    """What a region must fetch from outside and leave there, each number once."""
    read: dict[Memory, int] = {}
    written: dict[Memory, int] = {}
    for stage in region.stages:
        for load in stage.loads:
            if load.is_old or whole(load.memory) not in written:
                note(read, load.memory, reached(stage, load.address, load.gathers))
        for store in stage.targets:
            note(written, store.memory, reached(stage, store.address, store.gathers))
    outside = (memory for memories in (read, written) for memory in memories.items())
    return sum(
        count * memory.dtype.itemsize
        for memory, count in outside
        if memory.kind is not Kind.SCRATCH
    )


def note(found: dict[Memory, int], memory: Memory, count: int) -> None:
    parent = whole(memory)
    # The steps of a loop go through all of it.
    reach = parent.elements if isinstance(memory, StepMemory) else min(count, parent.elements)
    found[parent] = max(found.get(parent, 0), reach)


def whole(memory: Memory) -> Memory:
    return memory.parent if isinstance(memory, StepMemory) else memory


def reached(stage: Stage, address: Affine, gathers: Iterable[object]) -> int:
    """How many numbers an address reaches; one a turn where places depend on data."""
    if any(True for _ in gathers):
        return stage.turns
    moving = zip(stage.sizes, address.strides, strict=True)
    return prod(size for size, stride in moving if stride)
