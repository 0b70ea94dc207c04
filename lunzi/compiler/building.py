"""Building a native program: from the graph to its text, and every stage between to be shown.

A program that is found on disk needs nothing of this, and these modules are half of what there
is to import: so `executable` imports them when it first builds one.
"""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.compiler.arena import plan_memory
from lunzi.compiler.cost import Cost
from lunzi.compiler.emit import Emitted, emit_program
from lunzi.compiler.measure import measure
from lunzi.compiler.native import assembly
from lunzi.compiler.passes import prepare
from lunzi.compiler.plan import Ends, Layout, Plan
from lunzi.compiler.scans import make_plan
from lunzi.compiler.show import (
    GRAPHS,
    described_states,
    graph_after,
    refuse_unknown,
    text_of_memory,
    text_of_stages,
)
from lunzi.compiler.target import Target, host
from lunzi.core.spec import Array
from lunzi.core.trace import Graph


class Building:
    """Builds the program of a graph.

    Args:
        graph: its updates all have a value.
        written: for each update, which of the memories it writes.
        layouts: of all memories.
        few_turns: a program of at most so many turns is one region on one thread.
        is_guarded: against numbers that are not finite.
    """

    def __init__(
        self,
        graph: Graph,
        written: Sequence[int],
        layouts: Sequence[Layout],
        few_turns: int,
        is_guarded: bool,
    ) -> None:
        self.graph = graph
        self.written = written
        self.layouts = layouts
        self.few_turns = few_turns
        self.is_guarded = is_guarded

    def ends(self) -> Ends:
        """The graph as it is planned."""
        outputs = tuple(self.graph.outputs)
        updates = [node for _, node in self.graph.updates if node is not None]
        prepared = prepare([*outputs, *updates])
        return Ends(
            tuple(prepared[: len(outputs)]),
            tuple(zip(self.written, prepared[len(outputs) :], strict=True)),
        )

    def plan(self) -> Plan:
        ends = self.ends()
        plan = make_plan(ends, self.graph.arguments, self.layouts)
        has_loops = any(region.loop is not None for region in plan.regions)
        if has_loops or plan.turns > self.few_turns:
            return plan
        return make_plan(ends, self.graph.arguments, self.layouts, is_serial=True)

    def emitted(self, target: Target) -> tuple[Plan, Emitted]:
        plan = self.plan()
        return plan, emit_program(plan, target, self.is_guarded)

    def show(self, stage: str, threads: int, passes: tuple[str, ...]) -> str:
        """The program after a stage.

        Args:
            threads: that would run it.
            passes: of LLVM.

        Raises:
            RangeError: when there is no such stage.
        """
        refuse_unknown(stage)
        if stage in GRAPHS:
            return graph_after(self.graph, stage)
        plan = self.plan()
        match stage:
            case "stages":
                return text_of_stages(plan, plan_memory(plan))
            case "memory":
                states = described_states(self.graph, [layout.spec for layout in self.layouts])
                return text_of_memory(plan, plan_memory(plan), threads, states)
        module = str(emit_program(plan, host(), self.is_guarded).module)
        return module if stage == "llvm" else assembly(module, host(), passes=passes)

    def cost(
        self,
        arguments: Sequence[Array],
        memories: Sequence[Array],
        outputs: Sequence[Array],
        threads: int,
        repeats: int,
    ) -> Cost:
        """What the regions cost, measured on memories that nobody else uses."""
        return measure(self.plan(), arguments, memories, outputs, threads, repeats)
