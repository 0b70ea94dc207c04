"""A backend that runs the graph node by node in NumPy: the meaning, slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lunzi.compiler.cost import Cost
from lunzi.compiler.memories import place_of
from lunzi.compiler.show import GRAPHS, graph_after, refuse_unknown
from lunzi.core.errors import LunziError, RangeError, StateError
from lunzi.core.graph import Node
from lunzi.core.interpreter import interpret
from lunzi.core.spec import Array, is_floating
from lunzi.core.trace import Graph, Slot


class Interpreted:
    """A graph in the interpreter: the same numbers as the eager function, bit for bit."""

    def __init__(self, graph: Graph, memories: Sequence[Slot], check_finite: bool = False) -> None:
        self.graph = graph
        self.nodes = graph.nodes
        self.check_finite = check_finite
        places = {place_of(slot): index for index, slot in enumerate(memories)}
        self.written = [places[place_of(slot)] for slot, _ in graph.updates]

    def __call__(
        self, arguments: Sequence[Array], memories: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        values = self.values(arguments, memories)
        # Copies, since a value may be a view of a memory that is about to be written.
        updates = [np.array(value) for value in values[len(outputs) :]]
        for output, value in zip(outputs, values, strict=False):
            output[...] = value
        for index, value in zip(self.written, updates, strict=True):
            memories[index][...] = value

    def bound(self, memories: Sequence[Array]) -> None:
        """Nothing is gained by a quick way in."""

    def steps(self, memories: Sequence[Array], each: Mapping[int, Array]) -> InterpretedSteps:
        return InterpretedSteps(self, memories, each)

    @property
    def quick_steps(self) -> int:
        return 1

    def values(self, arguments: Sequence[Array], memories: Sequence[Array]) -> list[Array]:
        """The numbers of the outputs, then of the updates."""
        if not self.check_finite:
            return interpret(self.graph.ends, arguments, memories)
        found = interpret(self.nodes, arguments, memories)
        numbers = {id(node): value for node, value in zip(self.nodes, found, strict=True)}
        for node in self.nodes:
            refuse_new_infinity(node, numbers[id(node)], [numbers[id(x)] for x in read_by(node)])
        return [numbers[id(node)] for node in self.graph.ends]

    def show(self, stage: str) -> str:
        refuse_unknown(stage)
        if stage not in GRAPHS:
            raise StateError(f"this program runs in the interpreter and has no {stage!r} to show")
        return graph_after(self.graph, stage)

    def cost(self, arguments: Sequence[Array], memories: Sequence[Array], threads: int) -> Cost:
        raise StateError("this program runs in the interpreter, which is not measured")


class InterpretedSteps:
    """Many steps, one after the other."""

    def __init__(
        self, backend: Interpreted, memories: Sequence[Array], each: Mapping[int, Array]
    ) -> None:
        self.backend = backend
        self.memories = memories
        self.each = each
        self.arguments: Sequence[Array] = ()
        self.outputs: Sequence[Array] = ()
        self.begun = 0

    def aim(self, arguments: Sequence[Array], outputs: Sequence[Array]) -> None:
        self.arguments, self.outputs = arguments, outputs
        self.begun = 0

    def run(self, first: int, stop: int) -> None:
        for step in range(first, stop):
            self.begun = step + 1
            # `...` keeps a view of a single number, which may be written.
            held = list(self.memories)
            for place, numbers in self.each.items():
                held[place] = numbers[step, ...]
            arguments = [x[step, ...] for x in self.arguments]
            try:
                self.backend(arguments, held, [x[step, ...] for x in self.outputs])
            except LunziError as error:
                error.message = f"step {step}: {error.message}"
                raise


def read_by(node: Node) -> list[Node]:
    """What a node reads; for one of several results of a loop, what the loop reads."""
    return [x for source in node.inputs for x in (source.inputs if is_row(source) else [source])]


def is_row(node: Node) -> bool:
    return node.dtype.kind == "O"


def refuse_new_infinity(node: Node, value: Array, inputs: Sequence[Array]) -> None:
    """Raise when a node makes numbers that are not finite out of finite ones.

    Numbers that come in infinite, as a mask's -inf, are meant to be so.
    """
    if not node.inputs or not is_floating(node.dtype) or np.isfinite(value).all():
        return
    if all(np.isfinite(x).all() for x in inputs):
        place = tuple(map(int, np.argwhere(~np.isfinite(value))[0]))
        where = f"{node.line}: " if node.line else ""
        raise RangeError(
            f"{where}{node.op} made the first number that is not finite, {value[place]} at "
            f"position {place} of {node.spec}, out of finite ones"
        )
