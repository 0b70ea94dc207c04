"""The slow meaning of a graph: every node evaluated once, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.primitive import explained
from lunzi.core.spec import Array


def interpret(
    outputs: Sequence[Node], arguments: Sequence[Array], state: Sequence[Array]
) -> list[Array]:
    """The numbers of `outputs`, given those of the arguments and of the state.

    Raises:
        PositionError: when an index lies outside an axis, with the user's line.
        RangeError: when an operation refuses its numbers, with the user's line.
    """
    values: dict[int, Array] = {}
    for node in topological(outputs):
        match node.op:
            case Constant(array):
                value = array
            case Argument(index):
                value = arguments[index]
            case State(index):
                value = state[index]
            case _:
                value = evaluate(node, [values[id(x)] for x in node.inputs])
        values[id(node)] = value
    return [values[id(node)] for node in outputs]


def evaluate(node: Node, inputs: Sequence[Array]) -> Array:
    """The numbers of a node as an array, where NumPy may give a single number."""
    try:
        return np.asarray(node.op.evaluate(*inputs))
    except (ValueError, TypeError, IndexError, MemoryError, OverflowError) as error:
        better = explained(error, node.op, [x.spec for x in node.inputs])
        better.message = f"{node.line}: {better.message}" if node.line else better.message
        raise better from None
