"""The loops of a contraction: their description, what is joined, and how they are written.

    c[rows, columns] = sum over inner of a[rows, inner] b[inner, columns]

where rows and inner are several loops each, so that a convolution is a contraction too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lunzi.compiler.builder import Function, Value, index
from lunzi.core.spec import DType


class Dim(NamedTuple):
    """One loop of a contraction: its length, and how far each operand moves at a turn.

    The strides count elements; they are 0 where an operand does not move.
    """

    size: int
    a: int
    b: int
    c: int


class Axis(NamedTuple):
    """Loops over rows that go as one: a length, strides, and the lengths of the joined loops."""

    size: int
    a: int
    b: int
    c: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Contraction:
    """c[rows, columns] = sum over inner of a[rows, inner] b[inner, columns].

    The order in which a number of c is summed depends on the contraction alone. So the bits of the
    result depend neither on `count`, nor on how a caller divides the rows.

    Args:
        dtype: float32 or float64, of all three.
        rows: the loops over rows, outermost first, at least one. Where b moves too (a batch of
            products), and outside of that, b is another matrix at each turn. The function gets
            the number of turns of the first one; a first loop of size 1 says that the rows are
            never divided, which saves code for what is left over.
        columns: the loop over columns: a does not move; b and c are contiguous, unless a and b
            are contiguous along the last loop of the sum.
        inner: the loops of the sum, outermost first; c does not move. Strides of a may overlap,
            be negative, or be anything else.
        accumulate: add to what c holds instead of overwriting it.
    """

    dtype: DType
    rows: tuple[Dim, ...]
    columns: Dim
    inner: tuple[Dim, ...]
    accumulate: bool = False

    def __post_init__(self) -> None:
        assert self.dtype.name in ("float32", "float64"), f"no contraction of {self.dtype}"
        assert self.rows, "a contraction has at least one loop over rows"
        assert self.columns.a == 0, f"a does not move along the columns: {self.columns}"
        assert self.has_vectors or self.has_dots, f"nothing is contiguous: {self}"
        assert all(dim.c == 0 for dim in self.inner), f"c does not move in a sum: {self.inner}"

    @property
    def has_vectors(self) -> bool:
        """Whether b and c are contiguous along the columns."""
        return self.columns.size <= 1 or self.columns[2:] == (1, 1)

    @property
    def has_dots(self) -> bool:
        """Whether a and b are contiguous along the last loop of the sum."""
        return self.last[1:3] == (1, 1)

    @cached_property
    def sums(self) -> tuple[Dim, ...]:
        """The loops of the sum, as few as they can be joined to."""
        return joined_sum(self.inner)

    @property
    def last(self) -> Dim:
        """The innermost loop of the sum."""
        return self.sums[-1] if self.sums else Dim(1, 1, 1, 0)

    @cached_property
    def batch(self) -> int:
        """How many of the first loops over rows choose a matrix b."""
        return max((i + 1 for i, dim in enumerate(self.rows) if dim.b), default=0)


def joined_rows(dims: Sequence[Dim], dynamic: bool) -> list[Axis]:
    """Loops over rows as few axes: neighbours that step on evenly are one.

    Args:
        dynamic: the first loop has a number of turns that is not known.
    """
    axes: list[Axis] = []
    for i, dim in enumerate(dims):
        axis = Axis(*dim, parts=(dim.size,))
        # A first loop of one turn is alone, so that all others have known lengths.
        apart = i == 0 or (i == 1 and dynamic and dims[0].size == 1)
        before = None if apart else joined(axes[-1], axis, dynamic and len(axes) == 1)
        if before is None:
            axes.append(axis)
        else:
            axes[-1] = before
    return axes


def joined(outer: Axis, inner: Axis, dynamic: bool) -> Axis | None:
    """Two nested loops as one, or None where they do not step on evenly."""
    parts = outer.parts + inner.parts
    if inner.size == 1:
        return outer._replace(parts=parts)
    if outer.size == 1 and not dynamic:
        return inner._replace(parts=parts)
    if (outer.a, outer.b, outer.c) == tuple(inner.size * stride for stride in inner[1:4]):
        return inner._replace(size=outer.size * inner.size, parts=parts)
    return None


def joined_sum(dims: Sequence[Dim]) -> tuple[Dim, ...]:
    """The loops of a sum as few loops in the same order; one without turns makes all empty."""
    loops: list[Dim] = []
    for dim in dims:
        if dim.size == 1:
            continue
        if loops and loops[-1][1:3] == (dim.size * dim.a, dim.size * dim.b):
            loops[-1] = dim._replace(size=dim.size * loops[-1].size)
        else:
            loops.append(dim)
    return tuple(loops)


class Range(NamedTuple):
    """A loop of the function that is written."""

    start: Value
    stop: Value
    step: int = 1


def nest(f: Function, ranges: Sequence[Range], body: Callable[[list[Value]], None]) -> None:
    """Nested loops, outermost first; `body` gets their counters."""
    counters: list[Value] = []

    def enter(depth: int) -> None:
        if depth == len(ranges):
            body(list(counters))
            return
        start, stop, step = ranges[depth]
        if f.add(start, step) == stop:  # one turn
            counters.append(start)
            enter(depth + 1)
        else:
            with f.loop(start, stop, step) as loop:
                counters.append(loop.counter)
                enter(depth + 1)
        counters.pop()

    enter(0)


class Place:
    """Where a vector of results stands.

    Attributes:
        offset: of its first number, in elements from the `c` of the whole contraction.
        column: of its first number.
        mask: which lanes are columns of the result; None where all are.
    """

    def __init__(
        self,
        f: Function,
        offset: Value,
        column: Value,
        mask: Value | None,
        counters: Sequence[tuple[Value, tuple[int, ...]]],
    ) -> None:
        self.offset = offset
        self.column = column
        self.mask = mask
        self._f = f
        self._counters = counters

    @cached_property
    def rows(self) -> tuple[Value, ...]:
        """The counter of each loop over rows, in the order of the contraction's `rows`."""
        return tuple(
            counter
            for whole, parts in self._counters
            for counter in split_counter(self._f, whole, parts)
        )


def split_counter(f: Function, whole: Value, parts: Sequence[int]) -> list[Value]:
    """The counters of nested loops, from the counter of the one that they were joined to."""
    counters: list[Value] = []
    for size in reversed(parts[1:]):
        counters.append(index(0) if size == 1 else f.op("urem", whole, index(size)))
        whole = whole if size == 1 else f.op("udiv", whole, index(size))
    return [whole, *reversed(counters)]


@dataclass(frozen=True)
class Finish:
    """What is done to each vector of results before it is stored: a bias, an activation.

    Args:
        parameters: what `emit` reads besides the result, as `Value("ptr", "%bias")`: they follow
            the parameters of the contraction, and have these names wherever `emit` is called, so
            that they differ from its own: a, b, c, count, step, column, row0, sum0, and so on.
        emit: writes the instructions, and gives what is to be stored. It gets a vector of results,
            or a single one where a contraction is done as dot products.
    """

    parameters: tuple[Value, ...]
    emit: Callable[[Function, Value, Place], Value]
