"""The walk that applies gradients from a result back to what it came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lunzi.core.errors import GradientError, KindError
from lunzi.core.mode import MODE, mode
from lunzi.core.primitive import Primitive
from lunzi.core.reduction import Sum
from lunzi.core.spec import Shape

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


# Stands in the gradient slot of a tensor whose gradient a compiled function used up.
NOT_KEPT: Any = object()
NOT_THERE = (
    "a compiled function computed this gradient and did not store it, since it clears gradients "
    "first: read it inside the function, set grad = None, or use compile(keep_grads=True)"
)


class Origin:
    """How a tensor was made: the primitive, its inputs, and when.

    The tape is these links from tensor to inputs. An origin does not hold its own tensor,
    so that a tape without a user goes at once, by reference counting.
    """

    __slots__ = ("inputs", "moment", "op")

    def __init__(self, op: Primitive, inputs: Sequence[Tensor], moment: int) -> None:
        self.op = op
        self.inputs: Sequence[Tensor] | None = inputs  # None once the tape is freed
        self.moment = moment

    def gone(self) -> str:
        """Why there is no tape behind this tensor any more."""
        return (
            f"the tape of {self.op} was freed by an earlier backward: "
            f"compute the loss again, or call the first one with backward(retain_graph=True)"
        )


def backward(output: Tensor, dy: Tensor, retain_graph: bool, create_graph: bool) -> None:
    """Add to `grad` of every leaf, and of tensors that retain it, the gradient of `output`."""
    tape = recorded(output)
    gradients = walk([(output, dy)], tape, create_graph)
    # Nothing is stored before the whole walk has gone well, and every slot was looked at.
    before_it = [x.grad for x, _ in gradients]
    taken = {id(dy)}
    trace = MODE.get().trace
    for (x, gradient), before in zip(gradients, before_it, strict=True):
        after = own(gradient, taken) if before is None else before + gradient
        if trace is None:
            x._grad = after
        else:
            trace.set_gradient(x, after)
    if not retain_graph:
        for y in tape:
            if y.origin is not None:
                y.origin.inputs = None


def gradients_of(
    output: Tensor, dy: Tensor, inputs: Sequence[Tensor], create_graph: bool
) -> list[Tensor | None]:
    """The gradient of `output` for each of `inputs`; `grad` slots and the tape stay as they are."""
    stops = {id(x) for x in inputs}
    tape = leading_to(stops, recorded(output, stops))
    gradients = walk([(output, dy)], tape, create_graph, stops)
    found = {id(x): gradient for x, gradient in gradients}
    taken = {id(dy)}
    return [own(found[id(x)], taken) if id(x) in found else None for x in inputs]


def own(gradient: Tensor, taken: set[int]) -> Tensor:
    """The gradient in memory of its own, so that to assign one assigns no other."""
    if gradient.origin is None and (gradient.is_view or id(gradient) in taken):
        trace = MODE.get().trace
        gradient = gradient.copy() if trace is None else trace.alias(gradient)
    taken.add(id(gradient))
    return gradient


def leading_to(stops: Collection[int], tape: Sequence[Tensor]) -> list[Tensor]:
    """The part of a tape whose gradients reach `stops`, in the same order."""
    leading = set(stops)
    for y in reversed(tape):
        if y.origin is not None and any(id(x) in leading for x in y.origin.inputs or ()):
            leading.add(id(y))
    return [y for y in tape if id(y) in leading]


def recorded(output: Tensor, stops: Collection[int] = ()) -> list[Tensor]:
    """The tensors between `output` and its leaves or `stops`, each before its own inputs."""
    if not output.requires_grad:
        raise GradientError(
            "there is nothing to differentiate: no input has requires_grad=True, "
            "or the result was computed under no_grad or detached"
        )
    tape = {id(output): output}
    waiting = [output]
    while waiting:
        y = waiting.pop()
        origin = y.origin
        if origin is None or id(y) in stops:
            continue
        if origin.inputs is None:
            raise GradientError(origin.gone())
        for x in origin.inputs:
            if x.requires_grad and id(x) not in tape:
                tape[id(x)] = x
                waiting.append(x)
    # Inputs are older than what was made of them; leaves are older than all.
    leaves = [y for y in tape.values() if y.origin is None]
    computed = [y for y in tape.values() if y.origin is not None]
    return sorted(computed, key=MOMENT, reverse=True) + leaves


MOMENT = attrgetter("origin.moment")
VERSION = attrgetter("version")


def walk(
    seeds: Sequence[tuple[Tensor, Tensor]],
    tape: Sequence[Tensor],
    create_graph: bool,
    stops: Collection[int] = (),
) -> list[tuple[Tensor, Tensor]]:
    """The gradients of leaves, of `stops`, and of tensors that retain theirs.

    `seeds` are results, each with its own gradient; `tape` leads from them to the rest.
    """
    pending: dict[int, Tensor | None] = dict.fromkeys(map(id, tape))
    kept = []
    trace = MODE.get().trace
    version_of = VERSION if trace is None else trace.version_of
    with mode(recording=create_graph):
        for output, dy in seeds:
            before = pending[id(output)]
            pending[id(output)] = dy if before is None else before + dy
        for y in tape:
            gradient = pending.pop(id(y))
            if gradient is None:
                continue
            origin = y.origin
            if origin is None or id(y) in stops:
                refuse_integers(y)
                kept.append((y, gradient))
                continue
            if y.retains_grad and not stops:
                kept.append((y, gradient))
            inputs = origin.inputs or ()
            if max(map(version_of, inputs)) > origin.moment:
                raise assigned(origin, version_of)
            gradients = origin.op.gradient(gradient, y, *inputs)
            if not isinstance(gradients, tuple):
                gradients = (gradients,)
            for x, dx in zip(inputs, gradients, strict=True):
                if dx is not None and x.requires_grad and id(x) in pending:
                    if dx.payload.shape != x.payload.shape:
                        dx = sum_to(dx, x.payload.shape)
                    before = pending[id(x)]
                    pending[id(x)] = dx if before is None else before + dx
    return kept


def refuse_integers(leaf: Tensor) -> None:
    if leaf.payload.dtype.kind != "f":
        raise KindError(
            f"only floating tensors have gradients, and requires_grad was set on one of "
            f"{leaf.dtype.name}: convert it first with astype"
        )


def assigned(origin: Origin, version_of: Callable[[Tensor], int]) -> GradientError:
    """What to say of a gradient that would be computed from numbers which have changed since."""
    versions = map(version_of, origin.inputs or ())
    place = next(place for place, v in enumerate(versions) if v > origin.moment)
    return GradientError(
        f"input {place} of {origin.op} was assigned after it was used, so that its gradient "
        f"would be wrong: call backward before the assign, or use a copy()"
    )


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """Undo a broadcast: the sum over the axes along which `shape` was repeated."""
    new = x.ndim - len(shape)
    repeated = [axis for axis in range(new, x.ndim) if shape[axis - new] == 1 != x.shape[axis]]
    y = x.apply(Sum((*range(new), *repeated)))
    return y.reshape(shape) if repeated else y
