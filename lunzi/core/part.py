"""Part: one of several results of a primitive; and their gradients, gathered for its own."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from lunzi.core.autograd import Origin
from lunzi.core.graph import Node
from lunzi.core.mode import CLOCK, MODE
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, Spec, Specs
from lunzi.core.tensor import Tensor, bind


class Gradients:
    """The gradients of some results of a primitive, by their places, while they come in."""

    def __init__(self, payload: Array | Node, parts: dict[int, Tensor]) -> None:
        self.payload = payload  # that of the results themselves
        self.parts = parts

    def __add__(self, other: Gradients) -> Gradients:
        parts = dict(self.parts)
        for index, dy in other.parts.items():
            parts[index] = parts[index] + dy if index in parts else dy
        return Gradients(self.payload, parts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Part(Primitive):
    """One of the results of a primitive that has several, which stand in a row."""

    index: int

    def evaluate(self, results: Array) -> Array:
        y: Array = results[self.index]
        return y

    def infer(self, results: Specs) -> Spec:
        return results.parts[self.index]

    def gradient(self, dy: Tensor, y: Tensor, results: Tensor) -> Any:
        return Gradients(results.payload, {self.index: dy})


def bind_several(op: Primitive, inputs: Sequence[Tensor]) -> Tensor:
    """Apply a primitive with several results: the row of them, from which Part takes one."""
    row = bind(op, *inputs)
    if MODE.get().recording and any(x.requires_grad for x in inputs):
        row.requires_grad = True
        row.origin = Origin(op, tuple(inputs), next(CLOCK))
    return row


def key_of(node: Node) -> Hashable:
    """What two nodes of the same value have in common: Parts are made anew where they are read."""
    match node:
        case Node(Part(index), (results,)):
            return id(results), index
    return id(node)
