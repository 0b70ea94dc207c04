"""Scan: a loop as one primitive whose body is a graph, with a gradient that is a loop too."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lunzi.core.body import Body
from lunzi.core.contributions import Contribution, added_up, contributions, operands_of
from lunzi.core.elementwise import Add
from lunzi.core.errors import ShapeError
from lunzi.core.graph import Argument, Constant, Node, topological
from lunzi.core.hoist import hoisted
from lunzi.core.mode import MODE, mode
from lunzi.core.movement import BroadcastTo
from lunzi.core.part import Part, bind_several, key_of
from lunzi.core.primitive import Primitive
from lunzi.core.pullback import Active, active_in, pullback, stored
from lunzi.core.spec import Array, Spec, Specs
from lunzi.core.tensor import Tensor, bind, constant


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scan(Primitive):
    """Carries through `length` steps of a body; the other outputs of all steps are stacked.

    The results stand in one row: the last carries, then the stacks. Part reads them.

    Args:
        body: one step.
        length: the number of steps.
        reverse: from the last place to the first.
        checkpoint: the gradient computes each step anew from its carries; otherwise the values
            that it reads are among the stacks.

    Shapes:
        carries as in the body; parts (length, ...); constants -> carries; stacks (length, ...)
    """

    body: Body
    length: int
    reverse: bool = False
    checkpoint: bool = False

    def __repr__(self) -> str:
        flags = [f", {name}=True" for name in ("reverse", "checkpoint") if getattr(self, name)]
        return f"Scan(length={self.length}{''.join(flags)})"

    def evaluate(self, *inputs: Array) -> Array:
        places = range(self.length)
        results = self.body.run(self.length, reversed(places) if self.reverse else places, inputs)
        row = np.empty(len(results), object)
        for place, result in enumerate(results):
            row[place] = result
        return row

    def infer(self, *inputs: Spec) -> Specs:
        expected = tuple(
            self.stack_of(spec) if self.body.carried <= index < self.body.constants else spec
            for index, spec in enumerate(self.body.arguments)
        )
        if inputs != expected:
            raise ShapeError(f"{self} takes {Specs.of(expected)}, got {Specs.of(inputs)}")
        carries = self.body.arguments[: self.body.carried]
        return Specs.of([*carries, *(self.stack_of(x.spec) for x in self.body.stacked)])

    def stack_of(self, spec: Spec) -> Spec:
        return spec.with_shape((self.length, *spec.shape))

    def gradient(self, dy: Any, y: Tensor, *inputs: Tensor) -> tuple[Tensor | None, ...]:
        return BackwardLoop(self, dy.parts, y, inputs).run()


def loop(op: Scan, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The last carries and the stacks of a loop, recorded for gradients where they count."""
    results = len(op.body.outputs)
    body, inputs = hoisted(op.body, op.length, inputs, products=not op.checkpoint)
    op = replace(op, body=body)
    wanted = {index for index, x in enumerate(inputs) if x.requires_grad}
    active = Active(set(), set())
    if wanted and MODE.get().recording:
        active = active_in(op.body, wanted)
        op = replace(op, body=with_stored(op.body, active, op.checkpoint))
    row = bind_several(op, inputs)
    parts = []
    for index, node in enumerate(op.body.outputs[:results]):
        # What depends on nothing that needs a gradient needs none either.
        with mode(recording=None if id(node) in active.nodes else False):
            parts.append(bind(Part(index), row))
    return parts


def with_stored(body: Body, active: Active, checkpoint: bool) -> Body:
    """The body that also stacks what its gradient reads: its carries, and values of the steps."""
    new = [node for index, node in body.leaves.items() if index < body.carried]
    if not checkpoint:
        new += stored(body, pullback(body, active, range(len(body.outputs))).gradients.values())
    kept = {key_of(node) for node in body.stacked}
    return replace(
        body, outputs=(*body.outputs, *(node for node in new if key_of(node) not in kept))
    )


def has_stored_carries(body: Body) -> bool:
    """Whether the carries with which each step begins are among the stacks."""
    kept = {id(node) for node in body.stacked}
    return all(id(node) in kept for n, node in body.leaves.items() if n < body.carried)


class Place(NamedTuple):
    """Where a value that is there before the backward loop runs is found."""

    kind: str  # "input" or "result" of the loop, or "dy", the gradient of a result
    number: int


class BackwardLoop:
    """The gradient of a loop: a loop from its end to its beginning.

    Its carries are the gradients of the carries; it runs over the gradients of the stacks and
    over what the loop has stacked. A gradient for what is the same at each step is added up
    after it where that is one product of all steps, and in a carry otherwise.
    """

    def __init__(
        self, op: Scan, parts: dict[int, Tensor], y: Tensor, inputs: Sequence[Tensor]
    ) -> None:
        self.op, self.body = op, op.body
        self.parts, self.y, self.inputs = parts, y, inputs
        active = active_in(op.body, {n for n, x in enumerate(inputs) if x.requires_grad})
        if not has_stored_carries(op.body):
            # A loop in the gradient of a loop, which nobody was expected to differentiate.
            self.body = with_stored(op.body, active, op.checkpoint)
            self.op = replace(op, body=self.body)
            self.y = bind_several(self.op, inputs)
        self.carried = sorted(n for n in active.arguments if n < op.body.carried)
        ends = [*self.carried, *(n for n in sorted(parts) if n >= op.body.carried)]
        self.seeds, self.gradients = pullback(self.body, active, ends)
        known = self.known_places()
        needed = topological(self.gradients.values())
        self.places = {id(x): known[key_of(x)] for x in needed if key_of(x) in known}
        self.varying = self.varying_nodes()

    def known_places(self) -> dict[Hashable, Place]:
        """Where the values of nodes are found, by their keys."""
        stacks = enumerate(self.body.stacked, self.body.carried)
        known: dict[Hashable, Place] = {key_of(x): Place("result", n) for n, x in stacks}
        for kind, nodes in (("input", self.body.leaves), ("dy", self.seeds)):
            known |= {id(x): Place(kind, n) for n, x in nodes.items() if n >= self.body.carried}
        return known

    def has_steps(self, place: Place) -> bool:
        """Whether a value is a stack of all steps."""
        return place.kind != "input" or place.number < self.body.constants

    def varying_nodes(self) -> set[int]:
        """The identities of the nodes that may have another value at each step."""
        varying = {id(seed) for seed in self.seeds.values()}
        for node in topological(self.gradients.values(), self.places):
            place = self.places.get(id(node))
            if (place and self.has_steps(place)) or any(id(x) in varying for x in node.inputs):
                varying.add(id(node))
        return varying

    def tensor_at(self, node: Node) -> Tensor:
        """The value of a node that is there before the loop runs."""
        kind, number = self.places[id(node)]
        if kind == "result":
            return bind(Part(number), self.y)
        return self.inputs[number] if kind == "input" else self.parts[number]

    def run(self) -> tuple[Tensor | None, ...]:
        """The gradient for each input of the loop."""
        body = self.body
        parts = {n: g for n, g in self.gradients.items() if body.carried <= n < body.constants}
        shares = {n: g for n, g in self.gradients.items() if n >= body.constants}
        terms = self.terms(shares, unique(parts.values()))
        every = [term for of_one in terms.values() for term in of_one]
        added = unique(term.operands[0] for term in every if term.op is None)
        per_step = [*parts.values(), *operands_of(every)]
        stacked = unique(x for x in per_step if not self.is_there(x))
        results = self.results(added, stacked)
        carries = dict(zip(self.carried, results, strict=False))
        sums = keyed(added, results[len(self.carried) :])
        stacks = keyed(stacked, results[len(self.carried) + len(added) :])

        def stack_of(node: Node) -> Tensor:
            return stacks[id(node)] if id(node) in stacks else self.tensor_at(node)

        gradients: list[Tensor | None] = []
        for n in range(len(self.inputs)):
            if n in carries:
                gradients.append(carries[n])
            elif n in parts:
                gradients.append(stack_of(parts[n]))
            else:
                totals = [term.total(lambda x: sums[id(x)], stack_of) for term in terms.get(n, [])]
                gradients.append(added_up(totals) if totals else None)
        return tuple(gradients)

    def is_there(self, node: Node) -> bool:
        """Whether the values of a node at all steps are there before the loop runs."""
        return id(node) in self.places and self.has_steps(self.places[id(node)])

    def terms(
        self, shares: dict[int, Node], stacked: Sequence[Node]
    ) -> dict[int, list[Contribution]]:
        """How the steps' shares of gradients add up; with checkpoints, without more stacks."""
        if self.op.checkpoint:
            return {n: [Contribution(None, (share,), ())] for n, share in shares.items()}
        products = [contributions(g, self.varying, self.is_there) for g in shares.values()]
        operands = operands_of(term for of_one in products for term in of_one)
        kept = {id(x) for x in (*stacked, *operands)}
        return {
            n: contributions(share, self.varying, lambda x: self.is_there(x) or id(x) in kept)
            for n, share in shares.items()
        }

    def results(self, added: Sequence[Node], stacked: Sequence[Node]) -> list[Tensor]:
        """Run the loop: gradients of the first carries, sums, stacks."""
        specs = self.body.arguments
        carries = [self.seeds.get(n) or unread(specs[n]) for n in self.carried]
        sums = [unread(x.spec) for x in added]
        ends = [
            *(self.gradients.get(n) or zero(specs[n]) for n in self.carried),
            *(Node(Add(), (total, x), x.spec) for total, x in zip(sums, added, strict=True)),
            *stacked,
        ]
        read = [x for x in topological(ends, self.places) if id(x) in self.places]
        parts = [x for x in read if self.is_there(x)]
        constants = [x for x in read if not self.is_there(x)]
        body = Body.of([*carries, *sums], parts, constants, ends)
        first = [
            *(self.parts[n] if n in self.parts else zeros(specs[n]) for n in self.carried),
            *(zeros(x.spec) for x in added),
        ]
        op = replace(self.op, body=body, reverse=not self.op.reverse)
        return loop(op, [*first, *map(self.tensor_at, parts), *map(self.tensor_at, constants)])


def unique(nodes: Iterable[Node]) -> list[Node]:
    return list({id(node): node for node in nodes}.values())


def keyed(nodes: Sequence[Node], tensors: Sequence[Tensor]) -> dict[int, Tensor]:
    return {id(node): x for node, x in zip(nodes, tensors, strict=False)}


def unread(spec: Spec) -> Node:
    """A node that stands for an argument."""
    return Node(Argument(0), (), spec)


def zero(spec: Spec) -> Node:
    """Zeros, as a node."""
    number = Node(Constant(np.zeros((), spec.dtype)), (), Spec((), spec.dtype))
    return Node(BroadcastTo(spec.shape), (number,), spec)


def zeros(spec: Spec) -> Tensor:
    return constant(np.zeros((), spec.dtype)).broadcast_to(spec.shape)
