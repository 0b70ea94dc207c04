"""Checks: what operations refuse, found before anything outside is written.

Which numbers an operation refuses hangs on one of its inputs alone, as an index that must lie in
an axis. Each input that is looked at gets a stage of its own, which stores nothing; all stages
that write state wait for those stages. A program in which a check fails ends there, with all
state as it was, and the interpreter says what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lunzi.core.checked import Bounds, Checked
from lunzi.core.elementwise import Cast, Power, Sigmoid, Subtract
from lunzi.core.graph import Constant, Node, topological
from lunzi.core.indexing import AddAlongAxis, FromStart, ScatterAdd, Take, TakeAlongAxis
from lunzi.core.logic import Where
from lunzi.core.loop import Scan
from lunzi.core.primitive import Move
from lunzi.core.reduction import ArgMax, ArgMin, ArgSort
from lunzi.core.spec import DType

EVERYWHERE = Bounds(-math.inf, math.inf)
NOWHERE = Bounds(math.inf, -math.inf)  # where no numbers are, there is no place of theirs


class Checks:
    """What a graph checks.

    Args:
        nodes: all nodes, each behind its inputs.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.bounds: dict[int, list[Bounds]] = {}  # by the identity of what is looked at
        self.lines: dict[int, list[str]] = {}  # of who asks for it
        self.roots: list[Node] = []  # what is looked at, and loops that check inside
        known: dict[int, Bounds] = {}
        for node in nodes:
            known[id(node)] = known_bounds(node, [known[id(x)] for x in node.inputs])
            if isinstance(node.op, Scan) and Checks(node.op.body.nodes).roots:
                self.roots.append(node)
            for x, bounds in bounded_by(node):
                if not known[id(x)].lies_in(bounds):
                    self.note(x, bounds, node.line)
        # What must be known before all checks are done.
        self.needed = {id(node) for node in topological(self.roots)}

    def note(self, x: Node, bounds: Bounds, line: str) -> None:
        """The numbers of x must lie in these bounds."""
        if id(x) not in self.bounds:
            self.roots.append(x)
        found = self.bounds.setdefault(id(x), [])
        if bounds not in found:
            found.append(bounds)
        self.lines.setdefault(id(x), []).append(line)

    def __contains__(self, node: Node) -> bool:
        """Whether a node's numbers are looked at."""
        return id(node) in self.bounds


def bounded_by(node: Node) -> Iterator[tuple[Node, Bounds]]:
    """The inputs of which an operation takes numbers within bounds alone."""
    match node.op:
        case Checked() as op:
            yield node.inputs[0], op.bounds
        case FromStart(length):
            yield node.inputs[0], from_either_end(length)
        case Take(axis) | TakeAlongAxis(axis):
            yield node.inputs[1], from_either_end(node.inputs[0].shape[axis])
        case ScatterAdd(_, size) | AddAlongAxis(_, size):
            yield node.inputs[1], from_either_end(size)
        case Power() if node.dtype.kind == "i":
            yield node.inputs[1], Bounds(0, math.inf)


def from_either_end(length: int) -> Bounds:
    """Those of an index into an axis, -1 being its last place."""
    return Bounds(-length, length - 1)


def known_bounds(node: Node, inputs: Sequence[Bounds]) -> Bounds:
    """Where numbers are sure to lie, given where those of the inputs do."""
    if isinstance(node.op, Sigmoid):
        return Bounds(0.0, 1.0)
    if node.dtype.kind not in "iu":
        return EVERYWHERE
    match node.op:
        case Constant(array):
            return Bounds(int(array.min()), int(array.max())) if array.size else NOWHERE
        case Checked() as op:
            return op.bounds
        case FromStart(length):
            return Bounds(0, length - 1)
        case ArgMax(axis) | ArgMin(axis) | ArgSort(axis):
            return Bounds(0, node.inputs[0].shape[axis] - 1)
        case Move():
            return inputs[0]
        case Where():
            return inputs[1].joined(inputs[2])
        case Cast():
            return unless_too_large(inputs[0], node.dtype)
        case Subtract():  # as in a falling order: the last place - that in the rising order
            a, b = inputs
            return unless_too_large(Bounds(a.low - b.high, a.high - b.low), node.dtype)
    return EVERYWHERE


def unless_too_large(bounds: Bounds, dtype: DType) -> Bounds:
    """The bounds of numbers that a dtype holds; numbers that it does not hold may be anywhere."""
    limits = np.iinfo(dtype)
    fits = bounds.lies_in(Bounds(int(limits.min), int(limits.max)))
    return bounds if fits else EVERYWHERE
