"""Part: one of several results of a primitive; and their gradients, gathered for its own."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lunzi.core.graph import Node
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, Spec, Specs

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


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


def key_of(node: Node) -> Hashable:
    """What two nodes of the same value have in common: Parts are made anew where they are read."""
    match node:
        case Node(Part(index), (results,)):
            return id(results), index
    return id(node)
