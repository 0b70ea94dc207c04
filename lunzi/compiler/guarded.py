"""Native programs that look out for numbers that are not finite, and name who made the first."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

import numpy as np

from lunzi.compiler.executable import Native, NativeSteps
from lunzi.compiler.finite import NotFiniteError
from lunzi.compiler.formulas import lines_of, operations_of
from lunzi.compiler.loops import Apply, Kind, Memory, Stage
from lunzi.compiler.native import PASSES
from lunzi.compiler.plan import Plan
from lunzi.compiler.watch import NOT_FINITE, WORDS, is_finite, origin
from lunzi.core.spec import Array, DType, Shape
from lunzi.core.trace import Graph, Slot


class Kernel(NamedTuple):
    """A stage, and where what it reads comes from.

    Args:
        makers: stages before it that write what it reads.
        states: those that the program writes, as they were before.
        given: arguments, and state that nobody writes.
        makes: whether it computes, and does not only move.
    """

    stage: Stage
    makers: set[int]
    states: set[Memory]
    given: set[Memory]
    makes: bool


class Guarded(Native):
    """A native program that raises for the first stage that makes numbers that are not finite."""

    is_guarded = True
    passes = ("sroa", *PASSES)

    def __init__(
        self, graph: Graph, memories: Sequence[Slot], layouts: Sequence[tuple[int, ...]]
    ) -> None:
        super().__init__(graph, memories, layouts)
        self.words = np.zeros((self.parts.stages, WORDS), np.int64)
        self.table[self.table_plan.guard] = self.words.ctypes.data

    def start(self, table: Array, address: int) -> None:
        self.words.fill(0)
        super().start(table, address)
        if self.error[0] == NOT_FINITE:
            self.error[0] = 0
            found = self.first(table)
            if found is not None:
                self.refuse_numbers(self.kernels[found].stage, table)

    def steps(self, memories: Sequence[Array], each: Mapping[int, Array]) -> NativeSteps:
        return GuardedSteps(self, memories, each)

    @cached_property
    def kernels(self) -> list[Kernel]:
        """All stages, as they are numbered."""
        return kernels_of(self.plan())

    def first(self, table: Array) -> int | None:
        """The first stage that made such numbers out of finite ones."""
        made, meant, read = self.words.astype(bool).T
        came_in: dict[Memory, bool] = {}
        for kernel, has_read in zip(self.kernels, read, strict=True):
            for memory in kernel.states:
                came_in[memory] = came_in.get(memory, False) or bool(has_read)
        has_some = made | meant
        for number, kernel in enumerate(self.kernels):
            for memory in kernel.given - came_in.keys():
                came_in[memory] = not is_finite(self.numbers_of(memory, table), memory.dtype)
            sources = [has_some[maker] for maker in kernel.makers]
            sources += [came_in[memory] for memory in kernel.given | kernel.states]
            if made[number] and not any(sources):
                return number
            if not kernel.makes and any(sources):
                has_some[number] = True
        return None

    def numbers_of(self, memory: Memory, table: Array) -> Array:
        """What lies in an argument or a state."""
        address = int(table[self.table_plan.word_of(memory)])
        if memory.kind is Kind.ARGUMENT:
            return seen_at(address, memory.dtype, (memory.elements,), (1,))
        layout = self.layouts[memory.index]
        return seen_at(address, memory.dtype, layout.spec.shape, layout.strides)

    def refuse_numbers(self, stage: Stage, table: Array) -> NoReturn:
        written = [Memory(Kind.STATE, self.layouts[i].spec.dtype, 0, i) for i in self.written]
        spoilt = [
            str(self.layouts[memory.index].spec)
            for memory in written
            if not is_finite(self.numbers_of(memory, table), memory.dtype)
        ]
        raise NotFiniteError(lines_of([stage]), operations_of(stage), len(written), spoilt)


class GuardedSteps(NativeSteps):
    """One call after the other, so that the first step that goes wrong is the last."""

    def run(self, first: int, stop: int) -> None:
        table, strides = self.order.table, self.order.strides
        for step in range(first, stop):
            self.begun = step + 1
            moved = table.copy()
            moved[: len(strides)] += strides * step
            if not self.native.run(moved, moved.ctypes.data):
                self.slowly.run(step, step + 1)


def kernels_of(plan: Plan) -> list[Kernel]:
    """The stages of a plan, and who reads what of whom."""
    made_by: dict[Memory, list[int]] = defaultdict(list)
    written = {origin(store.memory) for stage in plan.stages for store in stage.targets}
    kernels = []
    for number, stage in enumerate(plan.stages):
        makers: set[int] = set()
        states, given = set(), set()
        for load in stage.loads:
            memory = origin(load.memory)
            if is_given(memory, written):
                given.add(memory)
            elif memory.kind is Kind.STATE and load.is_old:
                states.add(memory)
            else:
                makers.update(made_by[memory])
        for store in stage.targets:
            made_by[origin(store.memory)].append(number)
        kernels.append(Kernel(stage, makers, states, given, computes(stage)))
    return kernels


def is_given(memory: Memory, written: set[Memory]) -> bool:
    """Whether a memory comes in and stays as it is."""
    is_constant_state = memory.kind is Kind.STATE and memory not in written
    return memory.kind is Kind.ARGUMENT or is_constant_state


def computes(stage: Stage) -> bool:
    """Whether a stage computes numbers, and does not only move them."""
    return bool(stage.reductions) or any(
        store.adds or isinstance(store.term, Apply) for store in stage.stores
    )


def seen_at(address: int, dtype: DType, shape: Shape, strides: Sequence[int]) -> Array:
    """Numbers that lie in memory, from the address of the first of them."""
    if 0 in shape:
        return np.zeros(shape, dtype)
    reaches = [step * (size - 1) for size, step in zip(shape, strides, strict=True)]
    low, high = (sum(f(reach, 0) for reach in reaches) * dtype.itemsize for f in (min, max))
    memory: Any = (ctypes.c_byte * (high - low + dtype.itemsize)).from_address(address + low)
    steps = [step * dtype.itemsize for step in strides]
    return np.ndarray(shape, dtype, memory, -low, steps)
