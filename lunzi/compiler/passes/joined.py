"""Parts that are padded and added to make a whole: put beside each other instead.

So the gradient of a value that was cut in slices arrives: one term for each slice, with zeros
where the others are.
"""

from __future__ import annotations

import numpy as np

from lunzi.compiler.rewrite import Builder
from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import Add
from lunzi.core.graph import Node
from lunzi.core.movement import Concat, Pad, PermuteDims, Reshape
from lunzi.core.spec import is_floating


def joined_parts(builder: Builder, node: Node) -> Node | None:
    """A sum of padded values that fill an axis without gaps is their concatenation."""
    pads = padded_terms(node)
    axes = {padded_axis(pad) for pad in pads}
    axis = axes.pop() if len(axes) == 1 else None
    if axis is None:
        return None
    parts: list[Node] = []
    end = 0
    for pad in sorted(pads, key=lambda pad: start_of(pad, axis)):
        (x,) = pad.inputs
        if start_of(pad, axis) != end:
            return None
        end += x.shape[axis]
        parts.append(plus_zero(builder, x, node.line))
    if end != node.shape[axis]:
        return None
    return builder.apply(Concat(axis), *parts, line=node.line)


def padded_terms(node: Node) -> list[Node]:
    """What is added, in sums of sums of one shape; nothing where some of it is not padded."""
    if not isinstance(node.op, Add):
        return []
    pads: list[Node] = []
    waiting = list(node.inputs)
    while waiting:
        x = waiting.pop()
        if isinstance(x.op, Pad) and x.shape == node.shape:
            pads.append(x)
        elif isinstance(x.op, Add) and x.shape == node.shape:
            waiting += x.inputs
        else:
            return []
    return pads


def padded_axis(node: Node) -> int | None:
    """The one axis along which a node pads, without gaps between neighbours."""
    if not isinstance(node.op, Pad) or set(node.op.steps) != {1}:
        return None
    bounds = zip(node.op.before, node.op.after, strict=True)
    axes = [axis for axis, bound in enumerate(bounds) if bound != (0, 0)]
    return axes[0] if len(axes) == 1 else None


def start_of(pad: Node, axis: int) -> int:
    assert isinstance(pad.op, Pad)
    return pad.op.before[axis]


def plus_zero(builder: Builder, x: Node, line: str) -> Node:
    """x + 0.0, which is 0.0 where x is -0.0: the zeros of the other terms were added to it.

    A product is left as it is: its zeros have the sign that the order of its sum gives them.
    """
    source = x
    while isinstance(source.op, PermuteDims | Reshape):
        source = source.inputs[0]
    if isinstance(source.op, Matmul) or not is_floating(x.dtype):
        return x
    zero = builder.constant(np.zeros((), x.dtype), line)
    return builder.apply(Add(), x, zero, line=line)
