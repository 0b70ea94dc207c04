"""The gradient of one step of a loop, as a graph upon the graph of the step."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from lunzi.core.autograd import Origin, walk
from lunzi.core.body import Body
from lunzi.core.elementwise import Add, Multiply, Negative, Subtract
from lunzi.core.graph import Argument, Constant, Detach, Node
from lunzi.core.mode import CLOCK, mode
from lunzi.core.part import Part, key_of
from lunzi.core.primitive import Move
from lunzi.core.tensor import Tensor
from lunzi.core.trace import Trace


class Active(NamedTuple):
    """What has a gradient in a body: arguments by their places, nodes by their identities."""

    arguments: set[int]
    nodes: set[int]


def active_in(body: Body, wanted: Collection[int]) -> Active:
    """What has a gradient when some arguments have one: those, and the carries they reach."""
    arguments = set(wanted)
    while True:
        nodes: set[int] = set()
        for node in body.nodes:
            match node.op:
                case Argument(index):
                    is_active = index in arguments
                case Detach():
                    is_active = False
                case _:
                    # "O" is the row of results of a loop inside this one
                    is_active = node.dtype.kind in "fO" and any(id(x) in nodes for x in node.inputs)
            if is_active:
                nodes.add(id(node))
        reached = {n for n, x in enumerate(body.outputs[: body.carried]) if id(x) in nodes}
        if reached <= arguments:
            return Active(arguments, nodes)
        arguments |= reached


class Pullback(NamedTuple):
    """From the gradients of outputs to those of arguments, by their places."""

    seeds: dict[int, Node]
    gradients: dict[int, Node]


def pullback(body: Body, active: Active, ends: Iterable[int]) -> Pullback:
    """The gradients of a step's active arguments, as nodes that read its nodes and seeds.

    Args:
        body: the step.
        active: what has a gradient in it.
        ends: the places of the outputs that have one.
    """
    trace = Trace()
    tensors = taped(body, active, trace)
    seeds = {
        place: Node(Argument(len(body.arguments) + place), (), body.outputs[place].spec)
        for place in ends
        if id(body.outputs[place]) in active.nodes
    }
    pairs = [(tensors[id(body.outputs[n])], trace.tensor(seed)) for n, seed in seeds.items()]
    # What has no inputs comes last.
    newest_first = list(tensors.values())[::-1]
    tape = sorted(newest_first, key=lambda x: x.origin is None)
    with mode(trace=trace):
        found = walk(pairs, tape, create_graph=False)
    gradients: dict[int, Node] = {}
    for x, gradient in found:
        leaf, node = x.payload, gradient.payload
        assert isinstance(leaf, Node)
        assert isinstance(leaf.op, Argument)
        assert isinstance(node, Node)
        gradients[leaf.op.index] = node
    return Pullback(seeds, gradients)


def taped(body: Body, active: Active, trace: Trace) -> dict[int, Tensor]:
    """The nodes that have a gradient as tensors of a trace, with the tape that leads to them."""
    every: dict[int, Tensor] = {}
    for node in body.nodes:
        x = every[id(node)] = trace.tensor(node)
        x.requires_grad = id(node) in active.nodes
        if x.requires_grad and node.inputs:
            x.origin = Origin(node.op, tuple(every[id(y)] for y in node.inputs), next(CLOCK))
    return {key: x for key, x in every.items() if x.requires_grad}


def stored(body: Body, gradients: Iterable[Node]) -> list[Node]:
    """The values of a step that its gradients read, arguments left out.

    A move, and what is the same at each step, are read through: they cost nothing to do again.
    Nor is a sum or product of what is there anyway stored: to load it would take as long.
    """
    own = {id(node) for node in body.nodes}
    found: dict[int, Node] = {}
    seen: set[int] = set()
    waiting = list(gradients)
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        is_step = id(node) in own or (isinstance(node.op, Part) and id(node.inputs[0]) in own)
        is_free = isinstance(node.op, Move | Detach | Constant) or id(node) in body.fixed
        if not is_step or is_free or node.dtype.kind == "O":
            waiting.extend(node.inputs)
        elif not isinstance(node.op, Argument):
            found[id(node)] = node
    unique = {key_of(node): node for node in found.values()}
    there = {id(node) for node in (*found.values(), *body.leaves.values())} | body.fixed
    return [node for node in unique.values() if not is_cheap(node, there)]


def is_cheap(node: Node, there: Collection[int]) -> bool:
    """Whether a value is one step of arithmetic from values that are there."""
    is_arithmetic = isinstance(node.op, Add | Subtract | Multiply | Negative)
    return is_arithmetic and all(id(x) in there for x in node.inputs)
