"""scan: a loop of a function over a first axis, as one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, RangeError, ShapeError, user_line
from lunzi.core.graph import Node
from lunzi.core.loop import Scan, loop
from lunzi.core.mode import mode
from lunzi.core.spec import as_flag, as_index
from lunzi.core.step import Step
from lunzi.core.structure import flatten, places, replace
from lunzi.core.tensor import Tensor, as_tensor


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]],
    state: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    checkpoint: bool = False,
) -> tuple[Any, Any]:
    """Call `body` for each place of the first axis of `xs`, in turn, handing a state on.

        state, y[0] = body(state, x[0]);  state, y[1] = body(state, x[1]);  ...

    One operation, however many steps: `body` is called once, on symbols, and its graph is run
    for each step. Tensors that it reads from outside are the same at each step; those that it
    assigns to (the counter of a random generator is one) go on from step to step and are
    assigned after the last. What else it does, such as printing, happens once.

    Args:
        body: a function of the state and one part of `xs`, that returns the new state and `y`.
        state: tensors, nested in tuples, lists and dicts, or None.
        xs: tensors with one first axis, nested like the state; None for none.
        length: the number of steps, where `xs` does not tell it.
        reverse: from the last place to the first; y[t] still belongs to x[t].
        checkpoint: keep nothing but each step's state for the gradient, which computes the
            steps anew: less memory, more time.

    Shapes:
        each of xs (T, ...) -> each y (T, ...); the state keeps its shapes

    Raises:
        ShapeError: when the new state has another shape or nesting, `xs` have unequal lengths,
            or nothing tells the length.
        KindError: when the new state has another dtype, or `body` does not return a pair.
        TraceError: when `body` looks at numbers, as an `if` does, or leaves gradients behind.

    >>> from lunzi.core.creation import arange
    >>> total, running = scan(lambda total, x: (total + x, total + x), 0.0, arange(4.0))
    >>> running.tolist()
    [0.0, 1.0, 3.0, 6.0]
    """
    if not callable(body):
        raise KindError(f"scan calls a function of state and x, got {type(body).__name__}")
    is_reversed, is_lean = as_flag(reverse, "reverse"), as_flag(checkpoint, "checkpoint")
    first = list(map(as_tensor, flatten(state, is_number)))
    stacks = list(map(as_tensor, flatten(xs, is_number)))
    steps = number_of_steps(places(xs, is_number, "xs"), stacks, length)
    step = Step()
    carries = [step.symbol(x.spec) for x in first]
    parts = [step.symbol(x.spec.with_shape(x.shape[1:])) for x in stacks]
    with mode(trace=step):
        before = replace(state, is_number, iter(carries))
        after, y = pair(body(before, replace(xs, is_number, iter(parts))))
        new = new_carries(before, after)
        ys = list(map(as_tensor, flatten(y, is_number)))
    graph, inputs = step.close(carries, parts, new, ys, [*first, *stacks])
    results = loop(Scan(graph, steps, is_reversed, is_lean), inputs)
    for tensor, value in zip(step.assigned, results[len(first) :], strict=False):
        tensor.assign(value)
    return (
        replace(after, is_number, iter(results)),
        replace(y, is_number, iter(results[graph.carried :])),
    )


def is_number(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray | np.generic | int | float)


def number_of_steps(names: Sequence[str], stacks: Sequence[Tensor], length: int | None) -> int:
    """The length of the first axes, which `length` may repeat."""
    lengths = {}
    for name, x in zip(names, stacks, strict=True):
        if not x.ndim:
            raise ShapeError(f"{name} is a single number: scan runs over the first axis of xs")
        lengths[name] = x.shape[0]
    if length is not None:
        lengths["length"] = as_index(length, "length")
        if lengths["length"] < 0:
            raise RangeError(f"length is the number of steps, 0 or more; got {length}")
    if not lengths:
        raise ShapeError("scan has no xs to run over: give the number of steps as length=")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {steps}" for name, steps in lengths.items())
        raise ShapeError(f"scan takes one step for each place of all xs, and they differ: {found}")
    return next(iter(lengths.values()))


def pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
        raise KindError(
            f"{user_line()}: the body of a scan returns a pair, the new state and y, each of "
            f"which may be None; got {got}"
        )
    return result


def new_carries(before: Any, after: Any) -> list[Tensor]:
    """The tensors of the new state, which is nested like the one before and has its specs."""
    names = places(before, is_number, "state")
    if outline(before) != outline(after):
        raise ShapeError(
            f"{user_line()}: the body of a scan returns the state nested as it came: expected "
            f"{described(names)}, got {described(places(after, is_number, 'state'))}"
        )
    new = []
    for name, old, leaf in zip(
        names, flatten(before, is_number), flatten(after, is_number), strict=True
    ):
        x = old.operand(leaf)
        if x.spec != old.spec:
            line = x.payload.line if isinstance(x.payload, Node) else ""
            raise (ShapeError if x.shape != old.shape else KindError)(
                f"{line or user_line()}: the body of a scan returns the state as it came: "
                f"{name} is expected as {old.spec}, got {x.spec}: bring it to that, or start "
                f"with a state of {x.spec}"
            )
        new.append(x)
    return new


def outline(value: Any) -> Any:
    """The nesting of a state without its numbers."""
    return replace(value, is_number, repeat("a tensor"))


def described(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no tensors"
