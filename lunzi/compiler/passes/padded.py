"""One copy instead of two: a value that is also stored with zeros around it is read from there."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.movement import Pad, Slice

SMALLEST = 4096  # elements: below, memory is no concern
MOST_PADDING = 1.7  # the padded value is at most so many times as large


def read_from_padded(ends: Sequence[Node]) -> list[Node]:
    """Users of a value that is padded read the inside of the padded one.

    What a convolution reads is kept for its gradient, with its padding; the mask of the ReLU
    before it, or the sum around it, need the same numbers.
    """
    nodes = topological(ends)
    pads: dict[int, Node] = {}
    for node in nodes:
        if is_candidate(node):
            pads.setdefault(id(node.inputs[0]), node)
    new: dict[int, Node] = {}
    inside: dict[int, Node] = {}
    kept = {id(node) for node in ends}

    def replaced(x: Node, user: Node) -> Node:
        pad = pads.get(id(x))
        if pad is None or id(pad) not in new or user is pad or id(x) in kept:
            return new[id(x)]
        if id(x) not in inside:
            inside[id(x)] = interior(new[id(pad)], pad, x)
        return inside[id(x)]

    for node in after_pads(nodes, pads):
        inputs = tuple(replaced(x, node) for x in node.inputs)
        new[id(node)] = node.with_inputs(inputs)
    return [new[id(node)] for node in ends]


def is_candidate(node: Node) -> bool:
    """Whether a node pads a large computed value by a little, without gaps."""
    if not isinstance(node.op, Pad) or set(node.op.steps) != {1}:
        return False
    x = node.inputs[0]
    if isinstance(x.op, Argument | State | Constant) or x.spec.size < SMALLEST:
        return False
    return node.spec.size <= MOST_PADDING * x.spec.size


def interior(padded: Node, pad: Node, x: Node) -> Node:
    """The part of a padded value that was there before."""
    assert isinstance(pad.op, Pad)
    starts = pad.op.before
    stops = tuple(start + size for start, size in zip(starts, x.shape, strict=True))
    return Node(Slice(starts, stops, (1,) * x.ndim), (padded,), x.spec, x.line)


def after_pads(nodes: Sequence[Node], pads: dict[int, Node]) -> list[Node]:
    """The nodes in an order in which a value's padded copy comes right behind it."""
    early = {id(pad) for pad in pads.values()}
    result: list[Node] = []
    for node in nodes:
        if id(node) not in early:
            result.append(node)
        pad = pads.get(id(node))
        if pad is not None:
            result.append(pad)
    return result
