"""Running a function on symbols, which gives its graph; and that graph as a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from lunzi.core.arrays import weak
from lunzi.core.autograd import NOT_KEPT, NOT_THERE
from lunzi.core.elementwise import Cast
from lunzi.core.errors import (
    GradientError,
    KindError,
    LunziError,
    ShapeError,
    StateError,
    TraceError,
    user_line,
)
from lunzi.core.graph import Argument, Constant, Node, State, topological
from lunzi.core.interpreter import interpret
from lunzi.core.mode import CLOCK, MODE, mode
from lunzi.core.movement import BroadcastTo
from lunzi.core.primitive import Primitive
from lunzi.core.printing import names_of, node_lines
from lunzi.core.spec import Array, Spec
from lunzi.core.structure import flatten, replace
from lunzi.core.tensor import STALE, Tensor, as_tensor, is_tensor, wrap


class Slot(NamedTuple):
    """A place outside the function that the graph reads or writes: numbers or the gradient."""

    tensor: Tensor
    is_gradient: bool = False

    def read(self) -> Array:
        if not self.is_gradient:
            return self.tensor.checked()
        gradient = self.tensor.grad
        if gradient is None:
            raise TraceError(
                "the traced function adds to a gradient that is no longer there: trace it again"
            )
        return gradient.checked()

    def write(self, value: Array | None) -> None:
        if self.is_gradient:
            self.tensor.grad = None if value is None else Tensor(value)
        else:
            self.tensor.assign(Tensor(value))


class Capture(NamedTuple):
    """A NumPy array from outside whose numbers became a constant, and the line that took it."""

    source: Array
    line: str


class Trace:
    """The tables of one traced run: nothing outside it changes while it lasts.

    Tensors made outside keep their payload; what stands for them in the graph, what was
    assigned to them and their gradients are kept here, by identity.
    """

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.current: dict[int, Node] = {}  # the tensor's value at this point of the function
        self.versions: dict[int, int] = {}
        self.gradients: dict[int, Tensor | None] = {}
        self.without_gradient: list[Tensor] = []  # those whose slot was read and was empty
        self.captures: list[Capture] = []
        self.known: dict[int, Tensor] = {}  # keeps tensors alive, so that identities stay theirs

    # What mode.Tracer asks for

    def append(self, op: Primitive, inputs: Sequence[Tensor]) -> Tensor:
        nodes = tuple(map(self.node_of, inputs))
        line = user_line()
        try:
            spec = op.infer(*(node.spec for node in nodes))
        except LunziError as error:
            error.message = f"{line}: {error.message}" if line else error.message
            raise
        result = self.tensor(Node(op, nodes, spec, line))
        result.is_view = op.is_view
        return result

    def constant(self, array: Array, source: Any) -> Tensor:
        line = user_line()
        if isinstance(source, np.ndarray):
            self.captures.append(Capture(source, line))
        return self.tensor(Node(Constant(array), (), Spec(array.shape, array.dtype), line))

    def alias(self, x: Tensor) -> Tensor:
        return self.tensor(self.node_of(x))

    def detach(self, x: Tensor) -> Tensor:
        result = self.alias(x)
        result.is_view = True
        return result

    def assign(self, x: Tensor, value: Tensor) -> None:
        if isinstance(x.payload, Node) and isinstance(x.payload.op, Argument):
            raise TraceError(
                f"{user_line()}: a traced function does not assign its arguments, which are "
                f"copied: return the new value, or assign to a tensor from outside"
            )
        node = self.node_of(value)
        for op in (Cast(x.dtype), BroadcastTo(x.shape)):
            if op.infer(node.spec) != node.spec:
                node = Node(op, (node,), op.infer(node.spec), user_line())
        self.known[id(x)] = x
        self.current[id(x)] = node
        self.versions[id(x)] = next(CLOCK)

    def version_of(self, x: Tensor) -> int:
        return self.versions.get(id(x), x.version)

    def gradient_of(self, x: Tensor) -> Tensor | None:
        if id(x) not in self.gradients:
            gradient = None
            if x._grad is NOT_KEPT:
                raise GradientError(NOT_THERE)
            if x._grad is not None:
                gradient = self.tensor(self.read(Slot(x, is_gradient=True), x._grad.spec))
            elif not isinstance(x.payload, Node):
                self.without_gradient.append(x)
            self.set_gradient(x, gradient)
        return self.gradients[id(x)]

    def set_gradient(self, x: Tensor, gradient: Tensor | None) -> None:
        self.known[id(x)] = x
        self.gradients[id(x)] = gradient

    # The graph

    def tensor(self, node: Node) -> Tensor:
        result = wrap(node)
        result.base = self
        return result

    def node_of(self, x: Tensor) -> Node:
        """What stands for a tensor at this point; one from outside becomes state."""
        node = self.current.get(id(x))
        if node is not None:
            return node
        if isinstance(x.payload, Node):
            if x.base is not self:
                raise TraceError(f"{x} belongs to another trace, which has ended")
            return x.payload
        x.checked()
        if x.is_view and id(x.base) in self.versions:
            raise StateError(STALE)
        self.known[id(x)] = x
        node = self.current[id(x)] = self.read(Slot(x), x.spec)
        return node

    def read(self, slot: Slot, spec: Spec) -> Node:
        self.slots.append(slot)
        return Node(State(len(self.slots) - 1), (), spec, user_line())

    def updates(self) -> list[tuple[Slot, Node | None]]:
        """What the function leaves behind in tensors from outside; None clears a gradient."""
        result: list[tuple[Slot, Node | None]] = []
        for key in self.versions:
            if not isinstance(self.known[key].payload, Node):
                result.append((Slot(self.known[key]), self.current[key]))
        for key, gradient in self.gradients.items():
            tensor = self.known[key]
            left = None if gradient is None else self.node_of(gradient)
            is_untouched = left is not None and left.op == self.entering(tensor)
            if not isinstance(tensor.payload, Node) and not is_untouched:
                result.append((Slot(tensor, is_gradient=True), left))
        return result

    def entering(self, x: Tensor) -> State | None:
        """What reads the gradient with which a tensor came in."""
        for index, slot in enumerate(self.slots):
            if slot.tensor is x and slot.is_gradient:
                return State(index)
        return None


@dataclass(frozen=True, eq=False)
class Graph:
    """A traced function: its arguments, the state it reads, its results and its updates.

    Printing shows it line by line; calling it runs it in the interpreter with the same
    numbers as the eager function, updates of state included.
    """

    signature: Any  # the function's arguments, with a Spec in the place of each tensor
    slots: tuple[Slot, ...]
    without_gradient: tuple[Tensor, ...]  # the function found their gradient slots empty
    result: Any  # tensors of the trace, nested as the function returned them
    outputs: tuple[Node, ...]
    updates: tuple[tuple[Slot, Node | None], ...]
    captures: tuple[Capture, ...] = ()

    @property
    def arguments(self) -> tuple[Spec, ...]:
        """The specs of the tensors among the arguments, in order."""
        return tuple(flatten(self.signature, is_example))

    @property
    def ends(self) -> list[Node]:
        """The nodes that are read when the function ends: outputs, then updates."""
        return [*self.outputs, *(node for _, node in self.updates if node is not None)]

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes, each behind its inputs."""
        return topological(self.ends)

    def __call__(self, *arguments: Any) -> Any:
        """Run the graph on tensors or arrays of the traced shapes.

        Raises:
            ShapeError: when the arguments do not have the traced shapes, dtypes and nesting.
            TraceError: inside another trace, or when a gradient that was there while tracing
                is gone, or was not there and is now.
        """
        if MODE.get().trace is not None:
            raise TraceError("a graph runs on numbers: inside a trace call the function itself")
        if any(x.grad is not None for x in self.without_gradient):
            raise TraceError(
                "the function was traced without a gradient to add to, and now there is one: "
                "trace it again, or clear the gradient in it"
            )
        arrays = self.checked_arguments(arguments)
        # Copies, since a value may be a view of an argument or of state that is about to change.
        values = [
            np.array(value, order="K")
            for value in interpret(self.ends, arrays, [slot.read() for slot in self.slots])
        ]
        results = iter(values)
        outputs = [Tensor(next(results)) for _ in self.outputs]
        for slot, node in self.updates:
            slot.write(None if node is None else next(results))
        return replace(self.result, is_tensor, iter(outputs))

    def checked_arguments(self, arguments: tuple[Any, ...]) -> list[Array]:
        values = flatten(arguments, is_example)
        # Too few or too many values are left as they are, for the error below to show.
        arrays = [
            x.checked() if isinstance(x, Tensor) else weak(x, spec.dtype)
            for x, spec in zip(values, self.arguments, strict=False)
        ]
        specs = [*(Spec(x.shape, x.dtype) for x in arrays), *values[len(arrays) :]]
        given = replace(arguments, is_example, iter(specs))
        if given != self.signature:
            raise ShapeError(f"the graph was traced for {self.signature}, got {given}")
        return arrays

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The printed form: one line a node, with the user's line that made it."""
        names = names_of(self.nodes)
        lines = [f"graph({', '.join(map(str, self.arguments))})", *node_lines(self.nodes)]
        for slot, left in self.updates:
            what = "gradient" if slot.is_gradient else "numbers"
            value = "none" if left is None else names[id(left)]
            lines.append(f"  {what} of {slot.tensor.spec} <- {value}")
        lines.append(f"  return {', '.join(names[id(node)] for node in self.outputs)}")
        return lines

    __repr__ = __str__


def trace(function: Callable[..., Any], *arguments: Any) -> Graph:
    """The graph of a function of tensors, found by running it once on symbols.

    Tensors that it reads from outside are the graph's state; assigns and gradients become
    its updates. Nothing outside changes, whether the function ends well or raises.

    Args:
        function: of tensors; it returns tensors, or tuples, lists or dicts of them.
        arguments: a Spec for each argument, or a tensor or array to take it from; nested in
            tuples, lists and dicts where the function's arguments are.

    Raises:
        TraceError: when the function looks at a tensor's numbers, as an `if` does.
        KindError: when it is no function, or gives something else than tensors.

    >>> print(trace(lambda x: (x * 2).sum(), Spec((3,))))  # doctest: +ELLIPSIS
    graph(float32[3])
      %0 = Argument(index=0)                         float32[3]
      %1 = Constant(2.0)                             float32[]            ...
      %2 = Multiply() of %0, %1                      float32[3]           ...
      %3 = Sum(axes=(0,), keepdims=False) of %2      float32[]            ...
      return %3
    """
    if not callable(function):
        raise KindError(f"trace runs a function of tensors, got {type(function).__name__}")
    active = Trace()
    examples = flatten(arguments, is_example)
    specs = [x if isinstance(x, Spec) else as_tensor(x).spec for x in examples]
    symbols = [active.tensor(Node(Argument(index), (), spec)) for index, spec in enumerate(specs)]
    with mode(trace=active):
        result = function(*replace(arguments, is_example, iter(symbols)))
    tensors = flatten(result, is_tensor)
    if not tensors and result is not None:
        raise KindError(f"a traced function returns tensors, got {type(result).__name__}")
    outputs = tuple(map(active.node_of, tensors))
    updates = tuple(active.updates())
    signature = replace(arguments, is_example, iter(specs))
    slots, without = tuple(active.slots), tuple(active.without_gradient)
    captures = tuple(active.captures)
    return Graph(signature, slots, without, result, outputs, updates, captures)


def is_example(value: Any) -> bool:
    return isinstance(value, Spec | Tensor | np.ndarray | np.generic | int | float)
