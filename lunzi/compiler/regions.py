"""Regions: stages that run block of rows by block of rows, and the phases that they form.

All stages of a region share a leading loop, its rows: what a row of one stage reads of another
stage of the region is the same row. So a thread takes some rows through all stages, and what
the stages hand to each other stays in its own cache. Between regions of different phases all
threads meet at a barrier.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lunzi.compiler.loops import Affine, Apply, Gather, Kind, Load, Memory, Stage, Store, Term


class Steps(NamedTuple):
    """The steps of a loop: how many, and whether they go from the last to the first."""

    length: int
    reverse: bool


class Region:
    """Stages in order. `length` is the number of rows; a serial region has none and one thread."""

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.stages: list[Stage] = []
        self.needs: set[Region] = set()  # regions that must be done before
        self.rows: dict[Memory, int] = {}  # memories made row by row -> elements from row to row
        self.written: set[Memory] = set()
        self.loop: Steps | None = None  # all stages run once for each of these steps
        self.phase = 0
        self.checks = False  # whether a stage of it does
        self.is_early = False  # whether it began with what is checked, or with what that needs

    @property
    def is_serial(self) -> bool:
        return self.length is None

    def depends_on(self, other: Region) -> bool:
        """Whether another region must be done before this one."""
        seen: set[Region] = set()
        waiting = [self]
        while waiting:
            region = waiting.pop()
            if region is other:
                return True
            if region not in seen:
                seen.add(region)
                waiting.extend(region.needs)
        return False


class Regions:
    """Puts stages into regions, in an order in which each stage follows those that it needs."""

    def __init__(self, is_serial: bool = False) -> None:
        self.all: list[Region] = [Region(None)] if is_serial else []
        self.is_serial = is_serial
        self.may_share_weights = not is_serial
        self.makers: dict[Memory, list[Stage]] = {}  # who writes a memory
        self.old_readers: dict[Memory, list[Stage]] = {}  # who reads it before
        self.checks: list[Stage] = []  # who checks something, before any state is written
        self.region_of: dict[Stage, Region] = {}
        self.is_early = False  # whether the stages that come now are checks, or what those need

    def before(self, stage: Stage, writes: Sequence[Memory]) -> list[Stage]:
        """The stages that must be done before one that will write these memories."""
        result = [
            maker
            for load in stage.loads
            if not load.is_old
            for maker in self.makers.get(load.memory, ())
        ]
        for memory in writes:
            result += self.old_readers.get(memory, [])
            result += self.makers.get(memory, [])
        if has_state(writes):
            result += self.checks
        return result

    def find(self, stage: Stage, writes: Sequence[Memory]) -> tuple[Region, int | None]:
        """The region for a stage, and which of its loops is the leading one."""
        if self.is_serial:
            return self.all[0], None
        needed = {id(r): r for r in (self.region_of[s] for s in self.before(stage, writes))}
        for region in sorted(needed.values(), key=self.all.index, reverse=True):
            if region.loop is not None or (region.checks and has_state(writes)):
                continue
            others = [other for other in needed.values() if other is not region]
            if any(other.depends_on(region) for other in others):
                continue
            lead = self.lead_in(region, stage)
            if lead is not None and (lead == 0 or shares_much(region, stage)):
                return region, lead
        if not is_small(stage):
            return self.new(stage.sizes[0]), 0
        for region in reversed(self.all):
            # A small stage joins a serial region, whatever it reads: one thread does it in order.
            # But not one in which checks are done, which would have to wait for it.
            if (
                region.is_serial
                and region.loop is None
                and region.is_early == self.is_early
                and not any(
                    other is not region and other.depends_on(region) for other in needed.values()
                )
            ):
                return region, None
        return self.new(None), None

    def can_join(self, stages: Sequence[Stage], region: Region, memory: Memory) -> bool:
        """Whether nothing that the stages need, which fill a memory, needs the region itself."""
        needed = {self.region_of[s] for stage in stages for s in self.before(stage, [memory])}
        return not any(o is not region and o.depends_on(region) for o in needed)

    def new(self, length: int | None) -> Region:
        self.all.append(Region(length))
        self.all[-1].is_early = self.is_early
        return self.all[-1]

    def lead_in(self, region: Region, stage: Stage) -> int | None:
        """The loop of a stage that follows the rows of a region, if there is one."""
        if region.is_serial or not shared_loads(region, stage):
            return None
        loops = (loop for loop in range(stage.kept) if stage.sizes[loop] == region.length)
        return next((loop for loop in loops if is_by_rows(region, stage, loop)), None)

    def can_take(self, region: Region, stage: Stage) -> bool:
        """Whether a stage whose leading loop was chosen elsewhere goes with a region's rows."""
        if stage.lead is None or not is_by_rows(region, stage, stage.lead):
            return False
        return all(self.can_write(region, stage, store) for store in stage.targets)

    def can_write(self, region: Region, stage: Stage, store: Store) -> bool:
        """Whether a stage may write state in a region where others read what it held before."""
        readers = [*self.old_readers.get(store.memory, ()), stage]
        for reader in readers:
            if reader is not stage and self.region_of[reader] is not region:
                continue
            if region.is_serial and reader is not stage:
                continue
            for load in reader.loads:
                if load.memory is not store.memory or not load.is_old:
                    continue
                if reader is stage or reader.lead is None or stage.lead is None:
                    if load.address != store.address or load.gathers:
                        return False
                    continue
                stride = store.address.strides[stage.lead]
                if not is_row_local(
                    store.address, store.gathers, stage.sizes, stage.lead, stride
                ) or not is_row_local(
                    load.address, load.gathers, reader.sizes, reader.lead, stride
                ):
                    return False
        return True

    def add(self, stage: Stage, region: Region) -> None:
        """Append a finished stage; it may become one with another of the same loops."""
        writes = [store.memory for store in stage.targets]
        for maker in self.before(stage, writes):
            other = self.region_of[maker]
            if other is not region:
                region.needs.add(other)
        for store in stage.targets:
            self.note_rows(region, stage, store)
            region.written.add(store.memory)
        region.checks = region.checks or bool(stage.checks)
        into = self.partner(region, stage)
        if into is not None:
            merge(into, stage)
            stage = into
        else:
            region.stages.append(stage)
            self.region_of[stage] = region
        for memory in writes:
            if stage not in self.makers.setdefault(memory, []):
                self.makers[memory].append(stage)
        if stage.checks and stage not in self.checks:
            self.checks.append(stage)
        for load in stage.loads:
            if load.is_old and stage not in self.old_readers.setdefault(load.memory, []):
                self.old_readers[load.memory].append(stage)

    def note_rows(self, region: Region, stage: Stage, store: Store) -> None:
        if region.is_serial or stage.lead is None:
            return
        stride = store.address.strides[stage.lead]
        local = is_row_local(store.address, store.gathers, stage.sizes, stage.lead, stride)
        if local and region.rows.get(store.memory, stride) == stride:
            region.rows[store.memory] = stride
        else:
            region.rows.pop(store.memory, None)

    def partner(self, region: Region, stage: Stage) -> Stage | None:
        """The last stage that this one can become one with, everything it needs being before."""
        needed = set(self.before(stage, [store.memory for store in stage.targets]))
        for other in reversed(region.stages):
            if can_merge(other, stage) and is_worth_merging(other, stage):
                return other
            if other in needed:
                return None
        return None

    def phases(self) -> list[list[Region]]:
        """The regions by phases: each needs only regions of phases before."""
        ordered = self.ordered()
        for region in ordered:
            region.phase = max((other.phase + 1 for other in region.needs), default=0)
        last = max((region.phase for region in ordered), default=-1)
        return [[r for r in ordered if r.phase == phase] for phase in range(last + 1)]

    def ordered(self) -> list[Region]:
        """All regions, each behind those that it needs."""
        result: dict[Region, None] = {}
        begun: set[Region] = set()
        waiting = [(region, False) for region in reversed(self.all)]
        while waiting:
            region, is_ready = waiting.pop()
            if region in result:
                continue
            if is_ready:
                result[region] = None
                continue
            assert region not in begun, "two regions need each other"
            begun.add(region)
            waiting.append((region, True))
            waiting.extend((other, False) for other in region.needs if other not in result)
        return list(result)


# Up to so many turns of its loops a stage is not worth dividing among threads.
SMALL = 512


def has_state(memories: Iterable[Memory]) -> bool:
    return any(memory.kind is Kind.STATE for memory in memories)


def is_small(stage: Stage) -> bool:
    return stage.kept == 0 or (stage.turns <= SMALL and not stage.is_product)


def shares_much(region: Region, stage: Stage) -> bool:
    """Whether a stage reads enough of what a region makes to take up its order of rows.

    A mean for each channel is no reason to put the channels of whole images first.
    """
    shared = [load.memory.elements for load in stage.loads if load.memory in region.written]
    return 4 * max(shared, default=0) >= max(load.memory.elements for load in stage.loads)


def shared_loads(region: Region, stage: Stage) -> list[Load]:
    """What a stage reads of what the stages of a region make, or of what a loop hands them."""
    return [
        load
        for load in stage.loads
        if load.memory in region.rows or (load.memory in region.written and not load.is_old)
    ]


def is_by_rows(region: Region, stage: Stage, lead: int) -> bool:
    """Whether each turn of a loop reads of the region's memories the same row alone."""
    return all(
        load.memory in region.rows
        and is_row_local(load.address, load.gathers, stage.sizes, lead, region.rows[load.memory])
        for load in shared_loads(region, stage)
    )


def is_row_local(
    address: Affine,
    gathers: tuple[Gather, ...],
    sizes: Sequence[int],
    lead: int,
    stride: int,
) -> bool:
    """Whether row i of a loop touches only the elements [i stride, (i + 1) stride)."""
    if address.strides[lead] != stride or not stride:
        return False
    low = high = address.offset
    for loop, (step, size) in enumerate(zip(address.strides, sizes, strict=False)):
        if loop != lead and size:
            reach = step * (size - 1)
            low, high = low + min(reach, 0), high + max(reach, 0)
    for gather in gathers:
        reach = gather.stride * (gather.length - 1)
        low, high = low + min(reach, 0), high + max(reach, 0)
    return low >= 0 and high < stride


def can_merge(first: Stage, second: Stage) -> bool:
    """Whether two stages can be one: `second` reads of `first` what the same turn made."""
    if first.sizes != second.sizes or first.lead != second.lead:
        return False
    if first.lead is not None and first.lead >= min(first.kept, second.kept):
        return False
    if first.is_product or second.is_product:
        return False
    if first.checks and has_state([store.memory for store in second.targets]):
        return False
    if any(r.is_running for stage in (first, second) for r in stage.reductions):
        return False
    if any(store.adds for stage in (first, second) for store in stage.stores):
        return False
    if first.reductions and second.reductions and first.kept != second.kept:
        return False
    stored = {store.memory: store for store in first.stores}
    reduced = {reduction.store.memory for reduction in first.reductions}
    for load in second.loads:
        if load.is_old:
            continue
        if load.memory in reduced:
            return False
        store = stored.get(load.memory)
        if store is not None and (load.address != store.address or load.gathers or store.gathers):
            return False
    # What `first` reads of the past, `second` must not overwrite too early.
    for store in second.targets:
        for load in first.loads:
            if load.memory is store.memory and (load.address != store.address or load.gathers):
                return False
        if store.memory in stored or store.memory in reduced:
            return False
    return True


def is_worth_merging(first: Stage, second: Stage) -> bool:
    """Whether two stages touch the same numbers, so that one loop loads them once."""
    if first.turns <= SMALL:
        return True  # a loop less, and no cache to be lost
    touched = {(load.memory, load.address) for load in first.loads}
    touched |= {(store.memory, store.address) for store in first.targets}
    return any((load.memory, load.address) in touched for load in second.loads)


def merge(first: Stage, second: Stage) -> None:
    """Make `second` part of `first`."""
    made = {store.memory: store.term for store in first.stores}
    renewed: dict[int, Term] = {}
    known = {key(term): term for term in first.terms}
    for term in second.terms:
        new = replaced(term, made, renewed)
        renewed[id(term)] = known.setdefault(key(new), new)
    for store in second.targets:
        store.term = renewed[id(store.term)]
        store.gathers = tuple(
            Gather(renewed[id(g.index)], g.stride, g.length) for g in store.gathers
        )
    for check in second.checks:
        check.term = renewed[id(check.term)]
    first.stores += second.stores
    first.reductions += second.reductions
    first.checks += second.checks
    first.lines += [line for line in second.lines if line not in first.lines]
    first.kept = min(first.kept, second.kept)


def replaced(term: Term, made: dict[Memory, Term], renewed: dict[int, Term]) -> Term:
    match term:
        case Load(memory, _, _, False) if memory in made:
            return made[memory]
        case Load(memory, address, gathers, is_old) if gathers:
            gathers = tuple(Gather(renewed[id(g.index)], g.stride, g.length) for g in gathers)
            return Load(memory, address, gathers, is_old)
        case Apply(op, inputs, dtype):
            return Apply(op, tuple(renewed[id(x)] for x in inputs), dtype)
    return term


def key(term: Term) -> object:
    """What two equal terms of a stage have in common."""
    match term:
        case Load(memory, address, gathers, is_old):
            places = tuple((id(g.index), g.stride) for g in gathers)
            return (id(memory), address, places, is_old)
        case Apply(op, inputs, dtype):
            return (op, tuple(map(id, inputs)), dtype)
    return id(term)
