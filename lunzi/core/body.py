"""Body: what a loop does at each step, as a graph that is a value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.interpreter import evaluate
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, Spec


@dataclass(frozen=True, eq=False)
class Body:
    """One step of a loop: new carries and results `y` from carries, parts `x` and constants.

    Its nodes read nothing but `Argument(index)`: first come the carries, then the parts of
    what the loop runs over, then what is the same at each step. Two bodies are equal when they
    do the same; a constant of more than one number is equal to itself alone.

    Args:
        carried: the number of carries.
        sliced: the number of things that the loop runs over.
        arguments: the specs of all arguments, those of the parts without the axis of steps.
        outputs: the new carries, then what is stacked.
    """

    carried: int
    sliced: int
    arguments: tuple[Spec, ...]
    outputs: tuple[Node, ...]

    @classmethod
    def of(
        cls,
        carries: Sequence[Node],
        parts: Sequence[Node],
        constants: Sequence[Node],
        outputs: Sequence[Node],
    ) -> Body:
        """The body of a graph in which some nodes, whatever they are, stand for arguments."""
        leaves = [*carries, *parts, *constants]
        known = {id(x): Node(Argument(n), (), x.spec, x.line) for n, x in enumerate(leaves)}
        for node in topological(outputs, known):
            if id(node) not in known:
                assert not isinstance(node.op, Argument | State), "nothing is given for this one"
                known[id(node)] = node.with_inputs(tuple(known[id(x)] for x in node.inputs))
        specs = tuple(x.spec for x in leaves)
        return cls(len(carries), len(parts), specs, tuple(known[id(x)] for x in outputs))

    @property
    def constants(self) -> int:
        """The place of the first argument that is the same at each step."""
        return self.carried + self.sliced

    @property
    def stacked(self) -> tuple[Node, ...]:
        """The outputs of which each step's value is kept."""
        return self.outputs[self.carried :]

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes, each behind its inputs."""
        return topological(self.outputs)

    @cached_property
    def leaves(self) -> dict[int, Node]:
        """The node of each argument that is read, by its index."""
        return {node.op.index: node for node in self.nodes if isinstance(node.op, Argument)}

    @cached_property
    def fixed(self) -> set[int]:
        """The identities of the nodes whose value is the same at each step."""
        found: set[int] = set()
        for node in self.nodes:
            match node.op:
                case Argument(index):
                    is_fixed = index >= self.constants
                case _:
                    is_fixed = all(id(x) in found for x in node.inputs)
            if is_fixed:
                found.add(id(node))
        return found

    @cached_property
    def form(self) -> tuple[Any, ...]:
        """What two equal bodies have in common."""
        place = {id(node): number for number, node in enumerate(self.nodes)}
        steps = tuple(
            (as_value(node.op), node.spec, *(place[id(x)] for x in node.inputs))
            for node in self.nodes
        )
        ends = tuple(place[id(node)] for node in self.outputs)
        return self.carried, self.sliced, self.arguments, steps, ends

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and other.form == self.form

    def __hash__(self) -> int:
        return hash(self.form)

    def __repr__(self) -> str:
        return f"Body{self.form}"

    def run(self, length: int, order: Iterable[int], inputs: Sequence[Array]) -> list[Array]:
        """The last carries and the stacked results, after one step for each place in `order`."""
        place = {id(node): number for number, node in enumerate(self.nodes)}
        values: list[Any] = [None] * len(self.nodes)
        steps = []
        for number, node in enumerate(self.nodes):
            match node.op:
                case Argument(index):
                    values[number] = inputs[index]
                case Constant(array):
                    values[number] = array
                case _:
                    step = (number, node, [place[id(x)] for x in node.inputs])
                    if id(node) in self.fixed:
                        values[number] = evaluate(node, [values[x] for x in step[2]])
                    else:
                        steps.append(step)
        ends = [place[id(node)] for node in self.outputs]
        reads = [(index, place[id(node)]) for index, node in self.leaves.items()]
        from_carry = [(index, number) for index, number in reads if index < self.carried]
        from_parts = [
            (inputs[index], number)
            for index, number in reads
            if self.carried <= index < self.constants
        ]
        carries = list(inputs[: self.carried])
        stacks = [np.empty((length, *x.shape), x.dtype) for x in self.stacked]
        for turn in order:
            for index, number in from_carry:
                values[number] = carries[index]
            for stack, number in from_parts:
                values[number] = stack[turn]
            for number, node, read in steps:
                values[number] = evaluate(node, [values[x] for x in read])
            carries = [values[number] for number in ends[: self.carried]]
            for stack, number in zip(stacks, ends[self.carried :], strict=True):
                stack[turn] = values[number]
        # Copies, since a carry may be what came in, or a view of it.
        return [*(np.array(carry, order="K") for carry in carries), *stacks]


def as_value(op: Primitive) -> Any:
    """The operation, where it compares by what it does; else a text that does."""
    is_number = isinstance(op, Constant) and op.array.size == 1
    return repr(op) if is_number else op
