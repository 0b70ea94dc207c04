"""A traced graph with the memories of its state."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from lunzi.compiler.fingerprint import fingerprint
from lunzi.compiler.gradients import Entering, Gradients, Stored, make_own
from lunzi.compiler.memories import (
    is_plain,
    layout_of,
    memories_of,
    owner_of,
    place_of,
    refuse_overlap,
)
from lunzi.core.errors import StateError
from lunzi.core.spec import Array
from lunzi.core.structure import flatten
from lunzi.core.structure import replace as with_leaves
from lunzi.core.tensor import Tensor, is_tensor, wrap
from lunzi.core.trace import Graph, Slot


class Bound:
    """A graph and what lies outside it at this moment: its memories, as a backend takes them.

    Args:
        traced: the graph of the function.
        keep_grads: whether gradients are stored too that no later call adds to, since the
            function clears them first.

    Raises:
        StateError: when memories overlap, are not aligned, or are read-only and written.
    """

    def __init__(self, traced: Graph, keep_grads: bool) -> None:
        results = flatten(traced.result, is_tensor)
        self.needs_gradient = [x.requires_grad for x in results]
        # The tensors of the trace themselves would hold its whole tape.
        bare = iter([wrap(node) for node in traced.outputs])
        self.traced = replace(traced, result=with_leaves(traced.result, is_tensor, bare))
        self.unkept, self.cleared = unstored(traced, keep_grads)
        emptied = {(id(x), True) for x in (*self.unkept, *self.cleared)}
        updates = tuple(pair for pair in traced.updates if place_of(pair[0]) not in emptied)
        self.graph = replace(self.traced, updates=updates)
        self.slots = memories_of(self.graph)
        places = {place_of(slot): index for index, slot in enumerate(self.slots)}
        self.written = {places[place_of(slot)] for slot, _ in updates}
        self.arrays: list[Array] = []
        for index, slot in enumerate(self.slots):
            self.arrays.append(self.memory(index, slot))
        self.layouts = [layout_of(array) for array in self.arrays]
        refuse_overlap(self.arrays, self.written)
        self.name = fingerprint(self.graph, self.layouts)
        self.identity = (self.name, *map(place_of, self.slots), *sorted(emptied))

    def is_stored(self, index: int) -> bool:
        """Whether a memory is that of a gradient which does not enter and is left."""
        return self.slots[index].is_gradient and index >= len(self.graph.slots)

    def memory(self, index: int, slot: Slot) -> Array:
        if self.is_stored(index):
            return np.empty_like(slot.tensor.checked())
        is_written = index in self.written
        if slot.is_gradient and is_written:
            make_own(slot.tensor, self.arrays)
        array = slot.read()
        if is_written and not array.flags.writeable:
            raise StateError(
                f"a compiled function assigns to a tensor {slot.tensor.spec} whose memory is "
                f"read-only: make the tensor from a copy of the array"
            )
        return array

    @property
    def gradients(self) -> Gradients:
        """What the graph does with gradient slots."""
        entering, stored = [], []
        for index, slot in enumerate(self.slots):
            if self.is_stored(index):
                stored.append(Stored(index, slot.tensor))
            elif slot.is_gradient:
                is_written = index in self.written
                entering.append(Entering(index, slot.tensor, self.layouts[index], is_written))
        return Gradients(entering, stored, self.traced.without_gradient, self.cleared)

    @property
    def assigned(self) -> list[Tensor]:
        """The tensors whose numbers the graph writes."""
        slots = [self.slots[index] for index in sorted(self.written)]
        return [slot.tensor for slot in slots if not slot.is_gradient]

    @cached_property
    def owners(self) -> frozenset[int] | None:
        """Identities of what owns the written memories, as an argument that lies over one has it.

        None where identities do not tell: a memory belongs to another library.
        """
        arrays = [self.arrays[index] for index in self.written if not self.slots[index].is_gradient]
        if not all(map(is_plain, arrays)):
            return None
        return frozenset(id(owner_of(array)) for array in arrays)


def unstored(graph: Graph, keep_grads: bool) -> tuple[list[Tensor], list[Tensor]]:
    """Tensors whose gradient is used up in the function, and those that it leaves without one."""
    looked_at = {id(slot.tensor) for slot in graph.slots if slot.is_gradient}
    looked_at.update(map(id, graph.without_gradient))
    left = [(slot.tensor, node) for slot, node in graph.updates if slot.is_gradient]
    is_kept = looked_at | {id(x) for x, _ in left if keep_grads}
    unkept = [x for x, node in left if node is not None and id(x) not in is_kept]
    return unkept, [x for x, node in left if node is None]
