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
    digest = blake2b(digest_size=DIGEST_SIZE)
    memories = memories_of(graph)
    digest.update(f"{graph.arguments} {len(graph.slots)}\n".encode())
    for slot, layout in zip(memories, layouts, strict=True):
        digest.update(f"{slot.tensor.spec} {slot.is_gradient} {layout}\n".encode())
    nodes = graph.nodes
    numbers = {id(node): number for number, node in enumerate(nodes)}
    for node in nodes:
        inputs = [numbers[id(x)] for x in node.inputs]
        digest.update(f"{operation(node)} {inputs} {node.spec}\n".encode())
    places = {place_of(slot): index for index, slot in enumerate(memories)}
    written = [
        (places.get(place_of(slot)), None if node is None else numbers[id(node)])
        for slot, node in graph.updates
    ]
    digest.update(f"{[numbers[id(node)] for node in graph.outputs]} {written}\n".encode())
    return digest.hexdigest()


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
