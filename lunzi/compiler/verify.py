"""verify: whether a graph is one that the compiler can trust, as it must be after each pass."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.core.body import Body
from lunzi.core.errors import LunziError
from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.spec import Spec


class GraphError(LunziError, RuntimeError):
    """A graph that says what cannot be: a bug of the pass that made it."""


def verify(ends: Sequence[Node], arguments: Sequence[Spec], states: Sequence[Spec]) -> None:
    """Look at every node that the ends need, and at the bodies of its loops.

    Each node has the spec that its operation infers from its inputs; leaves are of the
    arguments and of the state that there are; no node needs itself.

    Args:
        ends: the nodes that are read when the program ends.
        arguments: what the caller hands over.
        states: what the program reads from outside.

    Raises:
        GraphError: for the first node of which this is not so.
    """
    refuse_cycle(ends)
    for node in topological(ends):
        expected = spec_of(node, arguments, states)
        if node.spec != expected:
            raise GraphError(f"{at(node)}{node} should be {expected}, by its inputs and {node.op}")
        body = getattr(node.op, "body", None)
        if isinstance(body, Body):
            verify(body.outputs, body.arguments, ())


def spec_of(node: Node, arguments: Sequence[Spec], states: Sequence[Spec]) -> Spec:
    """The spec that a node must have."""
    match node.op:
        case Argument(index):
            return leaf_spec(node, index, arguments, "arguments")
        case State(index):
            return leaf_spec(node, index, states, "tensors of state")
        case Constant(array):
            return Spec(array.shape, array.dtype)
    try:
        return node.op.infer(*(x.spec for x in node.inputs))
    except (LunziError, TypeError) as error:  # TypeError: of another number of inputs
        raise GraphError(f"{at(node)}{node} does not take its inputs: {error}") from error


def leaf_spec(node: Node, index: int, specs: Sequence[Spec], what: str) -> Spec:
    if node.inputs:
        raise GraphError(f"{at(node)}{node} stands for what comes in, and has inputs")
    if not 0 <= index < len(specs):
        raise GraphError(f"{at(node)}{node} is number {index} of {len(specs)} {what}")
    return specs[index]


def refuse_cycle(ends: Sequence[Node]) -> None:
    """Raise where a node needs itself, through whichever others."""
    done: set[int] = set()
    open_: set[int] = set()
    waiting = [(node, False) for node in ends]
    while waiting:
        node, inputs_done = waiting.pop()
        if inputs_done:
            open_.discard(id(node))
            done.add(id(node))
        elif id(node) in open_:
            raise GraphError(f"{at(node)}{node} needs itself")
        elif id(node) not in done:
            open_.add(id(node))
            waiting.append((node, True))
            waiting.extend((x, False) for x in node.inputs)


def at(node: Node) -> str:
    return f"{node.line}: " if node.line else ""
