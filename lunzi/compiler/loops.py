"""Loop nests: what is left of a graph when reshapes and other moves have become addresses.

A stage is one loop nest. For each turn of its loops it computes terms from numbers in memory and
stores some of them; along its inner loops it may also reduce terms to one number. An address is
affine in the counters of the loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from lunzi.core.checked import Bounds
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, DType


class Affine(NamedTuple):
    """offset + the sum over i of strides[i] times the counter of loop i."""

    offset: int
    strides: tuple[int, ...]

    def plus(self, other: Affine) -> Affine:
        strides = tuple(a + b for a, b in zip(self.strides, other.strides, strict=True))
        return Affine(self.offset + other.offset, strides)

    def scaled(self, factor: int, offset: int = 0) -> Affine:
        return Affine(self.offset * factor + offset, tuple(a * factor for a in self.strides))

    def reordered(self, order: Sequence[int]) -> Affine:
        return Affine(self.offset, tuple(self.strides[place] for place in order))

    def __str__(self) -> str:
        parts = [
            f"{letter}" if stride == 1 else f"{stride}{letter}"
            for letter, stride in zip(LETTERS, self.strides, strict=False)
            if stride
        ]
        return " + ".join([*([str(self.offset)] if self.offset or not parts else []), *parts])


LETTERS = "ijklmnopqrstuvwxyz"


class Kind(Enum):
    """Where the memory of a value lies."""

    ARGUMENT = "argument"  # what the caller hands over
    STATE = "state"  # tensors outside, read and written in place
    OUTPUT = "output"  # fresh memory for a result
    CONSTANT = "constant"  # fixed numbers
    ARENA = "arena"  # between regions
    SCRATCH = "scratch"  # inside a region: a block of rows, for each thread
    STEP = "step"  # the part of another memory that one step of a loop sees


class Memory:
    """The memory of one value. `sizes` and `strides` are those of its factors of axes."""

    __slots__ = ("array", "dtype", "elements", "index", "kind", "name")

    def __init__(
        self, kind: Kind, dtype: DType, elements: int, index: int = 0, array: Array | None = None
    ) -> None:
        self.kind = kind
        self.dtype = dtype
        self.elements = elements
        self.index = index
        self.array = array  # the numbers of a constant
        self.name = f"{kind.value}{index}"

    def __repr__(self) -> str:
        return self.name


class StepMemory(Memory):
    """What one step of a loop sees of a memory: it begins `stride` elements further each time."""

    __slots__ = ("offset", "parent", "stride")

    def __init__(self, parent: Memory, offset: int, stride: int) -> None:
        super().__init__(Kind.STEP, parent.dtype, parent.elements, parent.index)
        self.parent = parent
        self.offset = offset
        self.stride = stride
        self.name = f"{parent.name}[step]"


class View(NamedTuple):
    """How the factors of a value's axes lie in its memory, in elements."""

    memory: Memory
    offset: int
    strides: tuple[int, ...]

    def at(self, index: Sequence[Affine], loops: int) -> Affine:
        """The address of the element at this index."""
        address = Affine(self.offset, (0,) * loops)
        for stride, place in zip(self.strides, index, strict=True):
            if stride:
                address = address.plus(place.scaled(stride))
        return address


# Terms


@dataclass(frozen=True, eq=False, slots=True)
class Literal:
    """A fixed number."""

    value: float | int | bool
    dtype: DType


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A number computed from the counters: an int64."""

    address: Affine
    dtype: DType


@dataclass(frozen=True, eq=False, slots=True)
class Gather:
    """A place that depends on data: `stride` times the index, -1 being the last of `length`."""

    index: Term
    stride: int
    length: int


@dataclass(frozen=True, eq=False, slots=True)
class Load:
    """A number from memory."""

    memory: Memory
    address: Affine
    gathers: tuple[Gather, ...] = ()
    is_old: bool = False  # what the memory held before the program wrote there

    @property
    def dtype(self) -> DType:
        return self.memory.dtype


@dataclass(frozen=True, eq=False, slots=True)
class Apply:
    """An elementwise primitive of terms."""

    op: Primitive
    inputs: tuple[Term, ...]
    dtype: DType


Term = Literal | Place | Load | Apply


def inputs_of(term: Term) -> tuple[Term, ...]:
    match term:
        case Apply():
            return term.inputs
        case Load():
            return tuple(gather.index for gather in term.gathers)
    return ()


def terms_of(roots: Sequence[Term]) -> list[Term]:
    """All terms that the roots need, each behind its inputs."""
    order: dict[int, Term] = {}
    waiting = [(term, False) for term in reversed(roots)]
    while waiting:
        term, inputs_done = waiting.pop()
        if id(term) in order:
            continue
        if inputs_done:
            order[id(term)] = term
            continue
        waiting.append((term, True))
        waiting.extend((x, False) for x in inputs_of(term))
    return list(order.values())


# Stages


@dataclass(eq=False, slots=True)
class Store:
    """Where a term goes at each turn of the loops: of the kept ones, for a reduced term."""

    term: Term
    memory: Memory
    address: Affine
    gathers: tuple[Gather, ...] = ()
    adds: bool = False  # to what is there


class How(Enum):
    """What a reduction does with its terms."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"
    ARGMAX = "argmax"
    ARGMIN = "argmin"
    ORDER = "order"  # the place of the smallest, then that of the next, and so on


@dataclass(eq=False, slots=True)
class Reduction:
    """A term brought together along the reduced loops, in `dtype`, and where the result goes."""

    how: How
    store: Store
    dtype: DType
    is_running: bool = False  # stored at each turn: a running sum, an order


@dataclass(eq=False, slots=True)
class Check:
    """A term that must lie within bounds. The stage of a check stores nothing."""

    term: Term
    bounds: Bounds


@dataclass(eq=False)
class Stage:
    """One loop nest: `sizes` of its loops, of which the first `kept` are those of its results."""

    sizes: tuple[int, ...]
    kept: int
    stores: list[Store] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    is_product: bool = False  # the one reduction sums the product of two loads
    lead: int | None = None  # the loop over which the rows of a region run
    work: Memory | None = None  # of each thread: what a sort needs meanwhile
    lines: list[str] = field(default_factory=list)  # of the user, for messages

    @property
    def targets(self) -> list[Store]:
        return [*self.stores, *(reduction.store for reduction in self.reductions)]

    @property
    def roots(self) -> list[Term]:
        """The terms that the stage stores, reduces or checks."""
        indices = [gather.index for store in self.targets for gather in store.gathers]
        return [
            *(store.term for store in self.targets),
            *(check.term for check in self.checks),
            *indices,
        ]

    @property
    def terms(self) -> list[Term]:
        return terms_of(self.roots)

    @property
    def loads(self) -> Iterator[Load]:
        return (term for term in self.terms if isinstance(term, Load))

    @property
    def addresses(self) -> Iterator[Affine]:
        """Of all loads, places and stores."""
        for term in self.terms:
            if isinstance(term, Load | Place):
                yield term.address
        for store in self.targets:
            yield store.address

    @property
    def turns(self) -> int:
        """How often the innermost instructions run."""
        count = 1
        for size in self.sizes:
            count *= size
        return count

    def reorder(self, order: Sequence[int]) -> None:
        """Put the loops in another order; kept ones stay before reduced ones."""
        if list(order) == list(range(len(self.sizes))):
            return
        remapped(self, lambda address: address.reordered(order))
        self.sizes = tuple(self.sizes[place] for place in order)
        if self.lead is not None:
            self.lead = list(order).index(self.lead)


def collapse(stage: Stage) -> int:
    """Make one loop of two where every address moves on as if they were one.

    Returns:
        How many turns of its leading loop there are for one from before.
    """
    scale = 1
    for place in range(len(stage.sizes) - 2, -1, -1):
        inner = stage.sizes[place + 1]
        if place == stage.kept - 1 or stage.lead == place + 1:
            continue
        if all(a.strides[place] == inner * a.strides[place + 1] for a in stage.addresses):
            scale *= inner if stage.lead == place else 1
            collapse_at(stage, place)
    return scale


def collapse_at(stage: Stage, place: int) -> None:
    """Take out the outer one of two loops: the strides of the inner one are right for both."""
    sizes = list(stage.sizes)
    sizes[place + 1] *= sizes[place]
    stage.sizes = tuple(sizes)
    kept, lead = stage.kept, stage.lead
    stage.lead = None
    stage.reorder([loop for loop in range(len(sizes)) if loop != place])
    stage.kept = kept - (place < kept)
    stage.lead = lead if lead is None or lead <= place else lead - 1


def remapped(stage: Stage, change: Callable[[Affine], Affine]) -> None:
    """Change every address of a stage."""
    renewed: dict[int, Term] = {}
    for term in stage.terms:
        renewed[id(term)] = remapped_term(term, change, renewed)
    for store in stage.targets:
        store.term = renewed[id(store.term)]
        store.address = change(store.address)
        store.gathers = remapped_gathers(store.gathers, renewed)
    for check in stage.checks:
        check.term = renewed[id(check.term)]


def remapped_term(term: Term, change: Callable[[Affine], Affine], renewed: dict[int, Term]) -> Term:
    match term:
        case Place(address, dtype):
            return Place(change(address), dtype)
        case Load(memory, address, gathers, is_old):
            return Load(memory, change(address), remapped_gathers(gathers, renewed), is_old)
        case Apply(op, inputs, dtype):
            return Apply(op, tuple(renewed[id(x)] for x in inputs), dtype)
    return term


def remapped_gathers(gathers: tuple[Gather, ...], renewed: dict[int, Term]) -> tuple[Gather, ...]:
    return tuple(Gather(renewed[id(g.index)], g.stride, g.length) for g in gathers)


def memories_of(stages: Iterable[Stage]) -> list[Memory]:
    """All memories that stages read or write; of one that is seen by steps, the whole."""
    found: dict[Memory, None] = {}
    for stage in stages:
        for memory in touched_by(stage):
            found[whole_of(memory)] = None
    return list(found)


def whole_of(memory: Memory) -> Memory:
    """The memory of which a step sees a part; a memory is its own whole."""
    return memory.parent if isinstance(memory, StepMemory) else memory


def touched_by(stage: Stage) -> Iterator[Memory]:
    """The memories of a stage's loads, of its stores, and what it needs meanwhile."""
    for load in stage.loads:
        yield load.memory
    for store in stage.targets:
        yield store.memory
    if stage.work is not None:
        yield stage.work
