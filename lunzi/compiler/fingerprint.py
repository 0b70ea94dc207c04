"""The name of a program: the same for the same graph, also in another process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from lunzi.compiler.memories import memories_of, place_of
from lunzi.core.body import Body
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
    places = {place_of(slot): index for index, slot in enumerate(memories)}
    lines = [f"{specs(graph.arguments)} {len(graph.slots)}"]
    for slot, layout in zip(memories, layouts, strict=True):
        lines.append(f"{spec(slot.tensor.payload)} {slot.is_gradient} {layout}")
    lines += steps(graph.nodes, graph.ends)
    written = [(places.get(place_of(slot)), left is None) for slot, left in graph.updates]
    lines.append(f"{len(graph.outputs)} {written}")
    return digest("\n".join(lines).encode())


def digest(content: bytes | memoryview) -> str:
    return blake2b(content, digest_size=DIGEST_SIZE).hexdigest()


def spec(value: Any) -> str:
    # By the letter of the dtype: its name takes NumPy 4 us.
    return f"{value.dtype.char}{value.shape}"


def specs(values: Iterable[Any]) -> str:
    return " ".join(map(spec, values))


def steps(nodes: Sequence[Node], ends: Sequence[Node]) -> list[str]:
    """A line for each node, and one for those that are read in the end."""
    numbers = {id(node): number for number, node in enumerate(nodes)}
    lines = [
        f"{operation(node.op)} {[numbers[id(x)] for x in node.inputs]} {spec(node.spec)}"
        for node in nodes
    ]
    return [*lines, f"{[numbers[id(node)] for node in ends]}"]


def operation(op: Primitive) -> str:
    """An operation with all that it is made of."""
    if isinstance(op, Constant):
        content = digest(np.ascontiguousarray(op.array).data)
        return f"Constant {spec(op.array)} {content}"
    return f"{type(op).__module__}.{type(op).__name__}({', '.join(map(field, op.fields()))})"


def field(value: Any) -> str:
    """A field of an operation, in words that do not depend on where it lies in memory."""
    match value:
        case Body():
            lines = [f"{value.carried} {value.sliced} {specs(value.arguments)}"]
            return digest("\n".join([*lines, *steps(value.nodes, value.outputs)]).encode())
        case tuple():
            return f"({', '.join(map(field, value))})"
    return repr(value)
