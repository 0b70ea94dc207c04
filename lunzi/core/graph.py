"""The nodes of a graph: values that a traced function computes, without their numbers."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, DType, Shape, Spec


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Primitive):
    """Fixed numbers."""

    array: Array

    # Two constants are the same when they are one: to compare arrays takes long.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        if self.array.size == 1:
            return f"Constant({self.array.item()!r})"
        return "Constant(...)"


@dataclass(frozen=True, slots=True)
class Argument(Primitive):
    """What the caller hands over at this place."""

    index: int


@dataclass(frozen=True, slots=True)
class State(Primitive):
    """The numbers of a tensor outside the function at the moment of the call."""

    index: int


@dataclass(frozen=True, slots=True)
class Detach(Primitive):
    """y = x, whose gradient ends here: what `detach` and `no_grad` leave in the body of a loop."""

    is_view = True

    def evaluate(self, x: Array) -> Array:
        return x

    def infer(self, x: Spec) -> Spec:
        return x


class Node:
    """One value of a graph. Nodes are compared by identity.

    `line` is the user's line that made it, `file.py:12`.
    """

    __slots__ = ("inputs", "line", "op", "spec")
    __match_args__ = ("op", "inputs")

    def __init__(self, op: Primitive, inputs: tuple[Node, ...], spec: Spec, line: str = "") -> None:
        self.op = op
        self.inputs = inputs
        self.spec = spec
        self.line = line

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> DType:
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        return self.spec.ndim

    def with_inputs(self, inputs: tuple[Node, ...]) -> Node:
        """The same operation on other nodes; the node itself where they are its own."""
        if all(a is b for a, b in zip(inputs, self.inputs, strict=True)):
            return self
        return Node(self.op, inputs, self.spec, self.line)

    def __repr__(self) -> str:
        return f"{self.op} {self.spec}"


def topological(outputs: Iterable[Node], stops: Container[int] = ()) -> list[Node]:
    """All nodes that `outputs` need, each behind its inputs, without recursion.

    What stands before the nodes whose identity is in `stops` is left out.
    """
    order: dict[int, Node] = {}
    waiting = [(node, False) for node in reversed(list(outputs))]
    while waiting:
        node, inputs_done = waiting.pop()
        if id(node) in order:
            continue
        if inputs_done or id(node) in stops:
            order[id(node)] = node
            continue
        waiting.append((node, True))
        waiting.extend((x, False) for x in reversed(node.inputs) if id(x) not in order)
    return list(order.values())
