"""The mask of a ReLU from its result, so that what it was computed from need not be kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lunzi.compiler.passes.simplify import is_relu
from lunzi.core.graph import Constant, Node, topological
from lunzi.core.logic import LessEqual
from lunzi.core.spec import Spec


def masks_from_results(ends: Sequence[Node]) -> list[Node]:
    """x <= 0 becomes relu(x) <= 0 for all users but the ReLU itself; NaN gives False in both."""
    nodes = topological(ends)
    relus = {id(node.inputs[0]): node for node in nodes if is_relu(node)}
    new: dict[int, Node] = {}
    masks: dict[int, Node] = {}  # by the identity of the old mask
    for node in nodes:
        inputs = []
        for x in node.inputs:
            relu = relus.get(id(x))
            # The ReLU must come before: it does, unless the user has a part in its input.
            if relu is None or relu is node or id(relu) not in new:
                inputs.append(new[id(x)])
            else:
                inputs.append(masks.setdefault(id(x), mask_of(new[id(relu)])))
        new[id(node)] = node.with_inputs(tuple(inputs))
    return [new[id(node)] for node in ends]


def mask_of(relu: Node) -> Node:
    zero = np.zeros((), relu.dtype)
    inputs = (relu, Node(Constant(zero), (), Spec((), relu.dtype), relu.line))
    op = LessEqual()
    return Node(op, inputs, op.infer(*(x.spec for x in inputs)), relu.line)
