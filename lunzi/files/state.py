"""The state of a model held against that of a file: names, shapes, dtypes, ties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lunzi.core.spec import Array, DType
from lunzi.files.header import READ_AS, TensorEntry
from lunzi.messages import text
from lunzi.nn.module import Module
from lunzi.nn.state import (
    State,
    contradictions,
    first_lost,
    is_convertible,
    missing_names,
    state_of,
)


def misfits(state: State, entries: Sequence[TensorEntry]) -> Iterator[str]:
    """What keeps the tensors of a file from being the state of a model, a text for each.

    A tied parameter is found under any one of its names. Floating numbers go into floating
    tensors of any width; others only where no number can be lost.
    """
    found = {entry.name: entry for entry in entries}
    for name in missing_names(state, found):
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
    return entry.code in READ_AS and is_convertible(np.dtype(READ_AS[entry.code]), dtype)


def losses(state: State, arrays: Mapping[str, Array]) -> Iterator[str]:
    """What would be lost if a model took over arrays that fit it, a text for each."""
    for name, array in arrays.items():
        dtype = state[name].dtype
        lost = first_lost(array, dtype)
        if lost is not None:
            yield text("files.misfit.overflow", name=name, found=lost, dtype=dtype.name)
    for first, other in contradictions(state, arrays):
        yield text("files.misfit.tied", name=first, other=other)


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
