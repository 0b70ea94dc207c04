"""A stage as instructions: its loops, one of them in vectors, and the terms at their depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from lunzi.compiler import access
from lunzi.compiler.builder import (
    INDEX,
    TYPES,
    Function,
    Value,
    index,
    number,
    splat_number,
    vector,
)
from lunzi.compiler.lanes import Lanes
from lunzi.compiler.loops import (
    Affine,
    Apply,
    Check,
    Gather,
    How,
    Literal,
    Load,
    Memory,
    Place,
    Reduction,
    Stage,
    Store,
    Term,
)
from lunzi.compiler.random_bits import random_word
from lunzi.compiler.scalar import emit
from lunzi.compiler.sorting import entry, entry_type, entry_words, place_of, sort
from lunzi.compiler.target import Target
from lunzi.compiler.uniform_division import Divisor, as_divisor, divided
from lunzi.compiler.watch import Watch
from lunzi.core.elementwise import Add, Cast, Divide, Maximum, Minimum
from lunzi.core.random import RandomBits
from lunzi.core.spec import DType, float16, float32, is_floating

COMBINE = {How.SUM: Add(), How.MAX: Maximum(), How.MIN: Minimum()}
ARGS = (How.ARGMAX, How.ARGMIN)
FAILED = 1  # in the word for errors, once a check has failed


class Nest:
    """Writes one stage into a function.

    Args:
        f: the function of the stage's region.
        pointers: gives the address of a memory's first element.
        rows: the first and the last row + 1 of the leading loop, where there is one.
        error: where it is noted that a check has failed.
        watch: told of the numbers that are made, if somebody wants to know whether they are finite.
    """

    def __init__(
        self,
        f: Function,
        target: Target,
        stage: Stage,
        pointers: Callable[[Memory], Value],
        rows: tuple[Value, Value] | None,
        error: Value,
        watch: Watch | None = None,
    ) -> None:
        self.f = f
        self.stage = stage
        self.pointers = pointers
        self.error = error
        self.bounds = [(index(0), index(size)) for size in stage.sizes]
        if stage.lead is not None and rows is not None:
            self.bounds[stage.lead] = rows
        self.vector = self.choose_vector()
        self.lanes = self.choose_lanes(target)
        self.counters: list[Value] = []
        self.places: dict[tuple[int, ...], Value] = {(): index(0)}
        self.values: dict[int, Value] = {}
        self.mask: Value | None = None
        self.totals: list[Value] = []
        self.terms = stage.terms
        self.watch = watch
        if watch is not None:
            watch.begin(stage)
        self.divisors: dict[int, Divisor] = {}  # by the identity of their term
        self.depths: dict[int, int] = {}
        self.wide: set[int] = set()  # identities of terms with a number for each lane
        for term in self.terms:
            self.note(term)
        self.quick = {id(term) for term in self.terms if self.divides_by_one(term, target)}
        self.uniform = {
            id(term.inputs[1])
            for term in self.terms
            if isinstance(term, Apply) and id(term) in self.quick
        }
        self.prefixes = sorted({a.strides for a in self.stage.addresses})

    # Preparation

    def choose_vector(self) -> int | None:
        """The loop whose turns go into lanes; it becomes the last of the kept or of the reduced."""
        stage = self.stage
        best: tuple[int, int, int] | None = None
        for loop in range(len(stage.sizes)):
            score = self.score(loop)
            if score is not None:
                # Of equals a kept loop, for it needs no sum over lanes at the end.
                candidate = (score, int(loop < stage.kept), loop)
                best = max(best, candidate) if best is not None else candidate
        if best is None:
            return None
        loop = best[2]
        last = stage.kept - 1 if loop < stage.kept else len(stage.sizes) - 1
        order = [other for other in range(len(stage.sizes)) if other != loop]
        order.insert(last, loop)
        self.bounds = [self.bounds[place] for place in order]
        stage.reorder(order)
        return last

    def score(self, loop: int) -> int | None:
        """How well a loop's turns lie beside each other; None where lanes are not allowed."""
        stage = self.stage
        if stage.sizes[loop] < 2 or stage.work is not None:
            return None
        for store in stage.stores:
            if not store.address.strides[loop] or (
                store.adds and any(depends_on(g.index, loop) for g in store.gathers)
            ):
                return None
        if loop >= stage.kept and any(
            r.how in ARGS or r.is_running or r.how not in COMBINE for r in stage.reductions
        ):
            return None
        score = 0
        for address in self.stage.addresses:
            step = abs(address.strides[loop])
            score += 2 if step == 1 else -1 if step else 0
        for load in stage.loads:
            score -= 2 * any(depends_on(g.index, loop) for g in load.gathers)
        # Few turns leave lanes empty.
        return 4 * score - (2 if stage.sizes[loop] < 8 else 0)

    def choose_lanes(self, target: Target) -> int:
        if self.vector is None:
            return 1
        dtypes = {term.dtype for term in self.stage.terms}
        widest = max(dtypes, key=lambda dtype: dtype.itemsize)
        is_long = widest.itemsize == 8 and not dtypes & {float32, float16}
        lanes = target.lanes(widest if is_long else float32)
        if self.vector == self.stage.lead:
            return lanes
        size = self.stage.sizes[self.vector]
        return min(lanes, 1 << max(size - 1, 0).bit_length())

    def note(self, term: Term) -> None:
        """Find the loop at whose turns a term changes, and whether it has lanes."""
        depth, is_wide = -1, False
        match term:
            case Load(address=address) | Place(address=address):
                depth = last_loop(address)
                is_wide = self.vector is not None and bool(address.strides[self.vector])
        inputs = term.inputs if isinstance(term, Apply) else ()
        if isinstance(term, Load):
            inputs = tuple(g.index for g in term.gathers)
        for x in inputs:
            depth = max(depth, self.depths[id(x)])
            is_wide = is_wide or id(x) in self.wide
        self.depths[id(term)] = depth
        if is_wide and self.lanes > 1:
            self.wide.add(id(term))

    def divides_by_one(self, term: Term, target: Target) -> bool:
        """Whether lanes are divided by a number that was known before their loop began."""
        match term:
            case Apply(Divide(), (a, b)) if term.dtype == float32 and target.has_fma:
                is_before = self.depths[id(b)] < self.depths[id(a)]
                return id(a) in self.wide and id(b) not in self.wide and is_before
        return False

    # Loops

    def write(self) -> None:
        self.enter(-1)
        self.level(0)

    def level(self, depth: int) -> None:
        """The loop at this depth and all within."""
        stage = self.stage
        if depth == stage.kept and stage.work is not None:
            self.order(depth, stage.work)
        elif depth == stage.kept and stage.reductions:
            self.totals = [total for r in stage.reductions for total in self.identity(r)]
            self.reduced(depth)
            self.finish()
        else:
            self.reduced(depth)

    def reduced(self, depth: int) -> None:
        if depth == len(self.stage.sizes):
            self.innermost()
            return
        start, stop = self.bounds[depth]
        if depth == self.vector and self.lanes > 1:
            self.vector_loop(depth, start, stop)
        else:
            self.turns(depth, start, stop, 1)

    def turns(self, depth: int, start: Value, stop: Value, step: int) -> None:
        carried = self.totals if depth >= self.stage.kept else []
        with self.f.loop(start, stop, step, carried) as loop, self.scope(loop.counter):
            if depth >= self.stage.kept:
                self.totals = loop.carried
            self.enter(depth)
            self.level(depth + 1) if depth + 1 == self.stage.kept else self.reduced(depth + 1)
            if depth >= self.stage.kept:
                loop.next = self.totals
        if depth >= self.stage.kept:
            self.totals = loop.carried

    def vector_loop(self, depth: int, start: Value, stop: Value) -> None:
        """Whole vectors first, then one that a mask cuts off."""
        f, lanes = self.f, self.lanes
        if start.name[0] != "%" and stop.name[0] != "%":
            turns = int(stop.name) - int(start.name)
            last = index(int(stop.name) - turns % lanes)
            if turns >= lanes:
                self.turns(depth, start, last, lanes)
            if turns % lanes:
                self.tail(depth, last, index(turns % lanes))
            return
        rest = f.op("and", f.op("sub", stop, start), index(lanes - 1))
        last = f.op("sub", stop, rest)
        self.turns(depth, start, last, lanes)
        with f.when(f.compare("icmp sgt", rest, index(0))):
            self.tail(depth, last, rest)

    def tail(self, depth: int, counter: Value, remaining: Value) -> None:
        self.mask = access.mask_below(self.f, remaining, self.lanes)
        with self.scope(counter):
            self.enter(depth)
            self.level(depth + 1) if depth + 1 == self.stage.kept else self.reduced(depth + 1)
        self.mask = None

    @contextmanager
    def scope(self, counter: Value) -> Iterator[None]:
        """What is computed inside a turn is not known outside it."""
        known = values, places, divisors = self.values, self.places, self.divisors
        self.values, self.places, self.divisors = dict(values), dict(places), dict(divisors)
        self.counters.append(counter)
        yield
        self.counters.pop()
        self.values, self.places, self.divisors = known

    def enter(self, depth: int) -> None:
        """Compute what changes with the loop at this depth."""
        if depth >= 0:
            for strides in self.prefixes:
                prefix = strides[: depth + 1]
                if prefix not in self.places:
                    before = self.places[prefix[:-1]]
                    moved = self.f.times(self.counters[depth], prefix[-1])
                    self.places[prefix] = self.f.add(before, moved)
        for term in self.terms:
            if self.depths[id(term)] == depth:
                self.values[id(term)] = value = self.value(term)
                if id(term) in self.uniform:
                    self.divisors[id(term)] = as_divisor(self.f, self.f.splat(value, self.lanes))
                if self.watch is not None:
                    self.watch.term(term, self.values[id(term)], self.mask)

    def place(self, address: Affine) -> Value:
        """The scalar place of an address, at the first lane."""
        depth = len(self.counters)
        return self.f.add(self.places[address.strides[:depth]], address.offset)

    # Terms

    def value(self, term: Term) -> Value:
        match term:
            case Literal(value, dtype):
                return number(TYPES[dtype.name], value)
            case Place(address):
                place = self.place(address)
                if id(term) not in self.wide:
                    return place
                assert self.vector is not None
                stride = address.strides[self.vector]
                return access.places_from(self.f, place, self.lanes, stride)
            case Load():
                return self.loaded(term)
            case Apply(RandomBits(), inputs):
                first, second, counter, place = (self.values[id(x)] for x in inputs)
                return random_word(self.f, (first, second), counter, place)
            case Apply(_, (a, b)) if id(term) in self.quick:
                return divided(Lanes(self.f, self.splat(a)), self.divisors[id(b)]).value
            case Apply(op, inputs, dtype):
                operands = [
                    self.splat(x) if id(term) in self.wide else self.values[id(x)] for x in inputs
                ]
                return emit(self.f, op, operands, [x.dtype for x in inputs], dtype)
        raise AssertionError(term)

    def splat(self, term: Term) -> Value:
        """The value of a term in all lanes."""
        value = self.values[id(term)]
        return value if id(term) in self.wide else self.f.splat(value, self.lanes)

    def loaded(self, load: Load) -> Value:
        f, pointer = self.f, self.pointers(load.memory)
        element = access.memory_type(load.dtype)
        if id(load) not in self.wide:
            place = self.f.add(self.place(load.address), self.moved(load.gathers))
            return access.load(f, load.dtype, f.place(pointer, place, element))
        assert self.vector is not None
        stride = load.address.strides[self.vector]
        is_scattered = any(id(g.index) in self.wide for g in load.gathers)
        if stride == 1 and not is_scattered:
            place = self.f.add(self.place(load.address), self.moved(load.gathers))
            start = f.place(pointer, place, element)
            return access.load(f, load.dtype, start, self.lanes, self.mask)
        places = access.places_from(f, self.place(load.address), self.lanes, stride)
        places = f.op("add", places, self.moved_lanes(load.gathers))
        return access.gather(f, load.dtype, pointer, places, self.mask)

    def moved(self, gathers: Sequence[Gather]) -> Value:
        """How far places that depend on data move an address."""
        total = index(0)
        for gather in gathers:
            total = self.f.add(total, self.f.times(self.chosen(gather), gather.stride))
        return total

    def moved_lanes(self, gathers: Sequence[Gather]) -> Value:
        total = splat_number(vector(INDEX, self.lanes), 0)
        for gather in gathers:
            chosen = self.chosen(gather)
            chosen = self.f.splat(chosen, self.lanes) if chosen.lanes == 1 else chosen
            step = splat_number(chosen.type, gather.stride)
            total = self.f.op("add", total, self.f.op("mul", chosen, step))
        return total

    def chosen(self, gather: Gather) -> Value:
        is_signed = gather.index.dtype.kind == "i"
        return access.from_either_end(
            self.f, self.values[id(gather.index)], is_signed, gather.length
        )

    # Results

    def innermost(self) -> None:
        for check in self.stage.checks:
            self.check(check)
        for store in self.stage.stores:
            self.store(store, self.values[id(store.term)])
        totals: list[Value] = []
        place = 0
        for reduction in self.stage.reductions:
            count = 2 if reduction.how in ARGS else 1
            totals += self.combined(reduction, self.totals[place : place + count])
            place += count
        self.totals = totals

    def check(self, check: Check) -> None:
        f, value = self.f, self.values[id(check.term)]
        outside = access.is_outside(f, value, check.term.dtype, check.bounds)
        if outside.lanes > 1:
            if self.mask is not None:
                outside = f.op("and", outside, self.mask)
            outside = f.call(f"llvm.vector.reduce.or.v{outside.lanes}i1", "i1", outside)
        with f.when(outside):
            f.store(index(FAILED), self.error, 8)

    def store(self, store: Store, value: Value) -> None:
        f, dtype = self.f, store.memory.dtype
        pointer, element = self.pointers(store.memory), access.memory_type(dtype)
        stride = 0
        if self.vector is not None and self.lanes > 1 and self.vector < len(self.counters):
            stride = store.address.strides[self.vector]
        is_scattered = any(id(g.index) in self.wide for g in store.gathers)
        if not stride and not is_scattered:
            place = f.place(
                pointer, f.add(self.place(store.address), self.moved(store.gathers)), element
            )
            if store.adds:
                value = self.sum_of(dtype, access.load(f, dtype, place), value)
            self.see(store, value)
            access.store(f, dtype, value, place)
            return
        value = value if value.lanes > 1 else f.splat(value, self.lanes)
        if stride == 1 and not is_scattered:
            place = f.place(
                pointer, f.add(self.place(store.address), self.moved(store.gathers)), element
            )
            if store.adds:
                there = access.load(f, dtype, place, self.lanes, self.mask)
                value = self.sum_of(dtype, there, value)
            self.see(store, value)
            access.store(f, dtype, value, place, self.mask)
            return
        places = access.places_from(f, self.place(store.address), self.lanes, stride)
        places = f.op("add", places, self.moved_lanes(store.gathers))
        if store.adds:
            there = access.gather(f, dtype, pointer, places, self.mask)
            value = self.sum_of(dtype, there, value)
        self.see(store, value)
        access.scatter(f, dtype, value, pointer, places, self.mask)

    def see(self, store: Store, value: Value) -> None:
        """Tell who watches what is stored."""
        if self.watch is not None:
            self.watch.store(store, value, self.mask)

    def sum_of(self, dtype: DType, a: Value, b: Value) -> Value:
        return emit(self.f, Add(), [a, b], [dtype, dtype], dtype)

    # Reductions

    def identity(self, reduction: Reduction) -> list[Value]:
        """What a reduction starts from: it leaves any number as it is."""
        dtype = reduction.dtype
        type_ = vector(TYPES[dtype.name], self.lanes)
        is_empty = not all(self.stage.sizes[self.stage.kept :])
        if reduction.how is How.SUM:
            # -0.0 + x is x for each x, 0.0 too; but a sum of nothing is 0.0.
            start = -0.0 if is_floating(dtype) and not (is_empty or reduction.is_running) else 0
            return [splat_number(type_, start)]
        is_max = reduction.how in (How.MAX, How.ARGMAX)
        worst = splat_number(type_, lowest(dtype) if is_max else highest(dtype))
        if reduction.how in ARGS:
            return [worst, splat_number(vector(INDEX, self.lanes), 0)]
        return [worst]

    def combined(self, reduction: Reduction, totals: list[Value]) -> list[Value]:
        """The totals with this turn's term."""
        f, dtype = self.f, reduction.dtype
        value = self.splat(reduction.store.term)
        if reduction.how in ARGS:
            return self.extreme_place(reduction, totals, value)
        if self.mask is not None and self.vector is not None and self.vector >= self.stage.kept:
            (nothing,) = self.identity(reduction)
            value = f.select(self.mask, value, nothing)
        total = emit(f, COMBINE[reduction.how], [totals[0], value], [dtype, dtype], dtype)
        if reduction.is_running:
            self.store(reduction.store, self.rounded(reduction, total))
        return [total]

    def extreme_place(self, reduction: Reduction, totals: list[Value], value: Value) -> list[Value]:
        """The better one of what was best and this turn's term: the first of equals, NaN best."""
        f, (best, where) = self.f, totals
        # An axis of length 1 has no loop.
        has_loop = len(self.stage.sizes) > self.stage.kept
        turn = self.counters[-1] if has_loop else index(0)
        counter = self.f.splat(turn, self.lanes)
        is_max = reduction.how is How.ARGMAX
        if is_floating(reduction.dtype):
            # True for NaN too: `value` is not at most `best`; but not where `best` is NaN.
            better = f.compare("fcmp ugt" if is_max else "fcmp ult", value, best)
            better = f.op("and", better, f.compare("fcmp ord", best, best))
        else:
            sign = "u" if reduction.dtype.kind in "ub" else "s"
            better = f.compare(f"icmp {sign}{'gt' if is_max else 'lt'}", value, best)
        # The first turn counts even if it is as low as the start.
        first = f.compare("icmp eq", turn, index(0))
        better = f.op("or", better, f.splat(first, self.lanes))
        return [f.select(better, value, best), f.select(better, counter, where)]

    def finish(self) -> None:
        """Bring lanes together, and store what the reductions gave."""
        totals = iter(self.totals)
        for reduction in self.stage.reductions:
            value = next(totals)
            if reduction.how in ARGS:
                value = next(totals)
            elif self.vector is not None and self.vector >= self.stage.kept:
                value = self.over_lanes(reduction, value)
            if reduction.is_running:
                continue
            self.store(reduction.store, self.rounded(reduction, value))

    def order(self, depth: int, work: Memory) -> None:
        """Store the places of the terms in the order in which the terms rise."""
        f, (reduction,) = self.f, self.stage.reductions
        type_, align = entry_type(reduction.dtype), 8 * entry_words(reduction.dtype)
        has_loop = depth < len(self.stage.sizes)  # an axis of length 1 has none
        count = index(self.stage.sizes[depth] if has_loop else 1)
        entries = self.pointers(work)
        with f.loop(index(0), count) as turn, self.scope(turn.counter):
            self.enter(depth)
            value = self.values[id(reduction.store.term)]
            made = entry(f, value, turn.counter, reduction.dtype)
            f.store(made, f.place(entries, turn.counter, type_), align)
        entries = sort(f, entries, count, type_)
        with f.loop(index(0), count) as turn, self.scope(turn.counter):
            self.enter(depth)
            made = f.load(type_, f.place(entries, turn.counter, type_), align)
            self.store(reduction.store, place_of(f, made))

    def rounded(self, reduction: Reduction, value: Value) -> Value:
        dtype = reduction.store.memory.dtype
        if reduction.dtype == dtype or reduction.how in ARGS:
            return value
        return emit(self.f, Cast(dtype), [value], [reduction.dtype], dtype)

    def over_lanes(self, reduction: Reduction, value: Value) -> Value:
        """All lanes as one number: halves upon halves, so that the order is always the same."""
        f, dtype = self.f, reduction.dtype
        while value.lanes > 1:
            half = value.lanes // 2
            parts = []
            for start in (0, half):
                places = ", ".join(f"i32 {start + lane}" for lane in range(half))
                mask = f"<{half} x i32> <{places}>"
                type_ = vector(value.element, half)
                text = f"shufflevector {value}, {value.type} poison, {mask}"
                if half == 1:
                    text = f"extractelement {value}, i64 {start}"
                parts.append(f.define(type_, text))
            value = emit(f, COMBINE[reduction.how], parts, [dtype, dtype], dtype)
        return value


class Look(Nest):
    """Reads what a stage would store, and shows it to who watches; nothing is stored."""

    def store(self, store: Store, value: Value) -> None:
        self.see(store, value)


def last_loop(address: Affine) -> int:
    return max((loop for loop, stride in enumerate(address.strides) if stride), default=-1)


def depends_on(term: Term, loop: int) -> bool:
    match term:
        case Place(address):
            return bool(address.strides[loop])
        case Load(_, address, gathers):
            return bool(address.strides[loop]) or any(depends_on(g.index, loop) for g in gathers)
        case Apply(_, inputs):
            return any(depends_on(x, loop) for x in inputs)
    return False


def lowest(dtype: DType) -> float:
    if is_floating(dtype):
        return float("-inf")
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else 0


def highest(dtype: DType) -> float:
    if is_floating(dtype):
        return float("inf")
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1
