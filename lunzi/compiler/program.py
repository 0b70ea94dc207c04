"""A program: a traced graph, its memories and the backend that runs it, ready to be called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lunzi.compiler.backend import Backend, Steps
from lunzi.compiler.bound import Bound
from lunzi.compiler.captures import watches
from lunzi.compiler.cost import Cost
from lunzi.compiler.finite import NotFiniteError
from lunzi.compiler.locks import LOCKS
from lunzi.compiler.memories import is_plain, overlap, owner_of
from lunzi.compiler.signature import Call
from lunzi.compiler.slices import in_slices
from lunzi.core.autograd import NOT_KEPT, Origin
from lunzi.core.mode import CLOCK
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, is_floating
from lunzi.core.structure import replace
from lunzi.core.tensor import Tensor, is_tensor, wrap

# Looked up once: these lines run in every call.
EMPTY = np.empty
MISFIT = object()  # in the place of a result


@dataclass(frozen=True, eq=False, repr=False)
class CompiledFunction(Primitive):
    """What a result of a compiled function came from, as far as the tape knows."""

    name: str

    def __repr__(self) -> str:
        return f"compiled {self.name}"


class Closed(Origin):
    """The origin of a result that needs a gradient and has no tape."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(CompiledFunction(name), (), 0)
        self.inputs = None

    def gone(self) -> str:
        return (
            f"a tensor came out of {self.op}, which keeps no tape: call loss.backward() inside "
            f"the compiled function, compile lunzi.grad of it, or detach() what comes out"
        )


class Program:
    """A graph that was built for certain memories.

    Nothing in it changes: when something outside does, another program takes its place.

    Args:
        call: what of a call it is for.
        counter: the value of PROGRAM that it is for.
        bound: the graph with its memories.
        backend: what runs it.
        name: of the function, for errors.
    """

    def __init__(self, call: Call, counter: int, bound: Bound, backend: Backend, name: str) -> None:
        self.call = call
        self.recording = call.recording
        self.counter = counter
        self.bound = bound
        self.backend = backend
        self.memories = bound.arrays
        data, owners = call.data, bound.owners
        self.owners = owners or frozenset()
        self.assigned, self.assigned_parameters = by_kind(bound.assigned)
        self.unkept = tuple(bound.unkept)
        flagged = watched_flags(bound)
        self.with_gradient = tuple(x for x in flagged if x.requires_grad)
        self.without_gradient = tuple(x for x in flagged if not x.requires_grad)
        self.gradients = bound.gradients
        self.views = tuple(slot.tensor for slot in bound.slots if slot.tensor.base is not None)
        self.watches = watches(bound.traced.captures)
        self.is_usual = not (self.gradients or self.views or self.watches)
        lock = LOCKS.of([backend, *(slot.tensor for slot in bound.slots)])
        self.acquire, self.release = lock.acquire, lock.release
        self.specs = bound.graph.arguments
        self.outputs = [(node.shape, node.dtype) for node in bound.graph.outputs]
        # Where a call is known by the specs and owners of its arguments alone, and the memories
        # are always these: whatever gives a tensor other memory raises PROGRAM.
        is_plain_call = data is not None and owners is not None and not self.gradients
        self.enter = backend.bound(self.memories) if is_plain_call else None
        self.steps: Steps | None = None  # made when there are many for the first time
        self.origins = [Closed(name) if needs else None for needs in bound.needs_gradient]
        # The usual result, one tensor, is handed over without a walk through its nesting.
        self.is_single = is_tensor(bound.traced.result)

    def fits(self) -> bool:
        """Whether all that a call cannot see in its arguments is as this program expects it.

        Raises:
            StateError: when a view from outside is stale.
            TraceError: when a captured array has changed.
        """
        for x in self.with_gradient:
            if not x.requires_grad:
                return False
        for x in self.without_gradient:
            if x.requires_grad:
                return False
        if self.is_usual:
            return True
        for view in self.views:
            view.checked()
        for watch in self.watches:
            watch.check()
        return self.gradients.fit()

    def run(self, arguments: Sequence[Array]) -> Any:
        """What the function gives, its updates made; MISFIT where the program does not fit."""
        self.acquire()
        try:
            if not self.fits():
                return MISFIT
            memories = self.gradients.placed(self.memories, arguments)
            outputs = [EMPTY(shape, dtype) for shape, dtype in self.outputs]
            try:
                self.backend(arguments, memories, outputs)
            except NotFiniteError:
                self.gradients.settle(memories, self.note_writes())
                raise
            self.gradients.settle(memories, self.note_writes())
        finally:
            self.release()
        return self.result(outputs)

    def run_at_once(self, arguments: Sequence[Array]) -> Any:
        """The same by the quick way in, which looks at the arguments' dtypes and shapes itself."""
        assert self.enter is not None
        outputs = [EMPTY(shape, dtype) for shape, dtype in self.outputs]
        self.acquire()
        try:
            try:
                if not self.fits() or not self.enter(*arguments, *outputs):
                    return MISFIT
            except NotFiniteError:
                self.note_writes()
                raise
            self.note_writes()
        finally:
            self.release()
        return self.result(outputs)

    def can_repeat(self, tensors: Sequence[Tensor]) -> bool:
        """Whether many steps are one call: with no gradient that goes from step to step."""
        if self.gradients or not tensors:
            return not self.gradients
        known = {id(x) for x in tensors}
        layouts = zip(self.bound.slots, self.bound.layouts, strict=True)
        return not any(id(x.tensor) in known and min(steps, default=0) < 0 for x, steps in layouts)

    def repeat(
        self, count: int, stacks: Sequence[Array], settings: Sequence[tuple[Tensor, Array]]
    ) -> Any:
        """What the function gives at each of many steps, stacked; MISFIT as for `run`.

        Args:
            stacks: the arguments, each with an axis of steps before its own.
            settings: tensors with the numbers that they are set to before each step.
        """
        outputs = [EMPTY((count, *shape), dtype) for shape, dtype in self.outputs]
        self.acquire()
        try:
            if not self.fits():
                return MISFIT
            each = self.numbers_of(settings) if settings else {}
            known, self.steps = self.steps, None  # which are of no use after an error
            if known is None or each:
                known = self.backend.steps(self.memories, each)
            steps = known
            steps.aim(stacks, outputs)
            try:
                in_slices(count, steps.run, length=self.backend.quick_steps)
            finally:
                if steps.begun:
                    self.note_writes()
                    for place, numbers in each.items():
                        self.bound.slots[place].tensor.assign(numbers[steps.begun - 1])
            if not each:
                self.steps = steps
        finally:
            self.release()
        return replace(self.bound.traced.result, is_tensor, map(wrap, outputs))

    def numbers_of(self, settings: Sequence[tuple[Tensor, Array]]) -> dict[int, Array]:
        """What stands in the place of memories at each step."""
        memories = zip(self.bound.slots, self.bound.layouts, strict=True)
        given = {id(tensor): numbers for tensor, numbers in settings}
        return {
            place: stepwise(given[id(slot.tensor)], layout)
            for place, (slot, layout) in enumerate(memories)
            if id(slot.tensor) in given
        }

    def cost(self, arguments: Sequence[Array], threads: int) -> Cost:
        """What each part of it costs; nothing outside is written."""
        self.acquire()
        try:
            return self.backend.cost(arguments, self.memories, threads)
        finally:
            self.release()

    def note_writes(self) -> int:
        """Say in the tensors what was done to them; gives the time of it."""
        now = next(CLOCK)
        for x in self.assigned:
            x.version = now
        for x in self.assigned_parameters:
            x.version = now
        for x in self.unkept:
            x._grad = NOT_KEPT
        return now

    def result(self, outputs: Sequence[Array]) -> Any:
        """What the function gives, of these numbers."""
        if self.is_single:
            return result_of(outputs[0], self.origins[0])
        results = map(result_of, outputs, self.origins)
        return replace(self.bound.traced.result, is_tensor, results)

    def mark_unkept(self) -> None:
        """Say in the slots of gradients that they were used up."""
        for x in self.unkept:
            x._grad = NOT_KEPT

    def apart(self, argument: Array) -> Array:
        """An argument whose memory no update of this program reaches; a copy if need be."""
        if self.bound.owners is not None and is_plain(argument):
            is_near = id(owner_of(argument)) in self.owners
        else:
            is_near = True
        written = (self.memories[index] for index in self.bound.written)
        if is_near and any(overlap(argument, memory) for memory in written):
            return argument.copy()
        return argument


def stepwise(numbers: Array, layout: Sequence[int]) -> Array:
    """A copy of numbers (steps, ...) in which each step lies as a memory of this layout does."""
    count, *shape = numbers.shape
    # At least one element, for a step of none too.
    reach = 1 + sum(max(n - 1, 0) * stride for n, stride in zip(shape, layout, strict=True))
    strides = [stride * numbers.itemsize for stride in (reach, *layout)]
    memory = np.zeros(count * reach, numbers.dtype)
    result: Array = np.ndarray(numbers.shape, numbers.dtype, memory, strides=strides)
    result[...] = numbers
    return result


def result_of(array: Array, origin: Closed | None) -> Tensor:
    y = wrap(array)
    if origin is not None:
        y.requires_grad = True
        y.origin = origin
    return y


def by_kind(tensors: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Plain tensors, and those of subclasses: a loop over one class sets attributes faster."""
    plain = tuple(x for x in tensors if type(x) is Tensor)
    return plain, tuple(x for x in tensors if type(x) is not Tensor)


def watched_flags(bound: Bound) -> list[Tensor]:
    """Tensors whose `requires_grad` makes the program: it is an attribute that tells nobody.

    The state of optimisers, plain tensors that are assigned and need no gradient, is left out.
    """
    state = {id(x) for x in bound.assigned if type(x) is Tensor and not x.requires_grad}
    tensors = {id(slot.tensor): slot.tensor for slot in bound.slots if not slot.is_gradient}
    return [x for key, x in tensors.items() if key not in state and is_floating(x.dtype)]
