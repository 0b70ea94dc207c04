"""The printed form of a graph: one line a node, with the user's line that made it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lunzi.core.body import Body
from lunzi.core.graph import Node


def names_of(nodes: Sequence[Node]) -> dict[int, str]:
    """What nodes are called, by their identity: %0, %1, ... in their order."""
    return {id(node): f"%{number}" for number, node in enumerate(nodes)}


def node_lines(nodes: Sequence[Node], margin: str = "  ") -> list[str]:
    """The lines of nodes in their order; the body of a loop stands below it, indented."""
    names = names_of(nodes)
    lines = []
    for node in nodes:
        inputs = ", ".join(names[id(x)] for x in node.inputs)
        text = f"{margin}{names[id(node)]} = {node.op}" + (f" of {inputs}" if inputs else "")
        where = node.line.rsplit("/", 1)[-1]
        lines.append(f"{text:<48} {node.spec!s:<20} {where}".rstrip())
        inner = getattr(node.op, "body", None)
        if isinstance(inner, Body):
            lines += body_lines(inner, margin + "  ")
    return lines


def body_lines(body: Body, margin: str) -> list[str]:
    """The lines of a body: carries; parts; constants; its nodes; new carries; what is stacked."""
    specs = [str(spec) for spec in body.arguments]
    ends = [names_of(body.nodes)[id(node)] for node in body.outputs]
    split = (0, body.carried, body.constants, len(specs))
    groups = [", ".join(specs[a:b]) for a, b in pairwise(split)]
    new, kept = ", ".join(ends[: body.carried]), ", ".join(ends[body.carried :])
    return [
        f"{margin}body({'; '.join(groups)})",
        *node_lines(body.nodes, margin + "  "),
        f"{margin}  next {new}; stack {kept}",
    ]
