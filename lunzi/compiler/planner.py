"""Planning: each stored value gets its stages, a region for them, and memory."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.compiler.axes import Axes
from lunzi.compiler.checks import Checks
from lunzi.compiler.extra import Extra
from lunzi.compiler.loops import (
    Affine,
    Apply,
    Gather,
    How,
    Kind,
    Literal,
    Memory,
    Stage,
    Store,
    View,
    memories_of,
    whole_of,
)
from lunzi.compiler.lower import Lowering, dense_strides
from lunzi.compiler.order import bring_forward
from lunzi.compiler.plan import Ends, Layout, Plan
from lunzi.compiler.regions import Region, Regions, is_row_local
from lunzi.compiler.sorting import entry_words
from lunzi.compiler.storing import LEAVES, SCATTERS, Storing, reading_stages
from lunzi.core.elementwise import Cast
from lunzi.core.graph import Argument, Node, State, topological
from lunzi.core.indexing import AddAlongAxis, ScatterAdd
from lunzi.core.movement import BroadcastTo, Concat, Pad, PermuteDims, Reshape
from lunzi.core.part import Part
from lunzi.core.reduction import ArgSort, CumulativeSum
from lunzi.core.spec import int64, size_of
from lunzi.core.windows import OverlapAdd


class Planner:
    """Plans a graph into regions: that of a program, or the body of a loop.

    Args:
        ends: the graph.
        regions: where its stages go.
        extra: makes memory, and stages beside those of the nodes.
        constants: the fixed numbers that were found before; more are appended.
    """

    def __init__(self, ends: Ends, regions: Regions, extra: Extra, constants: list[Memory]) -> None:
        self.ends = ends = made_apart(ends)
        self.nodes = topological(ends.nodes)
        self.axes = Axes(self.nodes)
        self.checks = Checks(self.nodes)
        self.storing = Storing(self.nodes, ends.nodes, self.axes, self.checks.bounds)
        self.lowering = Lowering(self.axes, self.storing, constants)
        self.regions = regions
        self.extra = extra
        self.arguments: list[Memory] = []
        self.states: list[Memory] = []
        self.outputs: list[Memory] = []
        self.layouts: list[Layout] = []
        self.destinations: dict[int, View] = {}  # stored nodes that are made where they shall be
        self.copies: list[tuple[Node, View]] = []  # what is copied there at the end

    def put_all(self) -> None:
        """Put the stages of all nodes into regions."""
        self.place_leaves()
        for node in self.order():
            self.regions.is_early = id(node) in self.checks.needed
            if node in self.storing and not isinstance(node.op, LEAVES):
                self.store(node)
            if node in self.checks:
                self.check(node)
        self.regions.is_early = False
        for node, view in self.copies:
            self.copy(node, view)

    def plan(self) -> Plan:
        """The plan of a whole program."""
        self.put_all()
        phases = self.regions.phases()
        self.drop_unread(phases)
        for region in self.regions.all:
            bring_forward(region)
        self.settle()
        return Plan(
            phases,
            self.arguments,
            self.states,
            self.outputs,
            self.lowering.constants,
            self.extra.memories,
        )

    # Leaves and ends

    def place_leaves(self) -> None:
        for node in self.nodes:
            state = self.state_of(node)
            if state is not None:
                self.lowering.views[id(node)] = self.state_view(node, state)
                self.lowering.old.add(id(node))
            elif isinstance(node.op, Argument):
                self.lowering.views[id(node)] = self.argument_view(node, node.op.index)

    def state_of(self, node: Node) -> int | None:
        """Which state a leaf reads."""
        return node.op.index if isinstance(node.op, State) else None

    def state_view(self, node: Node, index: int) -> View:
        strides = self.factor_strides(node, self.layouts[index].strides)
        return View(self.states[index], 0, strides)

    def argument_view(self, node: Node, index: int) -> View:
        return View(self.arguments[index], 0, dense_strides(self.axes.sizes(node)))

    def output_view(self, node: Node, index: int) -> View:
        return View(self.outputs[index], 0, dense_strides(self.axes.sizes(node)))

    def factor_strides(self, node: Node, strides: Sequence[int]) -> tuple[int, ...]:
        """The strides of all factors of axes, from those of the axes."""
        result: list[int] = []
        for stride, factors in zip(strides, self.axes[node], strict=True):
            result += [stride * step for step in dense_strides(factors)]
        return tuple(result)

    def order(self) -> list[Node]:
        """The nodes, each behind its inputs; those that overwrite state come behind all that read
        what was there, and behind all that is checked. Decides which nodes are made in place."""
        users = self.storing.users
        later: dict[int, list[Node]] = {}  # reader -> who overwrites what it reads
        readers = {
            index: reading_stages(node, lambda n: users[id(n)], self.has_stage)
            for node in self.nodes
            if (index := self.state_of(node)) is not None
        }
        for index, node in self.ends.updates:
            view = self.state_view(node, index)
            every = readers.get(index, [])
            others = [reader for reader in every if reader is not node]
            # A scatter begins with zeros, so it must not read what they would replace.
            is_safe = len(others) == len(every) or not isinstance(node.op, SCATTERS)
            is_early = view.memory.kind is Kind.STATE and id(node) in self.checks.needed
            if (
                is_safe
                and not is_early
                and self.is_made_in_place(node)
                and not reaches(node, {id(x) for x in others}, users, later)
            ):
                self.destinations[id(node)] = view
                for reader in others:
                    later.setdefault(id(reader), []).append(node)
            else:
                self.copies.append((node, view))
        for place, node in enumerate(self.ends.outputs):
            view = self.output_view(node, place)
            if self.is_made_in_place(node):
                self.destinations[id(node)] = view
            else:
                self.copies.append((node, view))
        before: dict[int, list[Node]] = {}
        known = {id(node): node for node in self.nodes}
        for key, writers in later.items():
            for writer in writers:
                before.setdefault(id(writer), []).append(known[key])
        return sorted_by([*self.checks.roots, *self.ends.nodes], before)

    def has_stage(self, node: Node) -> bool:
        """Whether stages make a node: it is stored, and no other node in another shape."""
        return node in self.storing and not isinstance(node.op, Reshape | Part)

    def is_made_in_place(self, node: Node) -> bool:
        """Whether a stage can write a node where it shall be."""
        return self.has_stage(node) and id(node) not in self.storing.contiguous

    # Stages

    def store(self, node: Node) -> None:
        """Make the stages of a stored node and put them into regions."""
        if isinstance(node.op, Reshape) and self.axes.is_stored(node):
            self.reshape(node)
        elif isinstance(node.op, SCATTERS):
            self.scatter(node)
        else:
            self.compute(node)

    def reshape(self, node: Node) -> None:
        """See stored numbers in another shape; copy those that do not lie in C order."""
        x = node.inputs[0]
        view = self.lowering.views[id(x)]
        if view.strides != dense_strides(self.axes.sizes(x)) or view.offset:
            stage = self.lowering.elementwise(x)
            view = self.put(stage, x, None, is_dense=True)
            is_old = False
        else:
            is_old = id(x) in self.lowering.old
        seen = View(view.memory, 0, dense_strides(self.axes.sizes(node)))
        self.lowering.views[id(node)] = seen
        if is_old:
            self.lowering.old.add(id(node))

    def compute(self, node: Node) -> None:
        """A stage whose loops are the factors of the node, and then those that are reduced."""
        (stage,) = self.lowering.stages(node)
        if not self.regions.is_serial:
            stage = self.extra.split(stage)
        destination = self.destinations.get(id(node))
        if destination is not None and not self.fits(stage, node, destination):
            self.copies.append((node, destination))
            destination = None
        if stage.is_product and not self.regions.is_serial:
            self.extra.pack(stage)
        if stage.reductions and stage.reductions[0].how is How.ORDER:
            stage.work = self.work_for_sorting(stage)
        is_dense = id(node) in self.storing.contiguous
        self.lowering.views[id(node)] = self.put(stage, node, destination, is_dense)

    def work_for_sorting(self, stage: Stage) -> Memory:
        dtype = stage.reductions[0].dtype
        count = size_of(stage.sizes[stage.kept :])
        return Memory(
            Kind.SCRATCH, int64, (2 * count + 1) * entry_words(dtype), len(self.extra.memories)
        )

    def fits(self, stage: Stage, node: Node, view: View) -> bool:
        """Whether a stage may write there while it reads: at the same place, or not at all."""
        if stage.is_product and view.strides and view.strides[-1] != 1:
            return False
        address = view.at(self.index(stage, node), len(stage.sizes))
        return all(
            load.memory is not view.memory or (load.address == address and not load.gathers)
            for load in stage.loads
        )

    def index(self, stage: Stage, node: Node) -> tuple[Affine, ...]:
        """The place in a node's memory, by the counters of its stage."""
        count = len(self.axes.sizes(node))
        order = list(range(count))
        if stage.reductions and isinstance(node.op, CumulativeSum | ArgSort):
            # Its axis is the last loop, whichever it was.
            axis = node.op.axis
            first = sum(len(factors) for factors in self.axes[node][:axis])
            inner = len(self.axes[node][axis])
            order = [*range(first), *range(first + inner, count), *range(first, first + inner)]
        loops = len(stage.sizes)
        return tuple(
            Affine(0, tuple(int(loop == order.index(place)) for loop in range(loops)))
            for place in range(count)
        )

    def put(
        self, stage: Stage, node: Node, destination: View | None, is_dense: bool = False
    ) -> View:
        """Choose a stage's region and the order of its loops, and lay out what it makes."""
        (store,) = stage.targets
        index = self.index(stage, node)
        order = loop_order(stage, destination, index, is_dense)
        store.address = Affine(0, (0,) * len(stage.sizes))  # until its memory is laid out
        if destination is not None:
            store.memory = destination.memory
            store.address = destination.at(index, len(stage.sizes))
        writes = [store.memory] if destination is not None else []
        stage.reorder(order)
        index = tuple(place.reordered(order) for place in index)
        region, lead = self.regions.find(stage, writes)
        if destination is not None:
            stage.lead = lead
            if not self.regions.can_write(region, stage, store):
                region, lead = self.regions.new(stage.sizes[0] if stage.kept else None), None
                if stage.kept:
                    lead = 0
        if lead:
            stage.lead = None
            front = [lead, *(place for place in range(len(stage.sizes)) if place != lead)]
            if not is_dense:
                stage.reorder(front)
                index = tuple(place.reordered(front) for place in index)
                lead = 0
        stage.lead = lead
        view = destination or self.laid_out(node, stage, index, is_dense)
        store.memory = view.memory
        store.address = view.at(index, len(stage.sizes))
        self.regions.add(stage, region)
        return view

    def laid_out(self, node: Node, stage: Stage, index: Sequence[Affine], is_dense: bool) -> View:
        """New memory for a node, in which its factors follow each other as the loops do."""
        memory = self.extra.new_memory(node.dtype, node.spec.size)
        sizes = self.axes.sizes(node)
        if is_dense:
            return View(memory, 0, dense_strides(sizes))
        loops = [place.strides.index(1) for place in index]
        strides = [
            size_of([size for size, other in zip(sizes, loops, strict=True) if other > loop])
            for loop in loops
        ]
        return View(memory, 0, tuple(strides))

    def copy(self, node: Node, view: View) -> None:
        """Copy a stored value to where it shall be at the end."""
        stage = self.lowering.begin(self.axes.sizes(node), len(self.axes.sizes(node)))
        term = self.lowering.term(node, self.lowering.counters(stage.sizes))
        if isinstance(term, Literal):
            term = Apply(Cast(node.dtype), (term,), node.dtype)
        stage.stores.append(Store(term, view.memory, Affine(0, ())))
        stage.lines = [node.line]
        self.put(stage, node, view)

    def check(self, node: Node) -> None:
        """Put a stage that checks a node's numbers into a region."""
        stage = self.lowering.checking(node, self.checks.bounds[id(node)])
        stage.lines = [*dict.fromkeys(filter(None, self.checks.lines[id(node)]))]
        region, lead = self.regions.find(stage, [])
        if lead:
            stage.reorder([lead, *(place for place in range(len(stage.sizes)) if place != lead)])
            lead = 0
        stage.lead = lead
        self.regions.add(stage, region)

    # Stages that store into part of a memory

    def scatter(self, node: Node) -> None:
        """Fill memory with zeros, and store or add the inputs at their places."""
        parts, is_filled = self.lowering.scattered(node)
        destination = self.destinations.get(id(node))
        view = destination
        if view is None:
            memory = self.extra.new_memory(node.dtype, node.spec.size)
            view = View(memory, 0, self.scattered_strides(node, parts[0][0]))
        elif any(load.memory is view.memory for stage, _ in parts for load in stage.loads):
            raise AssertionError("a scatter into the state that it reads")
        self.lowering.views[id(node)] = view
        stages = []
        for fill in self.lowering.zeros(node, view) if is_filled else ():
            fill.reorder(by_strides(fill.stores[0].address, fill.kept))
            stages.append(fill)
        for stage, index in parts:
            (store,) = stage.stores
            store.memory = view.memory
            store.address = view.at(index, len(stage.sizes))
            store.gathers = tuple(
                Gather(gather.index, self.stride_on(node, view), gather.length)
                for gather in store.gathers
            )
            stage.reorder(by_strides(store.address, stage.kept))
            stages.append(stage)
        self.put_together(stages, view.memory)

    def stride_on(self, node: Node, view: View) -> int:
        """From one place to the next on the axis that a scatter's indices name."""
        assert isinstance(node.op, ScatterAdd | AddAlongAxis)
        if not self.axes[node][node.op.axis]:
            return 0
        return view.strides[sum(len(factors) for factors in self.axes[node][: node.op.axis])]

    def scattered_strides(self, node: Node, stage: Stage) -> tuple[int, ...]:
        """Strides in which the axes follow each other as they do in what is stored there."""
        sizes = self.axes.sizes(node)
        if isinstance(node.op, Concat):
            return self.strides_as_read(node)
        if not isinstance(node.op, Pad | OverlapAdd):
            return dense_strides(sizes)
        x = node.inputs[0]
        source = main_address(stage)
        if not any(source.strides) or any(
            own and not given for own, given in zip(self.axes[node], self.axes[x], strict=False)
        ):
            return dense_strides(sizes)
        nearness: list[tuple[int, int]] = []
        start = 0
        for axis in range(node.ndim):
            count = len(self.axes[x][axis])
            steps = [abs(step) for step in source.strides[start : start + count]]
            start += count
            for _ in self.axes[node][axis]:
                nearness.append((-max(steps, default=0), len(nearness)))
        ranks = sorted(range(len(sizes)), key=nearness.__getitem__)
        strides = [0] * len(sizes)
        behind = 1
        for place in reversed(ranks):
            strides[place] = behind
            behind *= sizes[place]
        return tuple(strides)

    def strides_as_read(self, node: Node) -> tuple[int, ...]:
        """Strides in which the axes follow each other as they do for the only one who reads."""
        users = self.storing.users[id(node)]
        order = tuple(range(node.ndim))
        if len(users) == 1 and id(node) not in self.storing.contiguous:
            match users[0].op:
                case PermuteDims(axes):
                    order = axes
        factors = self.axes[node]
        dense = iter(dense_strides([size for axis in order for size in factors[axis]]))
        strides = {axis: [next(dense) for _ in factors[axis]] for axis in order}
        return tuple(stride for axis in range(node.ndim) for stride in strides[axis])

    def put_together(self, stages: list[Stage], memory: Memory) -> None:
        """Put stages that fill one memory into one region: row by row, or else on one thread."""
        last = stages[-1]
        region, lead = self.regions.find(last, [memory])
        leads: list[int | None]
        if not self.regions.can_join(stages, region, memory):
            region, leads = self.shared_region(stages)
        elif lead is not None:
            leads = [self.common_lead(stage, last, lead) for stage in stages]
            for stage, place in zip(stages, leads, strict=True):
                stage.lead = place
            if not all(self.regions.can_take(region, stage) for stage in stages):
                region, leads = self.shared_region(stages)
        else:
            leads = [None] * len(stages)
        if region.is_serial and not self.regions.is_serial:
            region, leads = self.regions.new(None), [None] * len(stages)
        for stage, place in zip(stages, leads, strict=True):
            stage.lead = place
            self.regions.add(stage, region)

    def common_lead(self, stage: Stage, last: Stage, lead: int) -> int | None:
        """The loop of a stage that stores in the same rows as the leading loop of the last."""
        store = last.stores[0]
        stride = store.address.strides[lead]
        for loop in range(stage.kept):
            if stage.sizes[loop] == last.sizes[lead] and is_row_local(
                stage.stores[0].address, stage.stores[0].gathers, stage.sizes, loop, stride
            ):
                return loop
        return None

    def shared_region(self, stages: list[Stage]) -> tuple[Region, list[int | None]]:
        """A new region for all of the stages, with a leading loop where they have one in common."""
        last = stages[-1]
        for lead in range(last.kept):
            leads = [self.common_lead(stage, last, lead) for stage in stages]
            if all(place is not None for place in leads):
                return self.regions.new(last.sizes[lead]), leads
        return self.regions.new(None), [None] * len(stages)

    # Afterwards

    def drop_unread(self, phases: list[list[Region]]) -> None:
        """Leave out stores that nobody reads: a merge has made some of them superfluous."""
        stages = [stage for phase in phases for region in phase for stage in region.stages]
        read = {whole_of(load.memory) for stage in stages for load in stage.loads}
        for stage in stages:
            stage.stores = [
                store
                for store in stage.stores
                if store.memory.kind is not Kind.ARENA or store.memory in read
            ]

    def settle(self) -> None:
        """Memory that lives inside one region is scratch: a block of its rows at a time."""
        users: dict[Memory, set[Region]] = {}
        for region in self.regions.all:
            for memory in memories_of(region.stages):
                users.setdefault(memory, set()).add(region)
        for memory in self.extra.memories:
            regions = users.get(memory, set())
            if len(regions) == 1 and memory in next(iter(regions)).rows:
                memory.kind = Kind.SCRATCH


def made_apart(ends: Ends) -> Ends:
    """The same ends, each a node of its own that a stage makes: a copy where it was not."""
    taken: set[int] = set()

    def apart(node: Node) -> Node:
        if isinstance(node.op, LEAVES | Reshape | Part) or id(node) in taken:
            node = Node(BroadcastTo(node.shape), (node,), node.spec, node.line)
        taken.add(id(node))
        return node

    updates = tuple((index, apart(node)) for index, node in ends.updates)
    return Ends(tuple(map(apart, ends.outputs)), updates)


def loop_order(
    stage: Stage, destination: View | None, index: Sequence[Affine], is_dense: bool
) -> list[int]:
    """The loops as memory has them: that of the destination, else that of the largest input."""
    loops = len(stage.sizes)
    if is_dense or (stage.is_product and destination is None):
        kept = list(range(stage.kept))
    elif destination is not None:
        kept = by_strides(destination.at(index, loops), stage.kept)
    else:
        kept = by_strides(main_address(stage), stage.kept)
    reduced = by_strides(main_address(stage), loops, stage.kept)
    return [*kept[: stage.kept], *reduced[stage.kept :]]


def main_address(stage: Stage) -> Affine:
    """The address of the load that covers most of the loops."""
    covered, best = -1, Affine(0, (0,) * len(stage.sizes))
    for load in stage.loads:
        steps = zip(load.address.strides, stage.sizes, strict=True)
        reach = size_of([size for stride, size in steps if stride])
        if reach > covered:
            covered, best = reach, load.address
    return best


def by_strides(address: Affine, stop: int, start: int = 0) -> list[int]:
    """All loops; those from `start` to `stop` from the largest stride to the smallest.

    Loops along which the address stands still come first, in their order.
    """
    strides = address.strides
    chosen = sorted(
        range(start, stop),
        key=lambda loop: (-abs(strides[loop]) if strides[loop] else -(2**62), loop),
    )
    return [*range(start), *chosen, *range(stop, len(strides))]


def reaches(
    start: Node,
    goals: set[int],
    users: dict[int, list[Node]],
    later: dict[int, list[Node]],
) -> bool:
    """Whether one of the goals must come behind a node."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        for following in (*users.get(id(node), ()), *later.get(id(node), ())):
            if id(following) in goals:
                return True
            if id(following) not in seen:
                seen.add(id(following))
                waiting.append(following)
    return False


def sorted_by(ends: Sequence[Node], before: dict[int, list[Node]]) -> list[Node]:
    """All nodes, each behind its inputs and behind those that `before` names for it."""
    order: dict[int, Node] = {}
    waiting = [(node, False) for node in reversed(ends)]
    while waiting:
        node, is_ready = waiting.pop()
        if id(node) in order:
            continue
        if is_ready:
            order[id(node)] = node
            continue
        waiting.append((node, True))
        waiting.extend(
            (x, False)
            for x in (*before.get(id(node), ()), *reversed(node.inputs))
            if id(x) not in order
        )
    return list(order.values())
