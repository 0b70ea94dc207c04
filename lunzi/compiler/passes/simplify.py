"""Rules that say the same with less. Each keeps every bit, NaN, infinities and -0.0 included."""

from __future__ import annotations

import numpy as np

from lunzi.compiler.rewrite import Builder, Rule
from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import Add, Cast, Divide, Multiply, Negative, Subtract
from lunzi.core.graph import Constant, Detach, Node
from lunzi.core.logic import LessEqual, Where
from lunzi.core.movement import BroadcastTo, Pad, PermuteDims, Reshape, Slice


def is_number(node: Node, value: float) -> bool:
    """Whether a node is this one number in each element; 0.0 and -0.0 differ."""
    if not isinstance(node.op, Constant) or node.op.array.size != 1:
        return False
    found = node.op.array.item()
    return bool(found == value and np.signbit(found) == np.signbit(value))


def stretched_back(builder: Builder, x: Node, node: Node) -> Node:
    """x in the shape of a node that was broadcast."""
    return x if x.shape == node.shape else builder.apply(BroadcastTo(node.shape), x, line=node.line)


def neutral_numbers(builder: Builder, node: Node) -> Node | None:
    """x * 1, x / 1, x - 0 and x + -0.0 are x. (x + 0.0 is not, where x is -0.0.)"""
    match node.op, node.inputs:
        case ((Multiply() | Divide()), (x, one)) if is_number(one, 1):
            return stretched_back(builder, x, node)
        case Multiply(), (one, x) if is_number(one, 1):
            return stretched_back(builder, x, node)
        case Subtract(), (x, zero) if is_number(zero, 0.0):
            return stretched_back(builder, x, node)
        case Add(), (x, zero) if is_number(zero, -0.0) and x.dtype.kind == "f":
            return stretched_back(builder, x, node)
    return None


def nothing_done(_: Builder, node: Node) -> Node | None:
    """A cast to the same dtype, a move that moves nothing, two signs."""
    if not node.inputs:
        return None
    x = node.inputs[0]
    match node.op:
        case Detach():  # of gradients, which are all written by now
            return x
        case Cast() | Reshape() | BroadcastTo() | Slice() | Pad() if x.spec == node.spec:
            return x
        case PermuteDims(axes) if axes == tuple(range(x.ndim)):
            return x
        case Negative() if isinstance(x.op, Negative):
            return x.inputs[0]
    return None


def moves_in_a_row(builder: Builder, node: Node) -> Node | None:
    """Two reshapes, permutations or broadcasts are one."""
    if not node.inputs:
        return None
    x = node.inputs[0]
    match node.op, x.op:
        case Reshape() as op, Reshape():
            return builder.apply(op, x.inputs[0], line=node.line)
        case BroadcastTo() as op, BroadcastTo():
            return builder.apply(op, x.inputs[0], line=node.line)
        case PermuteDims(second), PermuteDims(first):
            order = tuple(first[axis] for axis in second)
            return builder.apply(PermuteDims(order), x.inputs[0], line=node.line)
    return None


def transposes_in_products(builder: Builder, node: Node) -> Node | None:
    """A product of a transposed matrix reads the matrix the other way round."""
    match node.op, node.inputs:
        case Matmul(transpose_a, transpose_b), (a, b):
            if is_transpose(a):
                op = Matmul(not transpose_a, transpose_b)
                return builder.apply(op, a.inputs[0], b, line=node.line)
            if is_transpose(b):
                op = Matmul(transpose_a, not transpose_b)
                return builder.apply(op, a, b.inputs[0], line=node.line)
    return None


def is_transpose(node: Node) -> bool:
    """Whether a node exchanges its last two axes and nothing else."""
    match node.op:
        case PermuteDims(axes) if node.ndim >= 2:
            last = node.ndim - 1
            return axes == (*range(last - 1), last, last - 1)
    return False


def one_choice(builder: Builder, node: Node) -> Node | None:
    """`where` of twice the same, or with a known condition."""
    match node.op, node.inputs:
        case Where(), (_, a, b) if a is b:
            return stretched_back(builder, a, node)
        case Where(), (condition, a, b):
            if is_number(condition, True):
                return stretched_back(builder, a, node)
            if is_number(condition, False):
                return stretched_back(builder, b, node)
    return None


def is_relu(node: Node) -> bool:
    """Whether a node is 0 where x <= 0 and else x, as it is written in `nn.functional.relu`."""
    match node.op, node.inputs:
        case Where(), (Node(op=LessEqual(), inputs=(x, zero)), nothing, y):
            return x is y and is_number(zero, 0.0) and is_number(nothing, 0.0)
    return False


RULES: tuple[Rule, ...] = (
    nothing_done,
    neutral_numbers,
    moves_in_a_row,
    transposes_in_products,
    one_choice,
)
