"""From a plan to the text of one native function, which all threads run.

The program reads addresses from a table: those of arguments, state, outputs, constants, the
arena, the scratch of all threads, and a word for errors. Each region is a function of its own
over a range of its rows; between phases the threads wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lunzi.compiler.access import memory_type
from lunzi.compiler.arena import MemoryPlan, Run, plan_memory
from lunzi.compiler.barrier import emit_barrier
from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index
from lunzi.compiler.loops import (
    Kind,
    Memory,
    Stage,
    StepMemory,
    collapse,
    memories_of,
    touched_by,
)
from lunzi.compiler.nest import Look, Nest
from lunzi.compiler.plan import Plan
from lunzi.compiler.products import Products, product_of
from lunzi.compiler.regions import Region, has_state
from lunzi.compiler.straight import Registers, Straight, is_short
from lunzi.compiler.table import NAME, Table
from lunzi.compiler.target import Target
from lunzi.compiler.transposes import Transposes, transpose_of
from lunzi.compiler.watch import Guard, look_at

TABLE, TEAM = Value(POINTER, "%table"), Value(POINTER, "%team")
THREAD, THREADS = Value(INDEX, "%thread"), Value(INDEX, "%threads")
START, STOP = Value(INDEX, "%start"), Value(INDEX, "%stop")


@dataclass
class Emitted:
    """The text of a program, and what its caller has to know of it."""

    module: Module
    table: Table
    memory: MemoryPlan
    checks: bool  # whether it may leave the word for errors set, and then all state as it was


def emit_program(plan: Plan, target: Target, is_guarded: bool = False) -> Emitted:
    """Write a planned program.

    Args:
        is_guarded: with a guard against numbers that are not finite: see `watch.py`.
    """
    return Emitter(plan, target, is_guarded).emit()


class Emitter:
    """One run of `emit_program`."""

    def __init__(self, plan: Plan, target: Target, is_guarded: bool = False) -> None:
        self.plan = plan
        self.target = target
        self.is_guarded = is_guarded
        self.numbers = {stage: number for number, stage in enumerate(plan.stages)}
        self.memory = plan_memory(plan)
        self.table = Table(
            len(plan.arguments), len(plan.states), len(plan.outputs), len(plan.constants)
        )
        self.module = Module()
        self.module.has_fma = target.has_fma
        self.products = Products(self.module, target)
        self.transposes = Transposes(self.module, target)
        self.checks = any(region.checks for region in plan.regions)

    def emit(self) -> Emitted:
        names = {
            region: self.region(region, f"region{place}")
            for place, region in enumerate(self.plan.regions)
        }
        parameters = [TABLE, TEAM, THREAD, THREADS]
        f = self.module.function(NAME, parameters, internal=False)
        may_have_failed = False
        for phase in self.plan.phases:
            if phase is not self.plan.phases[0]:
                emit_barrier(f, TEAM, THREAD, THREADS)
            if may_have_failed and writes_state(phase):
                # Behind a barrier, and nobody checks any more: all threads find the same.
                leave_if_failed(f, word_of(f, self.table.error))
                may_have_failed = False
            may_have_failed = may_have_failed or any(region.checks for region in phase)
            for place, region in enumerate(phase):
                self.call(f, region, names[region], place)
        f.ret()
        return Emitted(self.module, self.table, self.memory, self.checks)

    def call(self, f: Function, region: Region, name: str, place: int) -> None:
        """Run this thread's share of a region: some of its rows, or all of it on one thread."""
        if region.length is None:
            turn = f.op("srem", index(place), THREADS)
            with f.when(f.compare("icmp eq", turn, THREAD)):
                f.run(name, TABLE, THREAD, index(0), index(1))
            return
        start = f.op("sdiv", f.times(THREAD, region.length), THREADS)
        following = f.times(f.add(THREAD, 1), region.length)
        stop = f.op("sdiv", following, THREADS)
        f.run(name, TABLE, THREAD, start, stop)

    def region(self, region: Region, name: str) -> str:
        f = self.module.function(name, [TABLE, THREAD, START, STOP], attributes="nounwind noinline")
        writer = RegionWriter(self, region, f)
        if region.length is None:
            writer.stages(None)
        else:
            block = self.memory.blocks[region]
            with f.loop(START, STOP, block) as loop:
                end = f.call("llvm.smin.i64", INDEX, f.add(loop.counter, block), STOP)
                writer.stages((loop.counter, end))
        if writer.guard is not None:
            writer.guard.finish()
        f.ret()
        return name


def writes_state(phase: Sequence[Region]) -> bool:
    return any(has_state(region.written) for region in phase)


def word_of(f: Function, place: int) -> Value:
    """An address from the table."""
    return f.load(POINTER, f.place(TABLE, index(place), POINTER), 8)


def leave_if_failed(f: Function, error: Value) -> None:
    """Return from a function if a check has failed."""
    failed, passed = f.new_label("failed"), f.new_label("passed")
    f.branch(f.compare("icmp sgt", f.load(INDEX, error, 8), index(0)), failed, passed)
    f.begin(failed)
    f.ret()
    f.begin(passed)


class RegionWriter:
    """Writes the stages of one region into its function."""

    def __init__(self, whole: Emitter, region: Region, f: Function) -> None:
        self.whole = whole
        self.region = region
        self.f = f
        self.bases: dict[Memory, Value] = {}
        for stage in region.stages:
            for memory in memories_of([stage]):
                if memory not in self.bases:
                    self.bases[memory] = self.base(memory)
        self.error = word_of(f, whole.table.error)
        self.may_have_failed = False  # a check of this function, so far
        self.guard: Guard | None = None
        if whole.is_guarded:
            words = word_of(f, whole.table.guard)
            written = {store.memory for stage in whole.plan.stages for store in stage.targets}
            self.guard = Guard(f, words, self.error, whole.numbers, written)
        self.registers: Registers | None = None
        is_alone = whole.plan.regions == [region] and region.is_serial and region.loop is None
        if is_alone and is_short(region.stages):
            self.registers = Registers(region.stages)

    def base(self, memory: Memory) -> Value:
        """The address of a memory; of scratch, that of the first row of a block."""
        f, plan, table = self.f, self.whole.memory, self.whole.table
        match memory.kind:
            case Kind.ARENA:
                return f.place(word_of(f, table.arena), index(plan.offsets[memory]), "i8")
            case Kind.SCRATCH:
                own = f.add(f.times(THREAD, plan.scratch_bytes), plan.offsets[memory])
                return f.place(word_of(f, table.scratch), own, "i8")
        return word_of(f, table.word_of(memory))

    def stages(self, rows: tuple[Value, Value] | None) -> None:
        """All stages for a range of rows; in a loop, for each of its steps."""
        steps = self.region.loop
        if steps is None:
            self.runs(rows, index(0))
            return
        with self.f.loop(index(0), index(steps.length)) as loop:
            step = loop.counter
            if steps.reverse:
                step = self.f.op("sub nsw", index(steps.length - 1), step)
            self.runs(rows, step)

    def runs(self, rows: tuple[Value, Value] | None, step: Value) -> None:
        """All runs of stages, each for parts of the rows as large as it takes them."""
        block = self.whole.memory.blocks[self.region]
        for run in self.whole.memory.runs[self.region]:
            if rows is None or run.rows == block:
                self.run(run, rows, rows, step)
                continue
            with self.f.loop(*rows, run.rows) as loop:
                following = self.f.add(loop.counter, run.rows)
                end = self.f.call("llvm.smin.i64", INDEX, following, rows[1])
                self.run(run, rows, (loop.counter, end), step)

    def run(
        self,
        run: Run,
        block: tuple[Value, Value] | None,
        rows: tuple[Value, Value] | None,
        step: Value,
    ) -> None:
        """The stages of a run for some rows of a block."""
        f, pointers = self.f, dict(self.bases)
        for memory in {m: None for stage in run.stages for m in touched_by(stage)}:
            if isinstance(memory, StepMemory):
                place = f.add(f.times(step, memory.stride), memory.offset)
                start = f.place(self.bases[memory.parent], place, memory_type(memory.dtype))
                pointers[memory] = start
        if block is not None and rows is not None:
            for memory, base in self.bases.items():
                if memory.kind is Kind.SCRATCH and memory in self.region.rows:
                    # Rows are counted from the first of the region, scratch from that of the
                    # block, or of the part of it that a run takes.
                    first = rows[0] if memory in run.inner else block[0]
                    row_bytes = self.region.rows[memory] * memory.dtype.itemsize
                    pointers[memory] = self.f.place(base, self.f.times(first, -row_bytes), "i8")
        for stage in run.stages:
            self.stage(stage, pointers, rows)

    def stage(
        self, stage: Stage, pointers: dict[Memory, Value], rows: tuple[Value, Value] | None
    ) -> None:
        f, whole = self.f, self.whole
        scale = collapse(stage)
        if rows is not None:
            rows = (f.times(rows[0], scale), f.times(rows[1], scale))
        where = pointers.__getitem__
        if self.may_have_failed and has_state([store.memory for store in stage.targets]):
            leave_if_failed(f, self.error)
            self.may_have_failed = False
        self.may_have_failed = self.may_have_failed or bool(stage.checks)
        watch = self.guard.on(stage) if self.guard is not None else None
        if self.registers is not None:
            Straight(f, whole.target, stage, where, self.error, self.registers, watch).write()
            return
        product = product_of(stage)
        if product is not None:
            whole.products.call(f, stage, product, where, rows)
            self.look_at_product(stage, where, rows)
            return
        transpose = transpose_of(stage)
        if transpose is not None:
            whole.transposes.call(f, stage, transpose, where, rows)
            return
        Nest(f, whole.target, stage, where, rows, self.error, watch).write()

    def look_at_product(
        self,
        stage: Stage,
        where: Callable[[Memory], Value],
        rows: tuple[Value, Value] | None,
    ) -> None:
        """Let the guard see what a product has stored."""
        if self.guard is None:
            return
        look, watch = look_at(stage), self.guard.on(stage, sees_copies=True)
        scale = collapse(look)
        if rows is not None:
            rows = (self.f.times(rows[0], scale), self.f.times(rows[1], scale))
        Look(self.f, self.whole.target, look, where, rows, self.error, watch).write()
