"""Sums of products with a factor that stands still, from sums that the program makes anyway.

    sum of (a[i] p + b[i] q) = (sum of a) p + (sum of b) q

Where the sums on the right are known, nothing need be added. The gradient of batch norm is so: it
is summed before its mean can be taken from it, while the sum of dy is the gradient of the bias,
and the other part of it, a multiple of what is left of x without its mean, sums to nothing.

Only products are taken apart: each has been rounded, by as much as the new sum differs. A
difference has not, where its numbers are near each other, and their sums might be far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lunzi.compiler.passes.simplify import RULES
from lunzi.compiler.rewrite import Builder
from lunzi.core.elementwise import Add, Divide, Multiply, Negative, Subtract
from lunzi.core.graph import Constant, Node, topological
from lunzi.core.movement import BroadcastTo, Reshape
from lunzi.core.reduction import Sum
from lunzi.core.spec import size_of, without_axes


class Part(NamedTuple):
    """A value times a factor that stands still along the axes of a sum."""

    value: Node
    factor: Node


def from_known_sums(ends: Sequence[Node]) -> list[Node]:
    """Take apart the sums whose parts are all known, or nothing."""
    nodes = topological(ends)
    known = {(node.op.axes, id(node.inputs[0])) for node in nodes if isinstance(node.op, Sum)}
    builder = Builder(RULES)
    new: dict[int, Node] = {}
    for node in nodes:
        parts = known_parts(node, known)
        if parts:
            new[id(node)] = joined(builder, node, parts, new)
        else:
            new[id(node)] = builder.made(node.with_inputs(tuple(new[id(x)] for x in node.inputs)))
    return [new[id(node)] for node in ends]


def known_parts(node: Node, known: set[tuple[tuple[int, ...], int]]) -> list[Part]:
    """The parts of a sum that are more than nothing; none where it stays as it is."""
    if not isinstance(node.op, Sum) or node.dtype.kind != "f":
        return []
    axes = node.op.axes
    parts = parts_of(node.inputs[0], axes)
    left = [part for part in parts if not is_without_mean(part.value, axes)]
    return left if all((axes, id(part.value)) in known for part in left) else []


def parts_of(node: Node, axes: tuple[int, ...]) -> list[Part]:
    """A value as a sum of products with factors that stand still; none where it is none."""
    result = []
    waiting = [node]
    while waiting:
        x = waiting.pop()
        match x.op, x.inputs:
            case Add(), (a, b) if a.shape == b.shape == node.shape:
                waiting += [b, a]
            case Multiply(), (a, b) if a.shape == node.shape and stands_still(b, node, axes):
                result.append(Part(a, b))
            case Multiply(), (a, b) if b.shape == node.shape and stands_still(a, node, axes):
                result.append(Part(b, a))
            case _:
                return []
    return result


def stands_still(factor: Node, node: Node, axes: tuple[int, ...]) -> bool:
    """Whether a factor of a value is one number along these axes of it."""
    source = unstretched(factor)
    shape = (1,) * (node.ndim - source.ndim) + source.shape
    return all(shape[axis] == 1 for axis in axes) and size_of(shape) < node.spec.size


def unstretched(node: Node) -> Node:
    return node.inputs[0] if isinstance(node.op, BroadcastTo) else node


def is_without_mean(node: Node, axes: tuple[int, ...]) -> bool:
    """Whether a value is x less the mean of x along these axes."""
    match node.op, node.inputs:
        case (Add(), (x, Node(op=Negative(), inputs=(mean,)))) | (Subtract(), (x, mean)):
            return x.shape == node.shape and is_mean(mean, x, axes)
    return False


def is_mean(node: Node, x: Node, axes: tuple[int, ...]) -> bool:
    count = size_of([x.shape[axis] for axis in axes])
    match node.op, node.inputs:
        case Divide(), (Node(op=Sum(summed, True), inputs=(y,)), Node(op=Constant(number))):
            return y is x and summed == axes and number.size == 1 and number.item() == count
    return False


def joined(builder: Builder, node: Node, parts: Sequence[Part], new: dict[int, Node]) -> Node:
    """The sum of the parts from their own sums."""
    assert isinstance(node.op, Sum)
    total: Node | None = None
    for part in parts:
        known = builder.apply(node.op, new[id(part.value)], line=node.line)
        factor = new[id(unstretched(part.factor))]
        aligned = (1,) * (part.value.ndim - factor.ndim) + factor.shape
        shape = without_axes(aligned, node.op.axes, node.op.keepdims)
        factor = builder.apply(Reshape(shape), factor, line=node.line)
        product = builder.apply(Multiply(), known, factor, line=node.line)
        total = product if total is None else builder.apply(Add(), total, product, line=node.line)
    assert total is not None
    return total
