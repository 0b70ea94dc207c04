"""The trace of one step of a loop, inside whatever is traced outside."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.core.body import Body
from lunzi.core.errors import TraceError, user_line
from lunzi.core.graph import Argument, Detach, Node
from lunzi.core.mode import MODE
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Spec, is_floating
from lunzi.core.tensor import Tensor
from lunzi.core.trace import Slot, Trace

GRADIENTS = (
    "the body of a scan neither reads nor leaves gradients of tensors from outside: compute "
    "them in it with lunzi.grad, or call backward after the scan"
)
NEEDS_GRADIENT = (
    "the body of a scan assigns to a tensor that needs a gradient: hand it on in the state, or "
    "put the scan under no_grad"
)


class Step(Trace):
    """The tables of the run of a loop's body on symbols.

    Tensors from outside, also those of a trace outside, become the loop's constants, or carries
    when the body assigns to them. The gradient of the loop is computed from the graph of its
    body, so that `detach` and `no_grad`, which elsewhere are a matter of the tape, are nodes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recording, self.outer = MODE.get()
        self.leaves: list[Node] = []  # what stands for the slots' tensors as the step begins
        if isinstance(self.outer, Trace):
            self.captures = self.outer.captures

    def symbol(self, spec: Spec) -> Tensor:
        """A tensor that stands for an argument of the body."""
        result = self.tensor(Node(Argument(0), (), spec, user_line()))
        result.requires_grad = self.recording and is_floating(spec.dtype)
        return result

    def is_inside(self, x: Tensor) -> bool:
        return isinstance(x.payload, Node) and x.base is self

    # What differs from a trace of a whole function

    def append(self, op: Primitive, inputs: Sequence[Tensor]) -> Tensor:
        result = super().append(op, inputs)
        # "O" is the row of results of a loop inside this one, whose tape begins behind it.
        reached = any(x.requires_grad or x.payload.dtype.kind == "O" for x in inputs)
        if self.recording and not MODE.get().recording and reached:
            return self.detached(result)
        return result

    def detach(self, x: Tensor) -> Tensor:
        result = self.detached(x) if self.recording and x.requires_grad else self.alias(x)
        result.is_view = True
        return result

    def detached(self, x: Tensor) -> Tensor:
        node = self.node_of(x)
        if not is_floating(node.dtype):
            return x
        return self.tensor(Node(Detach(), (node,), node.spec, node.line))

    def assign(self, x: Tensor, value: Tensor) -> None:
        if not self.is_inside(x):
            if self.recording and x.requires_grad:
                raise TraceError(f"{user_line()}: {NEEDS_GRADIENT}")
            self.node_of(x)  # it enters the step, whether it is read or not
        super().assign(x, self.detached(value) if self.recording else value)

    def node_of(self, x: Tensor) -> Node:
        is_outside = isinstance(x.payload, Node) and x.base is not self
        if is_outside and id(x) not in self.current and isinstance(self.outer, Trace):
            self.outer.node_of(x)  # raises where its trace has ended
            self.known[id(x)] = x
            self.current[id(x)] = self.read(Slot(x), x.spec)
        return super().node_of(x)

    def read(self, slot: Slot, spec: Spec) -> Node:
        node = super().read(slot, spec)
        self.leaves.append(node)
        return node

    def version_of(self, x: Tensor) -> int:
        outside = x.version if self.outer is None else self.outer.version_of(x)
        return self.versions.get(id(x), outside)

    def gradient_of(self, x: Tensor) -> Tensor | None:
        self.refuse_outside(x)
        return super().gradient_of(x)

    def set_gradient(self, x: Tensor, gradient: Tensor | None) -> None:
        self.refuse_outside(x)
        super().set_gradient(x, gradient)

    def refuse_outside(self, x: Tensor) -> None:
        if not self.is_inside(x):
            raise TraceError(f"{user_line()}: {GRADIENTS}")

    # The body

    @property
    def assigned(self) -> list[Tensor]:
        """The tensors from outside that a step leaves changed."""
        return [slot.tensor for slot in self.slots if id(slot.tensor) in self.versions]

    def close(
        self,
        carries: Sequence[Tensor],
        parts: Sequence[Tensor],
        new: Sequence[Tensor],
        ys: Sequence[Tensor],
        inputs: Sequence[Tensor],
    ) -> tuple[Body, list[Tensor]]:
        """The body, and what its loop is given.

        Args:
            carries, parts: the symbols of the state and of the parts of xs.
            new, ys: what the body has returned.
            inputs: the first state, and xs.
        """
        results = [[self.node_of(x) for x in group] for group in (new, self.assigned, ys)]
        outside = [(slot.tensor, leaf) for slot, leaf in zip(self.slots, self.leaves, strict=True)]
        changed = [(x, leaf) for x, leaf in outside if id(x) in self.versions]
        fixed = [(x, leaf) for x, leaf in outside if id(x) not in self.versions]
        body = Body.of(
            [*map(self.node_of, carries), *(leaf for _, leaf in changed)],
            list(map(self.node_of, parts)),
            [leaf for _, leaf in fixed],
            [node for group in results for node in group],
        )
        return (
            body,
            [
                *inputs[: len(carries)],
                *(x.copy() for x, _ in changed),  # they are assigned before a gradient reads them
                *inputs[len(carries) :],
                *(x for x, _ in fixed),
            ],
        )
