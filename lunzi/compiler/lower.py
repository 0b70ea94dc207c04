"""From a graph to stages: moves become addresses, elementwise values become terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lunzi.compiler.axes import Axes
from lunzi.compiler.loops import (
    Affine,
    Apply,
    Check,
    Gather,
    How,
    Kind,
    Literal,
    Load,
    Memory,
    Place,
    Reduction,
    Stage,
    Store,
    Term,
    View,
)
from lunzi.compiler.storing import LEAVES, Storing
from lunzi.compiler.zeros import Box, zero_boxes
from lunzi.core.checked import Bounds, Checked
from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import Cast, Multiply
from lunzi.core.graph import Constant, Node
from lunzi.core.indexing import (
    AddAlongAxis,
    ScatterAdd,
    Take,
    TakeAlongAxis,
)
from lunzi.core.logic import BitwiseAnd
from lunzi.core.movement import BroadcastTo, Concat, Flip, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Elementwise
from lunzi.core.random import RandomBits
from lunzi.core.reduction import ArgMax, ArgMin, ArgSort, CumulativeSum, Max, Min, Sum
from lunzi.core.spec import DType, bool_, float16, float32, int64, size_of
from lunzi.core.windows import OverlapAdd, Windows

HOWS = {
    Sum: How.SUM,
    Max: How.MAX,
    Min: How.MIN,
    ArgMax: How.ARGMAX,
    ArgMin: How.ARGMIN,
    CumulativeSum: How.SUM,
    ArgSort: How.ORDER,
}

Index = tuple[Affine, ...]  # a place in a value: one affine number for each factor of its axes


class Lowering:
    """Makes the stages of a graph, one stored node after the other.

    `views` says where each stored value lies; the caller adds those of arguments and state.
    """

    def __init__(self, axes: Axes, storing: Storing, constants: list[Memory]) -> None:
        self.axes = axes
        self.storing = storing
        self.views: dict[int, View] = {}
        self.old: set[int] = set()  # identities of the nodes that read state
        self.constants = constants
        self.memo: dict[tuple[int, Index], Term] = {}
        self.loops = 0  # how many loops the stage has that is being made
        self.lines: dict[str, None] = {}  # of the nodes that the stage computes

    # Indices

    def split(self, node: Node, index: Index) -> list[Index]:
        """An index by the axes of the node: for each axis that of its factors."""
        result, start = [], 0
        for factors in self.axes[node]:
            result.append(index[start : start + len(factors)])
            start += len(factors)
        return result

    def whole(self, node: Node, axis: int, parts: Index) -> Affine:
        """The place on one axis, from those of its factors."""
        result, stride = Affine(0, (0,) * self.loops), 1
        for size, part in zip(reversed(self.axes[node][axis]), reversed(parts), strict=True):
            result = result.plus(part.scaled(stride))
            stride *= size
        return result

    def counters(self, sizes: Sequence[int], first: int = 0) -> Index:
        """The counters of the loops from `first` on."""
        return tuple(self.counter(first + place) for place in range(len(sizes)))

    def counter(self, loop: int) -> Affine:
        return Affine(0, tuple(int(place == loop) for place in range(self.loops)))

    def constant_place(self, value: int) -> Affine:
        return Affine(value, (0,) * self.loops)

    def stretched(self, x: Node, y: Node, parts: list[Index]) -> Index:
        """The index of an input that was broadcast to y, from that of y by axes."""
        shift = y.ndim - x.ndim
        return join(
            parts[shift + axis] if size == y.shape[shift + axis] else self.unit(x, axis)
            for axis, size in enumerate(x.shape)
        )

    def unit(self, x: Node, axis: int) -> Index:
        return tuple(self.constant_place(0) for _ in self.axes[x][axis])

    def on_axis(self, x: Node, axis: int, place: Affine) -> Index:
        """The index on an axis that is whole, or of length 1 and without factors."""
        return (place,) if self.axes[x][axis] else ()

    # Terms

    def term(self, node: Node, index: Index) -> Term:
        """The number of a node at an index of the stage's loops."""
        key = (id(node), index)
        if key not in self.memo:
            view = self.views.get(id(node))
            if view is not None:
                address = view.at(index, self.loops)
                self.memo[key] = Load(view.memory, address, is_old=id(node) in self.old)
            else:
                self.memo[key] = self.computed(node, index)
        return self.memo[key]

    def computed(self, node: Node, index: Index) -> Term:
        """The same, computed from the node's inputs."""
        self.lines[node.line] = None
        parts = self.split(node, index)
        match node.op:
            case Constant(array):
                return self.constant(node, array, index)
            case Checked():
                return self.term(node.inputs[0], index)
            case Elementwise():
                terms = [self.term(x, self.stretched(x, node, parts)) for x in node.inputs]
                return Apply(node.op, tuple(terms), node.dtype)
            case RandomBits():
                return self.random_bits(node, index)
            case Take(axis):
                return self.taken(node, axis, parts)
            case TakeAlongAxis(axis):
                x, indices = node.inputs
                parts[axis] = ()
                chosen = self.term(indices, join(self.split(indices, index)))
                return self.gathered(x, axis, chosen, parts)
        return self.term(node.inputs[0], self.moved(node, parts))

    def constant(self, node: Node, array: np.ndarray, index: Index) -> Term:
        if array.size == 1:
            return Literal(array.item(), node.dtype)
        memory = Memory(Kind.CONSTANT, node.dtype, array.size, len(self.constants), array)
        self.constants.append(memory)
        self.views[id(node)] = View(memory, 0, dense_strides(self.axes.sizes(node)))
        return self.term(node, index)

    def random_bits(self, node: Node, index: Index) -> Term:
        key, counter = node.inputs
        words = [self.term(key, self.on_axis(key, 0, self.constant_place(i))) for i in (0, 1)]
        place, stride = self.constant_place(0), 1
        for size, part in zip(reversed(self.axes.sizes(node)), reversed(index), strict=True):
            place = place.plus(part.scaled(stride))
            stride *= size
        inputs = (*words, self.term(counter, ()), Place(place, int64))
        return Apply(node.op, inputs, node.dtype)

    def taken(self, node: Node, axis: int, parts: list[Index]) -> Term:
        x, indices = node.inputs
        behind = axis + indices.ndim
        chosen = self.term(indices, join(parts[axis:behind]))
        return self.gathered(x, axis, chosen, [*parts[:axis], (), *parts[behind:]])

    def gathered(self, x: Node, axis: int, chosen: Term, parts: list[Index]) -> Term:
        """The element of x whose place on one axis is a term."""
        parts[axis] = self.on_axis(x, axis, self.constant_place(0))
        start = self.term(x, join(parts))
        if isinstance(start, Literal):
            return start
        start = self.address(x, join(parts))
        parts[axis] = self.on_axis(x, axis, self.constant_place(1))
        stride = self.address(x, join(parts)).address.offset - start.address.offset
        gather = Gather(chosen, stride, x.shape[axis])
        return Load(start.memory, start.address, (*start.gathers, gather), start.is_old)

    def address(self, node: Node, index: Index) -> Load:
        """A value that lies in memory, or a view of one."""
        term = self.term(node, index)
        assert isinstance(term, Load), f"{node} is not stored"
        return term

    def moved(self, node: Node, parts: list[Index]) -> Index:
        """The index of the input of a move, from that of its result by axes."""
        x = node.inputs[0]
        match node.op:
            case Reshape():
                return join(parts)
            case PermuteDims(order):
                by_input = dict(zip(order, parts, strict=True))
                return join(by_input[axis] for axis in range(x.ndim))
            case BroadcastTo():
                return self.stretched(x, node, parts)
            case Flip(axes):
                return join(
                    self.flipped(x, axis, part) if axis in axes else part
                    for axis, part in enumerate(parts)
                )
            case Slice(starts, stops, steps):
                bounds = zip(starts, stops, steps, strict=True)
                return join(
                    part
                    if bound == (0, x.shape[axis], 1)
                    else self.on_axis(
                        x, axis, self.whole(node, axis, part).scaled(bound[2], bound[0])
                    )
                    for axis, (part, bound) in enumerate(zip(parts, bounds, strict=True))
                )
            case Windows(sizes, strides, dilations):
                free = x.ndim - len(sizes)
                result = list(parts[:free])
                for place, (stride, dilation) in enumerate(zip(strides, dilations, strict=True)):
                    outside, inside = free + place, x.ndim + place
                    at = self.whole(node, outside, parts[outside]).scaled(stride)
                    at = at.plus(self.whole(node, inside, parts[inside]).scaled(dilation))
                    result.append(self.on_axis(x, free + place, at))
                return join(result)
        raise AssertionError(f"{node.op} is no move")

    def flipped(self, x: Node, axis: int, part: Index) -> Index:
        return tuple(
            place.scaled(-1, size - 1) for size, place in zip(self.axes[x][axis], part, strict=True)
        )

    # Stages

    def begin(self, sizes: Sequence[int], kept: int) -> Stage:
        self.loops = len(sizes)
        self.memo = {}
        self.lines = {}
        return Stage(tuple(sizes), kept)

    def stages(self, node: Node) -> list[Stage]:
        """The stages that make a stored node; their stores have addresses in its own loops.

        The last one is the one that matters; those before fill the memory with zeros. Stores
        have no memory yet: `target` gives each its place once the memory is laid out.
        """
        match node.op:
            case Sum(axes=axes) | Max(axes=axes) | Min(axes=axes):
                return [self.reduction(node, axes)]
            case ArgMax(axis) | ArgMin(axis):
                return [self.reduction(node, (axis,))]
            case CumulativeSum(axis):
                return [self.running(node, axis, accumulator(node.dtype))]
            case ArgSort(axis):
                return [self.running(node, axis, node.inputs[0].dtype)]
            case Matmul():
                return [self.product(node)]
        return [self.elementwise(node)]

    def finished(self, stage: Stage, node: Node) -> Stage:
        stage.lines = [line for line in {node.line: None, **self.lines} if line]
        return stage

    def checking(self, node: Node, bounds: Iterable[Bounds]) -> Stage:
        """A stage that looks at the numbers of a node, and stores nothing."""
        sizes = self.axes.sizes(node)
        stage = self.begin(sizes, len(sizes))
        term = self.term(node, self.counters(sizes))
        stage.checks = [Check(term, limits) for limits in bounds]
        return stage

    def elementwise(self, node: Node) -> Stage:
        sizes = self.axes.sizes(node)
        stage = self.begin(sizes, len(sizes))
        term = (
            self.term(node, self.counters(sizes))
            if id(node) in self.views or isinstance(node.op, LEAVES)
            else self.computed(node, self.counters(sizes))
        )
        stage.stores.append(Store(term, NOWHERE, self.constant_place(0)))
        return self.finished(stage, node)

    def reduction(self, node: Node, axes: Sequence[int]) -> Stage:
        x = node.inputs[0]
        kept = [size for axis in range(x.ndim) if axis not in axes for size in self.axes[x][axis]]
        inner = [size for axis in axes for size in self.axes[x][axis]]
        stage = self.begin([*kept, *inner], len(kept))
        index: list[Index] = []
        outside, inside = 0, len(kept)
        for axis in range(x.ndim):
            count = len(self.axes[x][axis])
            start = inside if axis in axes else outside
            index.append(self.counters(self.axes[x][axis], start))
            inside, outside = (start + count, outside) if axis in axes else (inside, start + count)
        term = self.term(x, join(index))
        dtype = accumulator(node.dtype)
        if isinstance(node.op, Sum) and term.dtype != dtype:
            term = Apply(Cast(dtype), (term,), dtype)
        if isinstance(node.op, Max | Min):
            dtype = node.dtype
        if isinstance(node.op, ArgMax | ArgMin):
            dtype = x.dtype
        store = Store(term, NOWHERE, self.constant_place(0))
        stage.reductions.append(Reduction(HOWS[type(node.op)], store, dtype))
        return self.finished(stage, node)

    def running(self, node: Node, axis: int, dtype: DType) -> Stage:
        """A running sum along an axis, or the order of its numbers: the axis is the last loop."""
        x = node.inputs[0]
        sizes = self.axes.sizes(x)
        before = sum(len(self.axes[x][place]) for place in range(axis))
        inner = len(self.axes[x][axis])
        order = [*range(before), *range(before + inner, len(sizes)), *range(before, before + inner)]
        stage = self.begin([sizes[place] for place in order], len(sizes) - inner)
        index = tuple(self.counter(order.index(place)) for place in range(len(sizes)))
        term = self.term(x, index)
        if term.dtype != dtype:
            term = Apply(Cast(dtype), (term,), dtype)
        store = Store(term, NOWHERE, self.constant_place(0))
        stage.reductions.append(Reduction(HOWS[type(node.op)], store, dtype, is_running=True))
        return self.finished(stage, node)

    def product(self, node: Node) -> Stage:
        assert isinstance(node.op, Matmul)
        a, b = node.inputs
        own = self.axes[node]
        inner = self.axes[a][-2 if node.op.transpose_a else -1]
        sizes = [*self.axes.sizes(node), *inner]
        kept = len(sizes) - len(inner)
        stage = self.begin(sizes, kept)
        parts = self.split(node, self.counters(sizes[:kept]))
        k = self.counters(inner, kept)
        assert len(parts) == len(own)
        terms = []
        for x, matrix in (
            (a, (k, parts[-2]) if node.op.transpose_a else (parts[-2], k)),
            (b, (parts[-1], k) if node.op.transpose_b else (k, parts[-1])),
        ):
            batch = parts[node.ndim - x.ndim : -2]
            index = [
                part if size == node.shape[node.ndim - x.ndim + axis] else self.unit(x, axis)
                for axis, (part, size) in enumerate(zip(batch, x.shape[:-2], strict=True))
            ]
            terms.append(self.term(x, join([*index, *matrix])))
        dtype = accumulator(node.dtype)
        if node.dtype == bool_:
            how, term = How.MAX, Apply(BitwiseAnd(), tuple(terms), bool_)
        else:
            how = How.SUM
            if dtype != node.dtype:
                terms = [Apply(Cast(dtype), (term,), dtype) for term in terms]
            term = Apply(Multiply(), tuple(terms), dtype)
            stage.is_product = dtype.kind == "f" and dtype == node.dtype
        stage.reductions.append(Reduction(how, Store(term, NOWHERE, self.constant_place(0)), dtype))
        return self.finished(stage, node)

    # Stores into part of a larger value

    def scattered(self, node: Node) -> tuple[list[tuple[Stage, Index]], bool]:
        """The stages that store or add the inputs of a node into its memory, each with the index
        at which it stores; and whether the memory must be filled with zeros before."""
        match node.op:
            case Pad(before, _, steps):
                return [self.placed(node, node.inputs[0], before, steps)], True
            case Concat(axis):
                result, start = [], 0
                for x in node.inputs:
                    before = tuple(start if place == axis else 0 for place in range(node.ndim))
                    result.append(self.placed(node, x, before, (1,) * node.ndim))
                    start += x.shape[axis]
                return result, False
            case OverlapAdd():
                return [self.overlapped(node, node.op)], True
            case ScatterAdd(axis, _):
                x, indices = node.inputs
                return [self.added(node, axis, axis + indices.ndim)], True
            case AddAlongAxis(axis, _):
                return [self.added(node, axis, axis + 1)], True
        raise AssertionError(f"{node.op} does not scatter")

    def zeros(self, node: Node, view: View) -> list[Stage]:
        """The stages that store zeros where the inputs of a node store nothing, or everywhere."""
        return [self.zeros_in(node, view, boxes) for boxes in zero_boxes(node)]

    def zeros_in(self, node: Node, view: View, boxes: Sequence[Box]) -> Stage:
        """A stage that stores zeros in some boxes of one size."""
        loops = [
            self.axes[node][axis] if side.size == length else tuple({side.size} - {1})
            for axis, (side, length) in enumerate(zip(boxes[0], node.shape, strict=True))
        ]
        sizes = [size for axis in loops for size in axis]
        stage = self.begin(sizes, len(sizes))
        zero = Literal(0, node.dtype)
        for box in boxes:
            index, first = [], 0
            for axis, side in enumerate(box):
                part = self.counters(loops[axis], first)
                first += len(part)
                if side.size < node.shape[axis]:
                    start = self.constant_place(side.start)
                    part = self.on_axis(node, axis, start.plus(part[0]) if part else start)
                index.append(part)
            stage.stores.append(Store(zero, view.memory, view.at(join(index), self.loops)))
        return stage

    def source(self, x: Node) -> tuple[Stage, list[Index]]:
        """A stage with a loop for each factor of an input, and its index by axes."""
        sizes = self.axes.sizes(x)
        stage = self.begin(sizes, len(sizes))
        index = self.counters(sizes)
        stage.stores.append(Store(self.term(x, index), NOWHERE, self.constant_place(0)))
        return stage, self.split(x, index)

    def placed(
        self, node: Node, x: Node, before: Sequence[int], steps: Sequence[int]
    ) -> tuple[Stage, Index]:
        stage, parts = self.source(x)
        index = []
        for axis, part in enumerate(parts):
            if (
                self.axes[x][axis] == self.axes[node][axis]
                and not before[axis]
                and (x.shape[axis] == node.shape[axis])
            ):
                index.append(part)
            else:
                place = self.whole(x, axis, part).scaled(steps[axis], before[axis])
                index.append(self.on_axis(node, axis, place))
        return self.finished(stage, node), join(index)

    def overlapped(self, node: Node, op: OverlapAdd) -> tuple[Stage, Index]:
        x = node.inputs[0]
        stage, parts = self.source(x)
        free = node.ndim - len(op.lengths)
        index = list(parts[:free])
        for place, (stride, dilation) in enumerate(zip(op.strides, op.dilations, strict=True)):
            outside, inside = free + place, node.ndim + place
            at = self.whole(x, outside, parts[outside]).scaled(stride)
            at = at.plus(self.whole(x, inside, parts[inside]).scaled(dilation))
            index.append(self.on_axis(node, free + place, at))
        stage.stores[0].adds = True
        return self.finished(stage, node), join(index)

    def added(self, node: Node, axis: int, behind: int) -> tuple[Stage, Index]:
        """x is added at `indices`, which stand for its axes from `axis` to `behind`."""
        x, indices = node.inputs
        stage, parts = self.source(x)
        along = join(parts if indices.ndim == x.ndim and behind == axis + 1 and isinstance(
            node.op, AddAlongAxis) else parts[axis:behind])  # fmt: skip
        chosen = self.term(indices, along)
        index = [
            *parts[:axis],
            self.on_axis(node, axis, self.constant_place(0)),
            *parts[behind:],
        ]
        stage.stores[0].adds = True
        # The stride is found once the memory is laid out: `target` fills it in.
        stage.stores[0].gathers = (Gather(chosen, 0, node.shape[axis]),)
        return self.finished(stage, node), join(index)


NOWHERE = Memory(Kind.ARENA, float32, 0)


def accumulator(dtype: DType) -> DType:
    """The dtype in which numbers are summed: 2,048 + 1 is 2,048 in float16."""
    return float32 if dtype == float16 else dtype


def join(parts: Iterable[Index]) -> Index:
    return tuple(place for part in parts for place in part)


def dense_strides(sizes: Sequence[int]) -> tuple[int, ...]:
    """Strides of numbers that lie one after the other in C order."""
    return tuple(size_of(sizes[place + 1 :]) for place in range(len(sizes)))
