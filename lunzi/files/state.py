"""The state of a model held against that of a file: names, shapes, dtypes, ties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lunzi.core.errors import RangeError, StateError
from lunzi.core.spec import Array, DType, is_floating
from lunzi.files.header import READ_AS, TensorEntry
from lunzi.messages import text
from lunzi.nn.module import Module
from lunzi.nn.parameter import Buffer, Parameter

State = dict[str, Parameter | Buffer]


def state_of(model: Module) -> State:
    """What a file holds of a model, by name: parameters and persistent buffers themselves.

    Raises:
        RangeError: when two of them have the same name.
    """
    state: State = {}
    for name, tensor in model.named_tensors():
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


def misfits(state: State, entries: Sequence[TensorEntry]) -> Iterator[str]:
    """What keeps the tensors of a file from being the state of a model, a text for each.

    A tied parameter is found under any one of its names. Floating numbers go into floating
    tensors of any width; others only where no number can be lost.
    """
    found = {entry.name: entry for entry in entries}
    reached = {id(state[name]) for name in found if name in state}
    for name, tensor in state.items():
        if id(tensor) not in reached:
            yield text("files.misfit.missing", name=name)
    for name, entry in found.items():
        if name not in state:
            yield text("files.misfit.unexpected", name=name)
        elif entry.shape != state[name].shape:
            yield text(
                "files.misfit.shape", name=name, found=entry.shape, expected=state[name].shape
            )
        elif not convertible(entry, state[name].dtype):
            yield text(
                "files.misfit.dtype", name=name, found=entry.dtype, expected=state[name].dtype.name
            )


def convertible(entry: TensorEntry, dtype: DType) -> bool:
    if entry.code not in READ_AS:
        return False
    found = np.dtype(READ_AS[entry.code])
    if is_floating(found) or is_floating(dtype):
        return is_floating(found) and is_floating(dtype)
    return np.can_cast(found, dtype, "safe")


def losses(state: State, arrays: Mapping[str, Array]) -> Iterator[str]:
    """What would be lost if a model took over arrays that fit it, a text for each."""
    for name, array in arrays.items():
        dtype = state[name].dtype
        if dtype.itemsize >= array.dtype.itemsize:
            continue
        with np.errstate(over="ignore"):
            overflows = np.isinf(array.astype(dtype)) & ~np.isinf(array)
        if overflows.any():
            found = float(array[overflows][0])
            yield text("files.misfit.overflow", name=name, found=found, dtype=dtype.name)
    for group in tied_names(state):
        first, *others = [name for name in group if name in arrays]
        for other in others:
            if not np.array_equal(arrays[first], arrays[other], equal_nan=True):
                yield text("files.misfit.tied", name=first, other=other)


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


def tie(model: Module, groups: Sequence[Sequence[str]]) -> Sequence[str] | None:
    """Let all names of a group stand for the tensor of its first name.

    Gives the first group that cannot be: its tensors differ in more than their numbers, or it
    names one that is not there, or twice.
    """
    state = state_of(model)
    modules = dict(model.named_modules())
    tied: set[str] = set()
    for group in groups:
        owners = [name.rpartition(".")[0] for name in group]
        may_be_tied = (
            all(name in state for name in group)
            and all(owner in modules for owner in owners)
            and len(set(group)) == len(group)
            and tied.isdisjoint(group)
            and len({(type(state[name]), state[name].spec) for name in group}) == 1
        )
        if not may_be_tied:
            return group
        tied.update(group)
        for name, owner in zip(group, owners, strict=True):
            setattr(modules[owner], name.rpartition(".")[2], state[group[0]])
    return None
