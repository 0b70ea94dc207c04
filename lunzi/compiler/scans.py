"""Loops: the body of a scan is planned as a region of its own, which runs once for each step.

Where each row of a step depends on the same row of the steps before alone, as the samples of a
batch do in a recurrent network, the threads share out the rows and go through all steps without
waiting for each other. What the body computes from constants alone is computed before the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lunzi.compiler.extra import Extra
from lunzi.compiler.loops import Kind, Memory, Stage, StepMemory, Store, View
from lunzi.compiler.lower import dense_strides
from lunzi.compiler.passes import prepare
from lunzi.compiler.plan import Ends, Layout, Plan
from lunzi.compiler.planner import Planner
from lunzi.compiler.regions import Region, Regions, Steps
from lunzi.core.errors import LunziError
from lunzi.core.graph import Argument, Constant, Node
from lunzi.core.loop import Scan
from lunzi.core.part import Part
from lunzi.core.spec import Shape, Spec, size_of


def make_plan(
    ends: Ends, arguments: Sequence[Spec], memories: Sequence[Layout], is_serial: bool = False
) -> Plan:
    """Plan a program.

    Args:
        ends: the graph, by the nodes that are read when it ends.
        arguments: the specs of the arguments, which come dense in C order.
        memories: the layouts of the state, in the order in which State and updates count them.
        is_serial: everything in one region, on one thread, without barriers; without loops.
    """
    regions = Regions(is_serial)
    planner = LoopPlanner(ends, regions, Extra(regions), [])
    planner.arguments = [
        Memory(Kind.ARGUMENT, spec.dtype, spec.size, index) for index, spec in enumerate(arguments)
    ]
    planner.layouts = list(memories)
    planner.states = [
        Memory(Kind.STATE, layout.spec.dtype, layout.spec.size, index)
        for index, layout in enumerate(memories)
    ]
    planner.outputs = [
        Memory(Kind.OUTPUT, node.dtype, node.spec.size, index)
        for index, node in enumerate(ends.outputs)
    ]
    return planner.plan()


class Located(NamedTuple):
    """Where the input of a loop lies: strides by axes."""

    memory: Memory
    offset: int
    strides: tuple[int, ...]
    is_old: bool


class NotByRowsError(LunziError):
    """The rows of a step depend on each other: the loop runs on one thread."""


class LoopPlanner(Planner):
    """Plans graphs with loops in them."""

    def store(self, node: Node) -> None:
        if isinstance(node.op, Scan):
            self.scan(node, node.op)
        elif not isinstance(node.op, Part):  # the loop has placed its results
            super().store(node)

    def scan(self, node: Node, op: Scan) -> None:
        """Put a loop into a region of its own."""
        inputs = [self.located(x) for x in node.inputs]
        carried = op.body.carried
        carries = [self.extra.new_memory(s.dtype, s.size) for s in op.body.arguments[:carried]]
        stacks = [self.extra.new_memory(x.dtype, x.spec.size * op.length) for x in op.body.stacked]
        rows = self.rows_of(op, inputs)
        for memory, x in zip(carries, node.inputs, strict=False):
            self.copy(x, View(memory, 0, dense_strides(self.axes.sizes(x))))
        region = Region(rows)
        region.loop = Steps(op.length, op.reverse)
        self.regions.all.append(region)
        body = BodyPlanner(op, region, self.regions, self.extra, self.lowering.constants)
        body.give(inputs, carries, stacks)
        body.put_all()
        self.join(region, body, inputs, [*carries, *stacks])
        for user in self.storing.users[id(node)]:
            if isinstance(user.op, Part):
                memory = [*carries, *stacks][user.op.index]
                strides = dense_strides(self.axes.sizes(user))
                self.lowering.views[id(user)] = View(memory, 0, strides)

    def located(self, x: Node) -> Located:
        """Where an input lies. The axes of a loop's inputs are whole, so each has one stride."""
        if isinstance(x.op, Constant):  # a single number would become part of the instructions
            constants = self.lowering.constants
            memory = Memory(Kind.CONSTANT, x.dtype, x.spec.size, len(constants), x.op.array)
            constants.append(memory)
            return Located(memory, 0, dense_strides(x.shape), False)
        sizes = self.axes.sizes(x)
        self.lowering.begin(sizes, len(sizes))
        term = self.lowering.address(x, self.lowering.counters(sizes))
        steps = iter(term.address.strides)
        strides = tuple(next(steps) if factors else 0 for factors in self.axes[x])
        return Located(term.memory, term.address.offset, strides, term.is_old)

    def rows_of(self, op: Scan, inputs: Sequence[Located]) -> int | None:
        """How many rows the carries have that do not depend on each other; None for one thread.

        Found by trying: planned into regions that nobody sees.
        """
        firsts = {spec.shape[:1] for spec in op.body.arguments[: op.body.carried]}
        if len(firsts) != 1 or firsts & {(), (0,), (1,)}:
            return None
        ((rows,),) = firsts
        trial = Regions()
        region = Region(rows)
        region.loop = Steps(op.length, op.reverse)
        trial.all.append(region)
        extra = Extra(trial)
        body = BodyPlanner(op, region, trial, extra, [])
        carried = op.body.carried
        carries = [extra.new_memory(s.dtype, s.size) for s in op.body.arguments[:carried]]
        stacks = [extra.new_memory(x.dtype, x.spec.size * op.length) for x in op.body.stacked]
        body.give(inputs, carries, stacks)
        try:
            body.put_all()
        except NotByRowsError:
            return None
        return rows

    def join(
        self,
        region: Region,
        body: BodyPlanner,
        inputs: Sequence[Located],
        results: Sequence[Memory],
    ) -> None:
        """Tell the other regions what the loop reads and makes."""
        regions = self.regions
        for found in (*inputs, *(Located(m, 0, (), False) for m in body.carries)):
            for maker in regions.makers.get(found.memory, ()):
                if regions.region_of[maker] is not region:
                    region.needs.add(regions.region_of[maker])
        if not region.stages:
            return
        last = region.stages[-1]
        for found in inputs:
            if found.is_old:
                regions.old_readers.setdefault(found.memory, []).append(last)
        for memory in results:
            regions.makers.setdefault(memory, []).append(last)


class BodyRegions(Regions):
    """Puts the stages of a body into the region of its loop, those of constants before it."""

    def __init__(self, outer: Regions, region: Region) -> None:
        super().__init__()
        self.may_share_weights = False  # a step is too little work to be divided in another way
        self.outer = outer
        self.region = region
        self.all = outer.all
        self.makers = outer.makers
        self.old_readers = outer.old_readers
        self.checks = outer.checks
        self.region_of = outer.region_of

    def find(self, stage: Stage, writes: Sequence[Memory]) -> tuple[Region, int | None]:
        touched = {load.memory for load in stage.loads}
        if not writes and not touched & (self.region.written | self.region.rows.keys()):
            region, lead = self.outer.find(stage, writes)
            assert region is not self.region
            return region, lead
        if self.region.is_serial:
            return self.region, None
        lead = self.lead_in(self.region, stage)
        if lead is None:
            raise NotByRowsError("a row of a step depends on others")
        return self.region, lead

    def new(self, length: int | None) -> Region:
        """What fits into no region so far is done at each step all the same: on one thread."""
        if not self.region.is_serial:
            raise NotByRowsError("stages of a step share no rows")
        return self.region

    def can_write(self, region: Region, stage: Stage, store: Store) -> bool:
        if not super().can_write(region, stage, store):
            raise NotByRowsError("a carry is read by other rows than write it")
        return True

    def add(self, stage: Stage, region: Region) -> None:
        if region is self.region:
            super().add(stage, region)
        else:
            self.outer.add(stage, region)


class BodyPlanner(LoopPlanner):
    """Plans one step: carries are its state, parts of the stacks its arguments."""

    def __init__(
        self, op: Scan, region: Region, outer: Regions, extra: Extra, constants: list[Memory]
    ) -> None:
        outputs = prepare(op.body.outputs)
        carried = op.body.carried
        ends = Ends(tuple(outputs[carried:]), tuple(enumerate(outputs[:carried])))
        regions = BodyRegions(outer, region)
        inner = Extra(regions)
        inner.memories = extra.memories
        super().__init__(ends, regions, inner, constants)
        self.op = op
        self.region = region

    def give(
        self, inputs: Sequence[Located], carries: Sequence[Memory], stacks: Sequence[Memory]
    ) -> None:
        """Say where the inputs lie, and where carries and stacks go."""
        body, rows = self.op.body, self.region.rows
        self.carries = list(carries)
        self.given: list[View] = []
        self.is_old = [found.is_old for found in inputs]
        for memory, spec in zip(carries, body.arguments, strict=False):
            rows[memory] = size_of(spec.shape[1:])
        for index, (found, spec) in enumerate(zip(inputs, body.arguments, strict=True)):
            if index < body.carried:
                self.given.append(View(carries[index], 0, dense_strides(spec.shape)))
            elif index < body.constants:
                step = StepMemory(found.memory, found.offset, found.strides[0])
                self.given.append(View(step, 0, found.strides[1:]))
                rows[step] = self.row_stride(spec.shape, found.strides[1:])
            else:
                self.given.append(View(found.memory, found.offset, found.strides))
        self.stacks = [
            StepMemory(memory, 0, node.spec.size)
            for memory, node in zip(stacks, body.stacked, strict=True)
        ]

    def row_stride(self, shape: Shape, strides: Sequence[int]) -> int:
        """From row to row in a part of a stack: along the first axis that has as many."""
        for size, stride in zip(shape, strides, strict=True):
            if size == self.region.length:
                return stride
        return 0

    def state_of(self, node: Node) -> int | None:
        """The carries are what the body reads and leaves behind."""
        if isinstance(node.op, Argument) and node.op.index < self.op.body.carried:
            return node.op.index
        return None

    def state_view(self, node: Node, index: int) -> View:
        return View(self.carries[index], 0, dense_strides(self.axes.sizes(node)))

    def argument_view(self, node: Node, index: int) -> View:
        view = self.given[index]
        if self.is_old[index]:
            self.lowering.old.add(id(node))
        return View(view.memory, view.offset, self.factor_strides(node, view.strides))

    def output_view(self, node: Node, index: int) -> View:
        return View(self.stacks[index], 0, dense_strides(self.axes.sizes(node)))
