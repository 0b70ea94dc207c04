"""Every stage of compiling as text, made to be read: what a network becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lunzi.compiler.formulas import formulas, name_of, operations_of, short, short_lines
from lunzi.compiler.loops import LETTERS, Kind, Memory, Stage, memories_of
from lunzi.compiler.passes import PASSES, prepare
from lunzi.compiler.plan import Plan
from lunzi.compiler.regions import Region
from lunzi.core.errors import RangeError
from lunzi.core.graph import Node, State
from lunzi.core.spec import Spec
from lunzi.core.trace import Graph

if TYPE_CHECKING:  # it needs llvmlite, which may be missing
    from lunzi.compiler.arena import MemoryPlan

DESCRIPTIONS = {
    "graph": "what the function does, operation by operation, as it was traced",
    **{one.name: f"the graph after the pass {one.name}" for one in PASSES},
    "stages": "the loops that are left, by phases and regions, as formulas",
    "memory": "where every value lies, from when to when, and how much there is in all",
    "llvm": "the program in the language of LLVM",
    "assembly": "the program in the language of the processor",
}
STAGES = tuple(DESCRIPTIONS)
GRAPHS = ("graph", *(one.name for one in PASSES))

BARRIER = "-- all threads wait for each other --"


def list_of_stages() -> str:
    """The names of the stages, and what each of them shows."""
    width = max(map(len, STAGES))
    return "\n".join(f"{name:<{width}}  {what}" for name, what in DESCRIPTIONS.items())


def refuse_unknown(stage: str, known: Sequence[str] = STAGES) -> None:
    """Raise where there is no stage of that name.

    Raises:
        RangeError: it lists those that there are.
    """
    if stage not in known:
        raise RangeError(f"the stages to show are {', '.join(map(repr, known))}; got {stage!r}")


def graph_after(graph: Graph, stage: str) -> str:
    """A graph as it was traced, or after one of the passes."""
    if stage == "graph":
        return str(graph)
    return str(with_ends(graph, prepare(graph.ends, after=stage)))


def with_ends(graph: Graph, ends: Sequence[Node]) -> Graph:
    """A graph that computes the same by other nodes, which come in the order of its own ends."""
    nodes = iter(ends)
    outputs = tuple(next(nodes) for _ in graph.outputs)
    updates = tuple((slot, None if node is None else next(nodes)) for slot, node in graph.updates)
    return replace(graph, outputs=outputs, updates=updates)


# Stages


def text_of_stages(plan: Plan, memory: MemoryPlan) -> str:
    """All loops of a program."""
    stages = plan.stages
    lines = [
        f"{count(plan.phases, 'phase')}, {count(plan.regions, 'region')}, {count(stages, 'stage')}"
    ]
    numbers = {stage: number for number, stage in enumerate(stages)}
    regions = {region: number for number, region in enumerate(plan.regions)}
    for number, phase in enumerate(plan.phases):
        lines += ["", *([BARRIER, ""] if number else []), f"phase {number}"]
        for region in phase:
            lines += ["", f"  region {regions[region]}: {text_of_region(region, memory)}"]
            for stage in region.stages:
                lines += ["", f"    stage {numbers[stage]}: {head_of(stage)}"]
                lines += [f"      {formula}" for formula in formulas(stage)]
    return "\n".join(lines)


def text_of_region(region: Region, memory: MemoryPlan) -> str:
    """How a region runs."""
    parts = []
    if region.length is None:
        parts.append("on one thread")
    else:
        blocks = f"{region.length} rows, in blocks of {memory.blocks[region]}"
        parts.append(f"{blocks}, shared out among the threads")
        rows = sorted({run.rows for run in memory.runs[region]})
        if rows != [memory.blocks[region]]:
            parts.append(f"its runs of stages take {', '.join(map(str, rows))} rows at a time")
    if region.loop is not None:
        order = "from the last to the first" if region.loop.reverse else "in order"
        parts.append(f"for each of {region.loop.length} steps, {order}")
    return "; ".join(parts)


def head_of(stage: Stage) -> str:
    """What a stage is, its loops, and the user's lines that it comes from."""
    loops = [f"{letter} < {size}" for letter, size in zip(LETTERS, stage.sizes, strict=False)]
    if stage.lead is not None:
        loops[stage.lead] += " (rows)"
    parts = [f"{', '.join(operations_of(stage))}; "]
    kept, inner = loops[: stage.kept], loops[stage.kept :]
    parts.append(f"for {', '.join(kept)}" if kept else "once")
    if inner:
        parts.append(f", over {', '.join(inner)}")
    where = short_lines([stage])
    return "".join(parts) + (f"; {where}" if where else "")


def count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


# Memory


def text_of_memory(plan: Plan, memory: MemoryPlan, threads: int, states: Sequence[str] = ()) -> str:
    """The memories of a program: sizes, places, and when they are in use.

    Args:
        threads: each of them has scratch of its own.
        states: what is known of each state.
    """
    lines = []
    known = dict(zip(plan.states, states, strict=False))
    for title, memories in (
        ("arguments", plan.arguments),
        ("state, read and written in place", plan.states),
        ("outputs", plan.outputs),
        ("constants", plan.constants),
    ):
        lines.append(f"{title}: {sum(map(size_of_memory, memories)):,} bytes")
        for one in memories:
            what = known.get(one, "")
            lines.append(f"  {name_of(one):<12} {contents(one):<40} {what}".rstrip())
    uses = times_of_use(plan)
    blocks = {one: memory.blocks[region] for region in plan.regions for one in region.rows}
    row_lengths = {one: size for region in plan.regions for one, size in region.rows.items()}
    for kind, title, size in (
        (Kind.ARENA, "arena, for values between regions", memory.arena_bytes),
        (Kind.SCRATCH, "scratch of each thread, for values inside a region", memory.scratch_bytes),
    ):
        lines.append(f"{title}: {size:,} bytes")
        for one in (one for one in uses if one.kind is kind and one in memory.offsets):
            what = contents(one)
            if kind is Kind.SCRATCH and one in blocks:
                what = f"{one.dtype.name} x {row_lengths[one]:,} for each of {blocks[one]} rows"
            first, last = uses[one]
            when = f"stage {first}" if first == last else f"stages {first} to {last}"
            place = f"from byte {memory.offsets[one]:,}"
            lines.append(f"  {name_of(one):<12} {what:<40} {place:<22} {when}")
    total = peak_bytes(plan, memory, threads)
    lines.append(f"peak memory on {threads} thread{'s' * (threads != 1)}: {total:,} bytes")
    return "\n".join(lines)


def described_states(graph: Graph, specs: Sequence[Spec]) -> list[str]:
    """The spec of each state, and the user's line that reads it first."""
    lines = {node.op.index: node.line for node in graph.nodes if isinstance(node.op, State)}
    return [
        f"{spec!s:<22} {short(lines[index])}" if index in lines else str(spec)
        for index, spec in enumerate(specs)
    ]


def peak_bytes(plan: Plan, memory: MemoryPlan, threads: int) -> int:
    """The bytes that a call needs: what is given, state, outputs, constants, arena, all scratch."""
    outside = (*plan.arguments, *plan.states, *plan.outputs, *plan.constants)
    return sum(map(size_of_memory, outside)) + memory.arena_bytes + memory.scratch_bytes * threads


def size_of_memory(memory: Memory) -> int:
    return memory.elements * memory.dtype.itemsize


def contents(memory: Memory) -> str:
    return f"{memory.dtype.name} x {memory.elements:,}"


def times_of_use(plan: Plan) -> dict[Memory, tuple[int, int]]:
    """The first and the last stage that uses each memory."""
    found: dict[Memory, tuple[int, int]] = {}
    for number, stage in enumerate(plan.stages):
        for memory in memories_of([stage]):
            first, _ = found.get(memory, (number, number))
            found[memory] = (first, number)
    return found
