"""The guard against numbers that are not finite, inside a program: it costs little.

    seen <- seen + 0 x          0 as long as all x are finite, NaN ever after

A stage's results go through such a sum on their way to memory, in registers. At its end a region
leaves for each stage a word that says whether the stage *made* such numbers, one for whether
some were *meant*, from a constant such as a mask's -inf, and one for whether it *read* some from
state that came in so. Which stage was the first to make them out of finite ones is found from
these words, and from who reads what of whom, once something has gone wrong.
"""

from __future__ import annotations

import math

import numpy as np

from lunzi.compiler.builder import INDEX, Function, Value, index, splat_number
from lunzi.compiler.loops import (
    Affine,
    Apply,
    Literal,
    Load,
    Memory,
    Stage,
    StepMemory,
    Store,
    Term,
    inputs_of,
)
from lunzi.core.spec import DType, is_floating

WORD = 8  # bytes
WORDS = 3  # of each stage: made, meant, read
NOT_FINITE = -1  # in the word for errors, where a failed check leaves a positive number


class Guard:
    """Watches the stages of one function.

    Args:
        f: the function of a region.
        words: the address of WORDS words for each stage of the program.
        error: the address of the word for errors.
        numbers: which words are whose.
        written: the state that the program writes.
    """

    def __init__(
        self,
        f: Function,
        words: Value,
        error: Value,
        numbers: dict[Stage, int],
        written: set[Memory],
    ) -> None:
        self.f = f
        self.words = words
        self.error = error
        self.numbers = numbers
        self.written = written
        self.sums: dict[tuple[int, str], Value] = {}  # by word and type

    def on(self, stage: Stage, sees_copies: bool = False) -> Watch:
        return Watch(self, WORDS * self.numbers[stage], sees_copies)

    def add(self, word: int, value: Value, mask: Value | None) -> None:
        """Let a value go through the sum of a word, in the lanes that count."""
        f = self.f
        if value.element == "half":
            value = f.convert("fpext", value, "float")
        zero = splat_number(value.type, 0.0)
        if mask is not None and mask.lanes == value.lanes and value.lanes > 1:
            value = f.select(mask, value, zero)
        if (word, value.type) not in self.sums:
            self.sums[word, value.type] = f.variable(zero)
        place = self.sums[word, value.type]
        seen = f.load(value.type, place, 4)
        if f.module.has_fma:
            seen = f.intrinsic("fma", value, zero, seen)
        else:
            seen = f.op("fadd", seen, f.op("fmul", value, zero))
        f.store(seen, place, 4)

    def finish(self) -> None:
        """Leave the words, at the end of the function."""
        f = self.f
        for (word, type_), place in self.sums.items():
            seen = f.load(type_, place, 4)
            is_nan = f.compare("fcmp uno", seen, seen)
            if is_nan.lanes > 1:
                is_nan = f.call(f"llvm.vector.reduce.or.v{is_nan.lanes}i1", "i1", is_nan)
            with f.when(is_nan):
                f.store(index(1), f.place(self.words, index(word), INDEX), WORD)
                if word % WORDS == 0:
                    # A check that failed has the word for errors to itself.
                    code = index(NOT_FINITE)
                    f.define("{ i64, i1 }", f"cmpxchg {self.error}, {index(0)}, {code} "
                             "monotonic monotonic")  # fmt: skip


class Watch:
    """Looks at the numbers of one stage."""

    def __init__(self, guard: Guard, word: int, sees_copies: bool) -> None:
        self.guard = guard
        self.word = word
        self.sees_copies = sees_copies
        self.meant: set[int] = set()
        self.watched: set[int] = set()

    def begin(self, stage: Stage) -> None:
        """Find what is to be looked at, before the stage is written."""
        terms = stage.terms
        self.meant = meant(terms)
        # What is finite so far, and meets in the next operation what is not meant to be.
        self.watched = {
            id(x)
            for term in terms
            if id(term) in self.meant
            for x in inputs_of(term)
            if isinstance(x, Apply) and id(x) not in self.meant
        }

    def term(self, term: Term, value: Value, mask: Value | None) -> None:
        """A term was computed."""
        if not is_floating(term.dtype):
            return
        if id(term) in self.watched:
            self.guard.add(self.word, value, mask)
        elif isinstance(term, Load) and term.is_old and term.memory in self.guard.written:
            self.guard.add(self.word + 2, value, mask)

    def store(self, store: Store, value: Value, mask: Value | None) -> None:
        """A value is stored: a term, or what a reduction gave."""
        if not is_floating(store.memory.dtype):
            return
        if id(store.term) in self.meant:
            self.guard.add(self.word + 1, value, mask)
        elif self.sees_copies or makes(store):
            self.guard.add(self.word, value, mask)


def makes(store: Store) -> bool:
    """Whether what is stored is computed, and not only moved."""
    return store.adds or isinstance(store.term, Apply)


def meant(terms: list[Term]) -> set[int]:
    """Identities of the terms that may not be finite because a constant is not."""
    found: set[int] = set()
    for term in terms:
        match term:
            case Literal(value, dtype):
                is_meant = is_floating(dtype) and not math.isfinite(value)
            case Load(memory):
                is_meant = not is_finite(origin(memory).array, memory.dtype)
            case Apply(_, inputs, dtype):
                is_meant = is_floating(dtype) and any(id(x) in found for x in inputs)
            case _:
                is_meant = False
        if is_meant:
            found.add(id(term))
    return found


def origin(memory: Memory) -> Memory:
    """The whole memory of which one may see a part."""
    return memory.parent if isinstance(memory, StepMemory) else memory


def is_finite(array: np.ndarray | None, dtype: DType) -> bool:
    return array is None or not is_floating(dtype) or bool(np.isfinite(array).all())


def look_at(stage: Stage) -> Stage:
    """A stage that reads what a product has stored, over the same rows."""
    store = stage.reductions[0].store
    kept = stage.kept
    address = Affine(store.address.offset, store.address.strides[:kept])
    load = Load(store.memory, address)
    sizes = stage.sizes[:kept]
    return Stage(sizes, kept, [Store(load, store.memory, address)], lead=stage.lead)
