"""Measures the regions of a program one after the other, on memories that nobody else sees.

The program is written once more, with a barrier behind each region and a look at the processor's
counter of time behind each barrier. So each region finds in the caches what it would find.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from lunzi.compiler import threads
from lunzi.compiler.barrier import emit_barrier
from lunzi.compiler.builder import INDEX, POINTER, Function, Value, index
from lunzi.compiler.cost import Cost, RegionCost
from lunzi.compiler.emit import TABLE, TEAM, THREAD, THREADS, Emitter
from lunzi.compiler.formulas import operations_of, short_lines
from lunzi.compiler.memories import aligned_bytes
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.peak import peak
from lunzi.compiler.plan import Plan
from lunzi.compiler.regions import Region
from lunzi.compiler.show import peak_bytes
from lunzi.compiler.table import NAME
from lunzi.compiler.target import host
from lunzi.compiler.work import bytes_of, operations_in
from lunzi.core.errors import StateError
from lunzi.core.spec import Array

ROUNDS, WARM = 40, 3
ENOUGH = 1.0  # seconds behind which no round begins

WHOLE, PARTS = "lunzi_whole", "lunzi_parts"

# Counters that go at one pace, by the architecture.
COUNTERS = {
    "x86_64": "llvm.readcyclecounter",
    "amd64": "llvm.readcyclecounter",
    "aarch64": "llvm.readsteadycounter",
    "arm64": "llvm.readsteadycounter",
}


def measure(
    plan: Plan,
    arguments: Sequence[Array],
    memories: Sequence[Array],
    outputs: Sequence[Array],
    count: int,
    repeats: int,
) -> Cost:
    """The cost of each region of a plan of which no program was written.

    Args:
        arguments, memories, outputs: as a backend takes them; the last two are written.
        count: how many threads run.
        repeats: how often a region runs between two looks at the clock.

    Raises:
        StateError: on a processor whose counter of time is not known.
    """
    work = [(operations_in(region), bytes_of(region)) for region in plan.regions]
    looks = [(names_of(region), short_lines(region.stages)) for region in plan.regions]
    target = host()
    emitter = Emitter(plan, target)
    emitted = emitter.emit()
    clock = emitted.table.size  # the word behind the table
    whole(emitter, counter_of(target.triple), clock, repeats)
    parts(emitter, counter_of(target.triple), clock, repeats)
    library = Library(object_code(str(emitted.module), target), [WHOLE, PARTS])
    constants = [np.ascontiguousarray(memory.array) for memory in plan.constants]
    arena = aligned_bytes(emitted.memory.arena_bytes)
    scratch = aligned_bytes(emitted.memory.scratch_bytes * count)
    ticks, error = np.zeros(len(plan.regions) + 2, np.int64), np.zeros(1, np.int64)
    table = np.zeros(clock + 1, np.int64)
    arrays = [*arguments, *memories, *outputs, *constants, arena, scratch, error]
    table[: len(arrays)] = [array.ctypes.data for array in arrays]
    table[clock] = ticks.ctypes.data
    kept = [array.copy() for array in memories]
    found: dict[str, list[Array]] = {WHOLE: [], PARTS: []}
    start, first_tick = time.perf_counter(), 0
    for round_ in range(ROUNDS + WARM):
        for name, times in found.items():
            for array, first in zip(memories, kept, strict=True):
                array[...] = first
            threads.run(library.address(name), table.ctypes.data, count)
            times.append(np.diff(ticks))
            first_tick = first_tick or int(ticks[0])
        spent = time.perf_counter() - start
        if spent > ENOUGH and round_ >= WARM:
            break
    pace = spent / max(int(ticks[-1]) - first_tick, 1)  # seconds a tick
    *each, barrier = np.median(found[PARTS][WARM:], axis=0)
    alone = np.median([times[0] for times in found[WHOLE][WARM:]])
    seconds = [max(float(one - barrier), 0.0) * pace / repeats for one in each]
    best = peak(count)
    regions = [
        RegionCost(number, region.phase, words, lines, one, *done)
        for number, (region, (words, lines), one, done) in enumerate(
            zip(plan.regions, looks, seconds, work, strict=True)
        )
    ]
    needed = peak_bytes(plan, emitted.memory, count)
    total = max(float(alone - barrier), 0.0) * pace / repeats
    return Cost(tuple(regions), total, count, best.flops, best.bandwidth, needed)


def names_of(region: Region) -> tuple[str, ...]:
    """The operations of a region, each once."""
    return tuple(dict.fromkeys(name for stage in region.stages for name in operations_of(stage)))


def counter_of(triple: str) -> str:
    """The intrinsic that reads the counter of time.

    Raises:
        StateError: where none is known.
    """
    architecture = triple.partition("-")[0]
    if architecture not in COUNTERS:
        raise StateError(f"parts of programs are not measured on {architecture}")
    return COUNTERS[architecture]


def whole(emitter: Emitter, counter: str, clock: int, repeats: int) -> None:
    """Write a program that runs the program between two looks at the clock."""
    f = begin(emitter, WHOLE)
    meet_and_look(f, counter, clock, 0)
    with f.loop(index(0), index(repeats)):
        f.run(NAME, TABLE, TEAM, THREAD, THREADS)
        emit_barrier(f, TEAM, THREAD, THREADS)
    meet_and_look(f, counter, clock, 1)
    f.ret()


def parts(emitter: Emitter, counter: str, clock: int, repeats: int) -> None:
    """Write one that looks at the clock behind each region, and behind a barrier alone."""
    f = begin(emitter, PARTS)
    meet_and_look(f, counter, clock, 0)
    numbers = {region: number for number, region in enumerate(emitter.plan.regions)}
    for phase in emitter.plan.phases:
        for place, region in enumerate(phase):
            with f.loop(index(0), index(repeats)):
                emitter.call(f, region, f"region{numbers[region]}", place)
            meet_and_look(f, counter, clock, numbers[region] + 1)
    meet_and_look(f, counter, clock, len(numbers) + 1)
    f.ret()


def begin(emitter: Emitter, name: str) -> Function:
    return emitter.module.function(name, [TABLE, TEAM, THREAD, THREADS], internal=False)


def meet_and_look(f: Function, counter: str, clock: int, place: int) -> None:
    """Wait for all threads; one of them notes the time."""
    emit_barrier(f, TEAM, THREAD, THREADS)
    with f.when(f.compare("icmp eq", THREAD, index(0))):
        ticks: Value = f.load(POINTER, f.place(TABLE, index(clock), POINTER), 8)
        f.store(f.call(counter, INDEX), f.place(ticks, index(place), INDEX), 8)
