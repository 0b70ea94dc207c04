"""The state of a module by name, and what keeps another one from taking its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.core.errors import RangeError, StateError
from lunzi.core.spec import Array, DType, is_floating
from lunzi.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from lunzi.nn.module import Module

State = dict[str, Parameter | Buffer]


def state_of(module: Module) -> State:
    """What a module keeps, by name: parameters and persistent buffers themselves.

    Raises:
        RangeError: when two of them have the same name.
    """
    state: State = {}
    for name, tensor in module.named_tensors():
        is_kept = isinstance(tensor, Parameter) or tensor.persistent
        if is_kept and state.setdefault(name, tensor) is not tensor:
            raise RangeError(f"the model has two tensors of the name {name}: rename one")
    return state


def tied_names(state: State) -> list[list[str]]:
    """The names of each tensor that has several."""
    names: dict[int, list[str]] = {}
    for name, tensor in state.items():
        names.setdefault(id(tensor), []).append(name)
    return [group for group in names.values() if len(group) > 1]


def missing_names(state: State, found: Mapping[str, Any]) -> list[str]:
    """The names without a value; a tied tensor is found under any one of its names."""
    reached = {id(state[name]) for name in found if name in state}
    return [name for name, tensor in state.items() if id(tensor) not in reached]


def is_convertible(found: DType, wanted: DType) -> bool:
    """Whether numbers go into a tensor: floating ones into any width, others without a loss."""
    if is_floating(found) or is_floating(wanted):
        return is_floating(found) and is_floating(wanted)
    return np.can_cast(found, wanted, "safe")


def first_lost(values: Array, dtype: DType) -> Any:
    """The first number that another dtype cannot hold, None where there is none.

    Floating numbers are rounded without a word, but not to infinity.
    """
    if values.dtype == dtype:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype)
        lost = np.isinf(cast) & ~np.isinf(values) if is_floating(dtype) else cast != values
    return values[lost][0].item() if lost.any() else None


def contradictions(state: State, values: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """Pairs of names that stand for one tensor and come with different numbers."""
    for group in tied_names(state):
        first, *others = [name for name in group if name in values] or [""]
        for other in others:
            if not np.array_equal(values[first], values[other], equal_nan=True):
                yield first, other


def misfits(state: State, values: Mapping[str, Array]) -> list[str]:
    """What keeps values from being those of a state, a clause for each."""
    problems = []
    for name, value in values.items():
        shape, dtype = state[name].shape, state[name].dtype
        if value.shape != shape:
            problems.append(f"{name} has shape {value.shape}, the module's {shape}")
        elif is_floating(value.dtype) and not is_floating(dtype):
            problems.append(f"{name} is {value.dtype.name}, the module's {dtype.name}")
        elif (lost := first_lost(value, dtype)) is not None:
            problems.append(f"{name} holds {lost}, which does not fit in {dtype.name}")
    return problems + [
        f"{first} and {other} are one tensor of the module, but their numbers differ"
        for first, other in contradictions(state, values)
    ]


def refuse_fixed(state: State) -> None:
    """Raise when a tensor cannot be assigned to, before any of them is.

    Raises:
        StateError: naming it.
    """
    for name, tensor in state.items():
        if tensor.is_view or not tensor.checked().flags.writeable:
            raise StateError(
                f"{name} cannot be loaded: its memory is read-only or that of another tensor. "
                f"Make the parameter from an array of its own, as in Parameter(array.copy())"
            )
