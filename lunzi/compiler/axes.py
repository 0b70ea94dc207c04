"""Axes cut into factors, until a reshape of them changes nothing.

A reshape from (64, 28, 28) to (50176,) is no work once the long axis is thought of as the three
factors (64, 28, 28). What is known of one axis holds for all axes that it meets in elementwise
operations, products and reductions, so axes are kept in classes. Where a reshape asks for cuts
that do not go together, (2, 3) to (3, 2), it stays: its input is stored, in C order, and seen
in the other shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from lunzi.core.contraction import Matmul
from lunzi.core.graph import Argument, Constant, Node, State
from lunzi.core.indexing import AddAlongAxis, ScatterAdd, Take, TakeAlongAxis
from lunzi.core.movement import BroadcastTo, Concat, Flip, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Elementwise
from lunzi.core.random import RandomBits
from lunzi.core.reduction import (
    ArgSort,
    CumulativeSum,
    Extreme,
    Position,
    Sum,
)
from lunzi.core.spec import size_of
from lunzi.core.windows import OverlapAdd, Windows

Factors = tuple[int, ...]


class AxisClass:
    """Axes that are cut in the same places."""

    __slots__ = ("cuts", "is_whole", "parent", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.cuts: set[int] = set()  # the products of the factors behind each cut
        self.is_whole = False  # it may not be cut
        self.parent: AxisClass | None = None

    def root(self) -> AxisClass:
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def can_be_cut(self, place: int) -> bool:
        if self.is_whole or self.size % place:
            return False
        return all(place % cut == 0 or cut % place == 0 for cut in self.cuts)

    def factors(self) -> Factors:
        if self.size == 1:
            return ()
        places = [self.size, *sorted(self.cuts, reverse=True), 1]
        return tuple(a // b for a, b in pairwise(places))


class Axes:
    """The factors of every axis of every node of a graph."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.classes = {id(node): [AxisClass(size) for size in node.shape] for node in nodes}
        self.stored_reshapes: set[int] = set()  # identities of reshapes that stay
        for node in nodes:
            self.relate(node)
        reshapes = [node for node in nodes if isinstance(node.op, Reshape)]
        # Each turn but the last adds a cut or a stored reshape, and there are finitely many.
        while sum(self.cut(node) for node in reshapes):
            pass
        self.by_axis = {
            key: tuple(axis.root().factors() for axis in axes) for key, axes in self.classes.items()
        }

    def __getitem__(self, node: Node) -> tuple[Factors, ...]:
        """For each axis of a node its factors; an axis of length 1 has none."""
        return self.by_axis[id(node)]

    def sizes(self, node: Node) -> Factors:
        """The factors of all axes of a node, one after the other."""
        return tuple(size for factors in self[node] for size in factors)

    def is_stored(self, reshape: Node) -> bool:
        return id(reshape) in self.stored_reshapes

    # Relations

    def relate(self, node: Node) -> None:
        own = self.classes[id(node)]
        inputs = [self.classes[id(x)] for x in node.inputs]
        match node.op:
            case Elementwise() | BroadcastTo():
                for axes in inputs:
                    join(axes, own[len(own) - len(axes) :])
            case PermuteDims(order):
                join([inputs[0][axis] for axis in order], own)
            case Flip():
                join(inputs[0], own)
            case Sum(axes=axes, keepdims=keepdims) | Extreme(axes=axes, keepdims=keepdims):
                kept = [a for place, a in enumerate(inputs[0]) if keepdims or place not in axes]
                join(kept, own)
            case Matmul(transpose_a, transpose_b):
                self.relate_product(own, inputs[0], inputs[1], transpose_a, transpose_b)
            case Reshape() | Argument() | State() | Constant() | RandomBits():
                pass  # a random word is found by its place in C order, which a cut leaves
            case Slice() | Pad() | Concat() | CumulativeSum() | ArgSort():
                for axes in inputs:
                    join_unchanged(axes, own, node)
            case Windows(sizes) | OverlapAdd(_, sizes):
                free = node.ndim - (2 if isinstance(node.op, Windows) else 1) * len(sizes)
                join(inputs[0][:free], own[:free])
                keep_whole((inputs[0] if isinstance(node.op, Windows) else own)[free:])
            case Position(axis=axis):
                join([a for place, a in enumerate(inputs[0]) if place != axis], own)
                keep_whole([inputs[0][axis]])
            case Take(axis) | ScatterAdd(axis, _):
                self.relate_indexed(own, inputs[0], inputs[1], axis, node)
            case TakeAlongAxis(axis) | AddAlongAxis(axis, _):
                x, indices = inputs
                join(indices, x if isinstance(node.op, AddAlongAxis) else own)
                join(other(x, axis), other(own, axis))
                keep_whole([x[axis], own[axis]])
            case _:
                for axes in (own, *inputs):
                    keep_whole(axes)

    def relate_product(
        self,
        own: list[AxisClass],
        a: list[AxisClass],
        b: list[AxisClass],
        transpose_a: bool,
        transpose_b: bool,
    ) -> None:
        rows, inner = a[:-3:-1] if transpose_a else a[-2:]
        other_inner, columns = b[:-3:-1] if transpose_b else b[-2:]
        join([rows, inner, columns], [own[-2], other_inner, own[-1]])
        for axes in (a[:-2], b[:-2]):
            join(axes, own[len(own) - 2 - len(axes) : -2])

    def relate_indexed(
        self,
        own: list[AxisClass],
        x: list[AxisClass],
        indices: list[AxisClass],
        axis: int,
        node: Node,
    ) -> None:
        many, single = (own, x) if isinstance(node.op, Take) else (x, own)
        join(many[:axis], single[:axis])
        join(many[axis : axis + len(indices)], indices)
        join(many[axis + len(indices) :], single[axis + 1 :])
        keep_whole([single[axis]])

    # Reshapes

    def cut(self, node: Node) -> bool:
        """Cut the axes on both sides of a reshape where the other side is; True for a change."""
        if id(node) in self.stored_reshapes:
            return False
        if not node.spec.size:  # nothing can be cut into nothing
            self.stored_reshapes.add(id(node))
            return True
        sides = [self.classes[id(x)] for x in (node.inputs[0], node)]
        places = [places_of(side) for side in sides]
        changed = False
        for side, wanted in ((sides[0], places[1] - places[0]), (sides[1], places[0] - places[1])):
            for place in sorted(wanted):
                if not cut_at(side, place):
                    self.stored_reshapes.add(id(node))
                    return True
                changed = True
        return changed


def join(some: Iterable[AxisClass], others: Iterable[AxisClass]) -> None:
    """Each of `some` is cut as its partner is; axes of length 1 stretch and are left alone."""
    for a, b in zip(some, others, strict=True):
        a, b = a.root(), b.root()
        if a is b or a.size != b.size:
            continue
        cuts = a.cuts | b.cuts
        a.parent = b
        b.is_whole = a.is_whole or b.is_whole
        b.cuts = cuts


def keep_whole(axes: Iterable[AxisClass]) -> None:
    for axis in axes:
        axis.root().is_whole = True


def join_unchanged(axes: list[AxisClass], own: list[AxisClass], node: Node) -> None:
    """Join the axes that an operation leaves as they are.

    A place on one side of a slice or a pad is a multiple of the place on the other side plus a
    constant. The other side may be cut, since a sum of factors can be multiplied too.
    """
    for place, (a, b) in enumerate(zip(axes, own, strict=True)):
        if is_unchanged(node, place):
            join([a], [b])
        elif isinstance(node.op, Slice):
            keep_whole([a])
        elif isinstance(node.op, Pad | Concat):
            keep_whole([b])
        else:
            keep_whole([a, b])


def is_unchanged(node: Node, place: int) -> bool:
    match node.op:
        case Slice(starts, stops, steps):
            whole = (0, node.inputs[0].shape[place], 1)
            return (starts[place], stops[place], steps[place]) == whole
        case Pad(before, after, steps):
            return (before[place], after[place], steps[place]) == (0, 0, 1)
        case Concat(axis) | CumulativeSum(axis) | ArgSort(axis):
            return place != axis
    return True


def other(axes: list[AxisClass], axis: int) -> list[AxisClass]:
    return [a for place, a in enumerate(axes) if place != axis]


def places_of(axes: Sequence[AxisClass]) -> set[int]:
    """The cuts of a whole shape, as products of all that stands behind them."""
    places, behind = set(), 1
    for axis in reversed(axes):
        root = axis.root()
        places |= {behind * cut for cut in root.cuts}
        behind *= root.size
        places.add(behind)
    return places - {1, behind}


def cut_at(axes: Sequence[AxisClass], place: int) -> bool:
    """Cut the axis in which this product lies; False where it cannot be cut there."""
    behind = 1
    for axis in reversed(axes):
        root = axis.root()
        if place < behind * root.size:
            if place % behind or not root.can_be_cut(place // behind):
                return False
            root.cuts.add(place // behind)
            return True
        behind *= root.size
    return size_of([a.size for a in axes]) == place
