"""The driver of local rules: a graph is rebuilt from its leaves, each node simplified once made.

Equal nodes become one by the way, and what depends on constants alone becomes a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.interpreter import evaluate
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, Spec, Specs

# A rule gives a node that has the same numbers, or None where it does not apply.
Rule = Callable[["Builder", Node], Node | None]

# Larger constants are not computed while compiling: they would only fill memory.
LARGEST_FOLD = 4096  # elements


class Builder:
    """Makes nodes: simplified by the rules, and each of them only once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.known: dict[Any, Node] = {}

    def apply(self, op: Primitive, *inputs: Node, line: str = "") -> Node:
        """The node of an operation on nodes that this builder made."""
        spec = op.infer(*(x.spec for x in inputs))
        return self.made(Node(op, inputs, spec, line))

    def constant(self, array: Array, line: str = "") -> Node:
        from_array = Node(Constant(array), (), Spec(array.shape, array.dtype), line)
        return self.shared(from_array)

    def made(self, node: Node) -> Node:
        """The simplest known node with the numbers of this one."""
        known = self.known.get(key(node))
        if known is not None:
            return known
        result = self.folded(node) or self.ruled(node) or node
        if result is node:
            return self.shared(node)
        self.known[key(node)] = result
        return result

    def shared(self, node: Node) -> Node:
        return self.known.setdefault(key(node), node)

    def ruled(self, node: Node) -> Node | None:
        for rule in self.rules:
            result = rule(self, node)
            if result is not None:
                return result
        return None

    def folded(self, node: Node) -> Node | None:
        """The constant that a node of constants is."""
        if not node.inputs or node.spec.size > LARGEST_FOLD or isinstance(node.spec, Specs):
            return None
        arrays = []
        for x in node.inputs:
            if not isinstance(x.op, Constant) or x.spec.size > LARGEST_FOLD:
                return None
            arrays.append(x.op.array)
        return self.constant(evaluate(node, arrays), node.line)


def rewritten(ends: Sequence[Node], rules: Sequence[Rule]) -> list[Node]:
    """The same values with every rule applied wherever it can be."""
    builder = Builder(rules)
    new: dict[int, Node] = {}
    for node in topological(ends):
        inputs = tuple(new[id(x)] for x in node.inputs)
        new[id(node)] = builder.made(node.with_inputs(inputs))
    return [new[id(node)] for node in ends]


def key(node: Node) -> Any:
    """What equal nodes have in common."""
    match node.op:
        case Constant(array):
            return (node.spec, array.tobytes())
        case Argument() | State():
            return (node.op,)
    return (node.op, tuple(map(id, node.inputs)), node.spec)
