"""Stages without loops: what a program of few numbers becomes.

Where a whole step is some hundred operations, loops, masks and trips through memory would take
most of its time. So every turn of every loop is written out, one number at a time, and what one
stage hands to the next stays in a register. The processor then finds by itself which of the
operations can go side by side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from lunzi.compiler import access
from lunzi.compiler.builder import Function, Value, index, is_constant
from lunzi.compiler.loops import Apply, Kind, Load, Memory, Reduction, Stage, Store
from lunzi.compiler.nest import Nest
from lunzi.compiler.storing import COSTS
from lunzi.compiler.target import Target
from lunzi.compiler.watch import Watch
from lunzi.core.elementwise import Multiply
from lunzi.core.spec import is_floating

# Operations, weighed by COSTS, that are written out at most: some 0.2 s of compiling.
FEW_OPERATIONS = 3000

# One number at a time, so many operations take as long as what a stage with a loop costs in any
# case: with more of them, vectors win. Measured with networks of 2-3-1 to 8-32-4.
OPERATIONS_OF_A_STAGE = 128

INNER = (Kind.ARENA, Kind.SCRATCH)


def is_short(stages: Sequence[Stage]) -> bool:
    """Whether stages that run one after the other on one thread are best written out."""
    if any(stage.work is not None for stage in stages):
        return False
    most = min(FEW_OPERATIONS, OPERATIONS_OF_A_STAGE * len(stages))
    return sum(map(operations, stages)) <= most


def operations(stage: Stage) -> int:
    """What all turns of a stage cost, in units of an addition."""
    each = sum(
        COSTS.get(type(term.op), 1) if isinstance(term, Apply) else 1 for term in stage.terms
    )
    return stage.turns * (each + len(stage.targets))


class Registers:
    """The numbers in memory that are known to be in registers too.

    Inner memory is in registers alone, unless the places in it depend on data.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.known: dict[Memory, dict[int, Value]] = defaultdict(dict)
        self.addressed: set[Memory] = set()
        for stage in stages:
            self.addressed |= {load.memory for load in stage.loads if load.gathers}
            self.addressed |= {store.memory for store in stage.targets if store.gathers}

    def is_alone(self, memory: Memory) -> bool:
        """Whether nothing of a memory is ever looked for outside the registers."""
        return memory.kind in INNER and memory not in self.addressed


class Straight(Nest):
    """Writes one stage turn by turn.

    Args:
        registers: of all stages of the function, which are written in their order.
    """

    def __init__(
        self,
        f: Function,
        target: Target,
        stage: Stage,
        pointers: Callable[[Memory], Value],
        error: Value,
        registers: Registers,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(f, target, stage, pointers, None, error, watch)
        self.registers = registers

    def choose_vector(self) -> None:
        """No loop goes into lanes."""

    def turns(self, depth: int, start: Value, stop: Value, step: int) -> None:
        for turn in range(int(start.name), int(stop.name), step):
            with self.scope(index(turn)):
                self.enter(depth)
                self.level(depth + 1) if depth + 1 == self.stage.kept else self.reduced(depth + 1)

    def loaded(self, load: Load) -> Value:
        place = self.place_of(load)
        if not is_constant(place):
            return self.read(load.memory, place)
        known = self.registers.known[load.memory]
        number = int(place.name)
        if number not in known:
            assert not self.registers.is_alone(load.memory), f"{load.memory} is read too early"
            known[number] = self.read(load.memory, place)
        return known[number]

    def store(self, store: Store, value: Value) -> None:
        place, memory = self.place_of(store), store.memory
        known = self.registers.known[memory]
        if store.adds:
            before = known.get(int(place.name)) if is_constant(place) else None
            value = self.sum_of(memory.dtype, before or self.read(memory, place), value)
        self.see(store, value)
        if is_constant(place):
            known[int(place.name)] = value
        else:
            known.clear()
        if not self.registers.is_alone(memory):
            access.store(self.f, memory.dtype, value, self.pointer(memory, place))

    def place_of(self, use: Load | Store) -> Value:
        return self.f.add(self.place(use.address), self.moved(use.gathers))

    def pointer(self, memory: Memory, place: Value) -> Value:
        return self.f.place(self.pointers(memory), place, access.memory_type(memory.dtype))

    def read(self, memory: Memory, place: Value) -> Value:
        return access.load(self.f, memory.dtype, self.pointer(memory, place))

    def combined(self, reduction: Reduction, totals: list[Value]) -> list[Value]:
        match reduction.store.term:
            case Apply(Multiply(), (a, b), dtype) if self.stage.is_product and is_floating(dtype):
                factors = (self.values[id(a)], self.values[id(b)])
            case _:
                return super().combined(reduction, totals)
        (total,) = totals
        if [total] == self.identity(reduction):
            return [self.values[id(reduction.store.term)]]  # -0.0 + x is x
        if dtype != reduction.dtype or not self.f.module.has_fma:
            return super().combined(reduction, totals)
        return [self.f.intrinsic("fma", *factors, total)]
