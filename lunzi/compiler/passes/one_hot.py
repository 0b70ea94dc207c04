"""Adding along an axis at one place each: a comparison of places, which fuses with its users."""

from __future__ import annotations

import numpy as np

from lunzi.compiler.rewrite import Builder
from lunzi.core.graph import Node
from lunzi.core.indexing import AddAlongAxis, FromStart
from lunzi.core.logic import Equal, Where


def one_hot(builder: Builder, node: Node) -> Node | None:
    """y[..., i, ...] is x where i is the index, and 0 elsewhere, for an index axis of length 1."""
    match node.op, node.inputs:
        case AddAlongAxis(axis, size), (x, indices) if x.shape[axis] == 1:
            shape = [1] * node.ndim
            shape[axis] = size
            places = builder.constant(np.arange(size).reshape(shape), node.line)
            chosen = builder.apply(FromStart(size), indices, line=node.line)
            here = builder.apply(Equal(), places, chosen, line=node.line)
            nothing = builder.constant(np.zeros((), x.dtype), node.line)
            return builder.apply(Where(), here, x, nothing, line=node.line)
    return None
