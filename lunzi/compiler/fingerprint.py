"""The name of a program: the same for the same graph, also in another process."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from lunzi.compiler.memories import memories_of, place_of
from lunzi.core.graph import Constant, Node
from lunzi.core.primitive import Primitive
from lunzi.core.trace import Graph

DIGEST_SIZE = 20  # 160 bits: two programs of one name are out of the question


def fingerprint(graph: Graph, layouts: Sequence[tuple[int, ...]]) -> str:
    """A name that two graphs share if they compute the same from memories of the same layouts.

    It tells apart operations, specs, constants by their bytes, and which memory is read and
    written where; neither the user's lines nor which tensors they are have a part in it.

    Args:
        layouts: of `memories_of(graph)`.
    """
    memories = memories_of(graph)
    nodes = graph.nodes
    numbers = {id(node): number for number, node in enumerate(nodes)}
    places = {place_of(slot): index for index, slot in enumerate(memories)}
    lines = [f"{[described(spec) for spec in graph.arguments]} {len(graph.slots)}"]
    for slot, layout in zip(memories, layouts, strict=True):
        lines.append(f"{described(slot.tensor.payload)} {slot.is_gradient} {layout}")
    for node in nodes:
        inputs = [numbers[id(x)] for x in node.inputs]
        lines.append(f"{operation(node)} {inputs} {described(node.spec)}")
    for slot, left in graph.updates:
        lines.append(f"{places.get(place_of(slot))} {None if left is None else numbers[id(left)]}")
    lines.append(f"{[numbers[id(node)] for node in graph.outputs]}")
    return blake2b("\n".join(lines).encode(), digest_size=DIGEST_SIZE).hexdigest()


def described(value: Any) -> str:
    # By the letter of the dtype: its name takes NumPy 4 us.
    return f"{value.dtype.char}{value.shape}"


def operation(node: Node) -> str:
    """The operation of a node with all that it is made of."""
    if isinstance(node.op, Constant):
        return f"Constant {digest_of(node.op.array)}"
    return f"{type(node.op).__module__}.{named(node.op)}"


def named(value: Any) -> str:
    """A field of an operation, in words that do not depend on where it lies in memory."""
    match value:
        case Graph():
            return fingerprint(value, [()] * len(memories_of(value)))
        case Primitive():
            return f"{type(value).__name__}({', '.join(map(named, value.fields()))})"
        case tuple():
            return f"({', '.join(map(named, value))})"
        case np.ndarray():
            return digest_of(value)
    return repr(value)


def digest_of(array: np.ndarray[Any, Any]) -> str:
    content = blake2b(np.ascontiguousarray(array).data, digest_size=DIGEST_SIZE)
    return f"{array.dtype.str}{array.shape} {content.hexdigest()}"
