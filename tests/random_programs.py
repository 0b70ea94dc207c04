"""Programs drawn at random: a list of small numbers is read as operations on what there is.

Numbers stay small and whole, so that sums are the same in every order and results are compared
bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from hypothesis import strategies as st

import lunzi as lz
from lunzi.core.indexing import AddAlongAxis, ScatterAdd
from lunzi.core.movement import Pad
from lunzi.core.random import RandomBits
from lunzi.core.spec import Array, DType, broadcast_shapes, float32, float64, int32, int64, uint32
from lunzi.core.tensor import Tensor, bind
from lunzi.core.windows import OverlapAdd, Windows

Gene = tuple[int, int, int, int]

SHAPES = [
    (), (1,), (5,), (16,), (33,), (1, 7), (7, 1), (4, 4), (6, 6), (3, 17), (17, 3), (16, 40),
    (40, 16), (33, 31), (2, 3, 4), (4, 3, 2), (5, 1, 8), (6, 6, 6), (2, 8, 33), (0, 3), (3, 0),
    (2, 2, 3, 5),
]  # fmt: skip
LARGEST = 8192  # elements of one value
SMALL = 64  # numbers are brought below it before they are multiplied


@dataclass(frozen=True)
class Recipe:
    """What a program is made of."""

    seed: int
    dtype: DType
    arguments: tuple[int, ...]  # places in SHAPES
    states: tuple[tuple[int, int], ...]  # (place in SHAPES, order of the axes in memory)
    genes: tuple[Gene, ...]

    def drawn(self, shape: Sequence[int], offset: int) -> Array:
        rng = np.random.default_rng(self.seed + offset)
        return rng.integers(-4, 5, shape).astype(self.dtype)

    def argument_arrays(self) -> list[Array]:
        return [self.drawn(SHAPES[at], i) for i, at in enumerate(self.arguments)]

    def state_tensors(self) -> list[Tensor]:
        """Fresh state, always with the same numbers; its axes lie in memory in any order."""
        result = []
        for i, (at, order) in enumerate(self.states):
            shape = SHAPES[at]
            axes = permutation(len(shape), order)
            memory = self.drawn([shape[axis] for axis in axes], 100 + i)
            view = memory.transpose(np.argsort(axes)) if len(shape) else memory
            result.append(lz.tensor(view) if order < 6 else flipped_tensor(view))
        return result

    def function(self, states: Sequence[Tensor]) -> Callable[..., tuple[Tensor, ...]]:
        return lambda *arguments: Cook(self, states, arguments).cook()


def flipped_tensor(view: Array) -> Tensor:
    """A tensor over memory with strides below 0."""
    return Tensor(np.ascontiguousarray(view[..., ::-1])[..., ::-1] if view.ndim else view)


def permutation(ndim: int, number: int) -> tuple[int, ...]:
    """One of the orders of so many axes."""
    left, result = list(range(ndim)), []
    while left:
        number, place = divmod(number, len(left))
        result.append(left.pop(place))
    return tuple(result)


class Cook:
    """One run of a recipe: a pool of values, and for each how large its numbers may be."""

    def __init__(self, recipe: Recipe, states: Sequence[Tensor], arguments: Sequence[Tensor]):
        self.recipe = recipe
        self.states = states
        self.pool: list[Tensor] = []
        self.kept: list[Tensor] = []  # all that the tables below know, so that identities stay
        self.bounds: dict[int, float] = {}
        self.roots: dict[int, Tensor] = {id(x): x for x in states}  # what a value is a view of
        for x in (*arguments, *states):
            self.add(x, 4)

    def add(self, x: Tensor, bound: float) -> None:
        if x.size <= LARGEST:
            self.pool.append(x)
            self.kept.append(x)
            self.bounds[id(x)] = bound

    def add_view(self, x: Tensor, source: Tensor) -> None:
        self.kept += [x, source]
        self.add(x, self.bounds[id(source)])
        if id(source) in self.roots:
            self.roots[id(x)] = self.roots[id(source)]

    def cook(self) -> tuple[Tensor, ...]:
        for gene in self.recipe.genes:
            OPERATIONS[gene[0] % len(OPERATIONS)](self, *gene[1:])
        chosen = [x for i, x in enumerate(self.pool) if i % 3 == self.recipe.seed % 3]
        return (*chosen[-5:], *self.pool[-2:])

    def pick(self, number: int) -> Tensor:
        """A value with small numbers; the latest ones are asked for most."""
        return self.small(self.pool[-1 - number % min(len(self.pool), 8)])

    def small(self, x: Tensor) -> Tensor:
        if self.bounds[id(x)] <= SMALL:
            return x
        result = x % 7 - 3
        self.add(result, 3)
        return result

    def partner(self, x: Tensor, number: int, grows: bool = True) -> Tensor:
        """Another value that x can be combined with."""
        fitting = []
        for y in self.pool:
            try:
                shape = broadcast_shapes(x.shape, y.shape)
            except lz.LunziError:
                continue
            if prod(shape) <= LARGEST and (grows or shape == x.shape):
                fitting.append(y)
        return self.small(fitting[-1 - number % len(fitting)])

    def bound(self, *values: Tensor) -> float:
        return max(self.bounds[id(x)] for x in values)

    def indices(self, shape: Sequence[int], length: int, number: int) -> Tensor:
        """Places on an axis, computed from a value that there is."""
        x = self.pick(number).astype(int64).flatten()
        places = np.arange(prod(shape)).reshape(shape) * 7 + number
        if not x.size:
            return lz.tensor(places % length)
        chosen = (x.take(places % x.size) + places) % length
        return chosen - length if number % 3 == 0 else chosen

    # Operations

    def binary(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        y = self.partner(x, b)
        own, other = self.bounds[id(x)], self.bounds[id(y)]
        match c % 6:
            case 0:
                self.add(x + y, own + other)
            case 1:
                self.add(x - y, own + other)
            case 2:
                self.add(x * y, own * other)
            case 3:
                self.add(x.maximum(y), max(own, other))
            case 4:
                self.add(x.minimum(y), max(own, other))
            case _:
                self.add((x < y).where(x, y - 1), max(own, other) + 1)

    def unary(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        bound = self.bound(x)
        match b % 7:
            case 0:
                self.add(-x, bound)
            case 1:
                self.add(x.abs(), bound)
            case 2:
                self.add((x <= 0).where(0, x), bound)
            case 3:
                self.add(x.sign(), 1)
            case 4:
                self.add(x // 2, bound)
            case 5:
                self.add(x.astype(int32).astype(x.dtype), bound)
            case _:
                self.add((x == 2).astype(x.dtype), 1)

    def permute(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        self.add_view(x.permute_dims(permutation(x.ndim, b)), x)

    def flip(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        axes = [axis for axis in range(x.ndim) if b >> axis & 1]
        self.add_view(x.flip(axes), x)

    def cut(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim:
            axis = b % x.ndim
            length = x.shape[axis]
            start = c % (length + 1)
            stop = max(start, length - b % 2)
            self.add_view(x.slice_axis(axis, start, stop, 1 + c % 3), x)

    def pad(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.size <= LARGEST // 8:
            before = tuple((b + axis) % 3 for axis in range(x.ndim))
            after = tuple((c + axis) % 2 for axis in range(x.ndim))
            steps = tuple(1 + (b + c + axis) % 2 for axis in range(x.ndim))
            self.add(bind(Pad(before, after, steps), x), self.bound(x))

    def concat(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if not x.ndim:
            return
        axis = b % x.ndim
        fitting = [
            y
            for y in self.pool
            if y.ndim == x.ndim
            and all(y.shape[i] == x.shape[i] for i in range(x.ndim) if i != axis)
        ]
        others = [self.small(fitting[(c + i) % len(fitting)]) for i in range(1 + c % 2)]
        self.add(lz.concat([*others, x], axis), self.bound(x, *others))

    def reshape(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if not x.size:
            self.add_view(x.reshape((0, 2)), x)
            return
        factors, left = [], x.size
        for divisor in (2 + b % 5, 2 + c % 3, 2, 3):
            if left % divisor == 0:
                factors.append(divisor)
                left //= divisor
        sizes = [*factors, left][:4]
        sizes[-1] = x.size // prod(sizes[:-1])
        order = permutation(len(sizes), b)
        self.add_view(x.reshape([sizes[i] for i in order]), x)

    def stretch(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        if x.ndim < 4:
            axis = b % (x.ndim + 1)
            y = x.expand_dims(axis)
            shape = list(y.shape)
            shape[axis] = 1 + b % 4
            self.add_view(y.broadcast_to(shape) if b % 2 else y, x)

    def reduce(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        axes = tuple(axis for axis in range(x.ndim) if b >> axis & 1)
        kept = bool(b & 16)
        count = prod(x.shape[axis] for axis in axes)
        if c % 3 == 0 or not count:
            self.add(x.sum(axes, kept).astype(x.dtype), self.bound(x) * max(count, 1))
        else:
            self.add((x.max if c % 3 == 1 else x.min)(axes, kept), self.bound(x))

    def position(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim and x.shape[b % x.ndim]:
            found = (x.argmax if c % 2 else x.argmin)(b % x.ndim)
            self.add(found.astype(x.dtype), x.shape[b % x.ndim])

    def running(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        if x.ndim:
            length = max(x.shape[b % x.ndim], 1)
            y = x.cumulative_sum(b % x.ndim).astype(x.dtype)
            self.add(y, self.bound(x) * length)

    def sort(self, a: int, b: int, _: int) -> None:
        x = self.pick(a)
        if x.ndim:
            self.add(x.sort(b % x.ndim, descending=bool(b & 4)), self.bound(x))

    def take(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim and x.shape[b % x.ndim] and x.size <= LARGEST // 16:
            axis = b % x.ndim
            shape = [(3,), (2, 2), (), (17,)][c % 4]
            self.add(x.take(self.indices(shape, x.shape[axis], c), axis), self.bound(x))

    def scatter(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim:
            axis, size = b % x.ndim, 1 + c % 9
            indices = self.indices((x.shape[axis],), size, c)
            self.add(bind(ScatterAdd(axis, size), x, indices), self.bound(x) * x.shape[axis])

    def along(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if not x.ndim or not x.shape[b % x.ndim]:
            return
        axis = b % x.ndim
        shape = list(x.shape)
        if c % 2:
            shape[axis] = 1 + c % 3
            indices = self.indices(shape, x.shape[axis], c)
            self.add(x.take_along_axis(indices, axis), self.bound(x))
        else:
            size = 1 + c % 5
            indices = self.indices(shape, size, c)
            self.add(bind(AddAlongAxis(axis, size), x, indices), self.bound(x) * shape[axis])

    def product(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim < 2:
            return
        candidates = [y for y in self.pool if y.ndim >= 2]
        y = self.small(candidates[-1 - b % len(candidates)])
        if c & 1:
            x = x.mT
        if c & 2:
            y = y.mT
        if x.shape[-1] != y.shape[-2]:
            y = x.mT
        try:
            batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
        except lz.LunziError:
            y, batch = x.mT, x.shape[:-2]
        if prod(batch) * x.shape[-2] * y.shape[-1] <= LARGEST:
            self.add(x @ y, SMALL * SMALL * max(x.shape[-1], 1))

    def windows(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        if x.ndim and x.shape[-1] >= 3 and x.size <= LARGEST // 4:
            size, stride, dilation = 2 + b % 2, 1 + b % 3, 1 + c % 2
            if dilation * (size - 1) >= x.shape[-1]:
                return
            op = Windows((size,), (stride,), (dilation,))
            y = bind(op, x)
            self.add_view(y, x)
            if c % 3:
                back = OverlapAdd((x.shape[-1],), (size,), (stride,), (dilation,))
                z = y * 2 if c % 2 else y
                self.add(bind(back, z), self.bound(x) * 2 * size)

    def choose(self, a: int, b: int, c: int) -> None:
        x = self.pick(a)
        y, z = self.partner(x, b, grows=False), self.partner(x, c, grows=False)
        self.add((x > y).where(z, x), self.bound(x, z))

    def constant(self, a: int, b: int, _: int) -> None:
        shape = SHAPES[a % len(SHAPES)]
        self.add(lz.tensor(self.recipe.drawn(shape, b)), 4)

    def words(self, a: int, b: int, _: int) -> None:
        shape = SHAPES[a % len(SHAPES)]
        key = lz.tensor(np.array([b, 7], uint32))
        bits = bind(RandomBits(shape), key, lz.tensor(np.int64(b)))
        self.add((bits % 5).astype(self.recipe.dtype), 5)

    def assign(self, a: int, b: int, c: int) -> None:
        """Give state a new value: one that there is, or the old one in another order."""
        if not self.states:
            return
        state = self.states[a % len(self.states)]
        old = state + 0 if c % 2 else state
        if c % 4 == 0 and state.ndim:
            new = state.flip(b % state.ndim)
        elif c % 4 == 1 and state.ndim > 1 and len(set(state.shape)) == 1:
            new = state.permute_dims(permutation(state.ndim, b))
        else:
            fitting = [
                x
                for x in self.pool
                if x.ndim <= state.ndim
                and all(p in (1, q) for p, q in zip(x.shape[::-1], state.shape[::-1], strict=False))
            ]
            new = self.small(fitting[-1 - b % len(fitting)])
        if c % 3 == 0:
            new = new + state
        elif c % 3 == 1 and self.pool:
            new = new - self.partner(state, b, grows=False)
        new = (new % 7 - 3).broadcast_to(state.shape)
        self.leave_views_of(state)
        state.assign(new)
        self.bounds[id(state)] = 4
        self.add(old, 4)

    def leave_views_of(self, state: Tensor) -> None:
        """Views of state that changes cannot be read any more: two go on as copies."""
        views = [x for x in self.pool if self.roots.get(id(x)) is state and x is not state]
        gone = set(map(id, views))
        self.pool = [x for x in self.pool if id(x) not in gone]
        for x in views[-2:]:
            self.add(x + 1, self.bounds[id(x)] + 1)

    def read(self, a: int, _b: int, _c: int) -> None:
        if self.states:
            self.add(self.states[a % len(self.states)], 4)

    def centre(self, a: int, b: int, _: int) -> None:
        """A chain by rows, as softmax and normalisations are."""
        x = self.pick(a)
        if x.ndim and x.shape[-1]:
            y = x - x.max(-1, keepdims=True)
            self.add(y * 2 - y.sum(-1, keepdims=True).astype(x.dtype), 4 * self.bound(x) * x.size)


OPERATIONS = [
    Cook.binary, Cook.binary, Cook.binary, Cook.unary, Cook.unary, Cook.permute, Cook.flip,
    Cook.cut, Cook.pad, Cook.concat, Cook.reshape, Cook.reshape, Cook.stretch, Cook.reduce,
    Cook.reduce, Cook.position, Cook.running, Cook.sort, Cook.take, Cook.scatter, Cook.along,
    Cook.product, Cook.product, Cook.windows, Cook.choose, Cook.constant, Cook.words, Cook.assign,
    Cook.assign, Cook.read, Cook.centre,
]  # fmt: skip

shapes = st.integers(0, len(SHAPES) - 1)
genes = st.tuples(
    st.integers(0, len(OPERATIONS) - 1), st.integers(0, 31), st.integers(0, 31), st.integers(0, 31)
)
recipes = st.builds(
    Recipe,
    seed=st.integers(0, 99),
    dtype=st.sampled_from([float32, float64, int32, int64]),
    arguments=st.lists(shapes, min_size=1, max_size=3).map(tuple),
    states=st.lists(st.tuples(shapes, st.integers(0, 8)), max_size=3).map(tuple),
    genes=st.lists(genes, min_size=1, max_size=12).map(tuple),
)


def long_recipe(seed: int) -> Recipe:
    """A recipe of 12 to 24 operations; those above are mostly short."""
    rng = np.random.default_rng(seed)

    def below(limit: int) -> int:
        return int(rng.integers(limit))

    return Recipe(
        seed=seed,
        dtype=[float32, float64, int32, int64][below(4)],
        arguments=tuple(below(len(SHAPES)) for _ in range(1 + below(3))),
        states=tuple((below(len(SHAPES)), below(9)) for _ in range(below(4))),
        genes=tuple(
            (below(len(OPERATIONS)), below(32), below(32), below(32)) for _ in range(12 + below(13))
        ),
    )
