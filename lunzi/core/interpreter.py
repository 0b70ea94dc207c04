"""The slow meaning of a graph: every node evaluated once, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.spec import Array


def interpret(
    outputs: Sequence[Node], arguments: Sequence[Array], state: Sequence[Array]
) -> list[Array]:
    """The numbers of `outputs`, given those of the arguments and of the state."""
    values: dict[int, Array] = {}
    for node in topological(outputs):
        match node.op:
            case Constant(array):
                value = array
            case Argument(index):
                value = arguments[index]
            case State(index):
                value = state[index]
            case op:
                value = op.evaluate(*(values[id(x)] for x in node.inputs))
        values[id(node)] = value
    return [values[id(node)] for node in outputs]
