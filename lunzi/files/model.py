"""save and load: a whole model in one safetensors file that is safe to share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, overload

import numpy as np

from lunzi.core.errors import FileFormatError, KindError, StateKeyError
from lunzi.core.spec import is_floating
from lunzi.core.tensor import Tensor
from lunzi.files.architecture import UndescribedError, describe, rebuild
from lunzi.files.arguments import Json
from lunzi.files.header import READ_AS, Header, header_of
from lunzi.files.opening import opened
from lunzi.files.problems import Path, damaged, name_of, shortened, shown
from lunzi.files.record import Record, metadata_of, record_of
from lunzi.files.state import losses, misfits, tie
from lunzi.files.tensors import read_arrays, write_tensors
from lunzi.messages import text
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, convert
from lunzi.nn.state import State, state_of, tied_names

M = TypeVar("M", bound=Module)
MOST_PROBLEMS = 6  # told in one message
NO_MODEL = (
    ": save the model itself and not its state_dict(). Tensors by name go with "
    "lunzi.files.write_tensors, a training to go on with by lunzi.Trainer(checkpoint=...)"
)


def save(
    model: Module,
    path: Path,
    *,
    preprocessing: Any = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a model to a file: its numbers as safetensors, its architecture as JSON inside.

    A model that is made of the layers of `lunzi.nn` comes back with `lunzi.load(path)`. Of one
    with classes of your own the weights alone are written: `lunzi.load(path, into=model)`.
    Tied parameters stand there under each name. Hooks are not saved, and gradients neither.

    Args:
        model: in any state; it is not changed. Of a compiled one, the model that it runs.
        path: the file; one that is there is replaced, whole or not at all.
        preprocessing: anything that JSON has, which `lunzi.inspect` gives back: how inputs are
            to be prepared.
        metadata: strings by name, such as author and licence.

    Raises:
        KindError: when it is no model, or preprocessing or metadata are not of their kind.
        RangeError: when a tensor has a name that no file can have (printable, and not like a
            path), or metadata has one that begins with `lunzi.`.
        MissingFileError: when the folder is not there.
        FileFormatError: when the path is a folder or cannot be written.
    """
    model = checked_model("model", model, NO_MODEL if isinstance(model, Mapping) else "")
    state = state_of(model)
    architecture, obstacle = architecture_of(model, state)
    record = Record(
        class_name=type(model).__name__,
        architecture=architecture,
        obstacle=obstacle,
        tied=tied_names(state),
        frozen=[
            name
            for name, tensor in state.items()
            if isinstance(tensor, Parameter) and not tensor.requires_grad
        ],
    )
    write_tensors(path, state, metadata_of(record, preprocessing, metadata))


@overload
def load(path: Path, *, into: None = None) -> Module: ...
@overload
def load(path: Path, *, into: M) -> M: ...
def load(path: Path, *, into: Module | None = None) -> Module:
    """A model from a file that `save` wrote, or its weights into a model that is there.

    Without `into` the model is made anew, from the layers of `lunzi.nn` alone: no code of the
    file runs, and nothing in it is believed unchecked. It comes ready for use, in `eval` mode;
    to train it further call `model.train()`. Its dtypes, tied and frozen parameters are those
    that were saved. The stream of random numbers is not touched.

    With `into` any safetensors file does whose names and shapes are those of the model, as
    PyTorch's state names are. The model keeps its dtypes and its mode. When something does not
    fit, nothing is changed.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is no safetensors file, or is damaged or cut, or holds no
            architecture and `into` is not given.
        StateKeyError: when the file does not fit the model `into`, naming all that is missing,
            unexpected, or of another shape or kind.
        KindError: when `into` is no model.
        StateError: when the memory of a tensor of `into` is read-only.
    """
    given = into
    if into is not None:
        into = checked_model("into", into)
    with opened(path) as (file, size):
        header = header_of(file, size, name_of(path))
        model = rebuilt(header) if into is None else into
        state = state_of(model)
        refuse(misfits(state, header.tensors), header, into)
        arrays = read_arrays(file, header)
    refuse(losses(state, arrays), header, into)
    model.load_state_dict({name: Tensor(array) for name, array in arrays.items()})
    return model if given is None else given


def checked_model(name: str, model: Any, advice: str = "") -> Any:
    """The model; of a compiled one, `lunzi.compile(model)`, the model that it runs."""
    model = getattr(model, "__wrapped__", model)
    if isinstance(model, type) and issubclass(model, Module):
        raise KindError(f"{name} must be a model, got the class: make one with {model.__name__}()")
    if not isinstance(model, Module):
        kind = type(model).__name__
        raise KindError(f"{name} must be a model (lunzi.nn.Module), got {kind}{advice}")
    return model


def architecture_of(model: Module, state: State) -> tuple[Json, str | None]:
    """The architecture, or else the place and class of what has none."""
    try:
        architecture = describe(model)
        copy = rebuild(architecture, "", sum(tensor.size for tensor in state.values()))
    except UndescribedError as obstacle:
        return None, str(obstacle)
    except FileFormatError:
        return None, type(model).__name__
    is_same = (
        describe(copy) == architecture
        and kinds(state_of(copy)) == kinds(state)
        and tie(copy, tied_names(state)) is None
        and constants(copy) == constants(model)
    )
    # Not the same when attributes were set by hand, so that the arguments no longer tell them.
    return (architecture, None) if is_same else (None, type(model).__name__)


def kinds(state: State) -> dict[str, tuple[bool, tuple[int, ...]]]:
    return {name: (isinstance(x, Parameter), x.shape) for name, x in state.items()}


def constants(model: Module) -> dict[str, bytes]:
    """The numbers that no file holds, since the constructor makes them: tables, masks."""
    return {name: x.numpy().tobytes() for name, x in model.named_buffers() if not x.persistent}


def rebuilt(header: Header) -> Module:
    """The model that a file describes, with shapes, dtypes and ties but without its numbers."""
    record = record_of(header)
    if record is None:
        raise damaged("files.no_architecture", header.path)
    if record.obstacle is not None:
        raise damaged(
            "files.weights_only", header.path,
            class_name=shown(record.class_name), obstacle=shortened(record.obstacle),
        )  # fmt: skip
    numbers = sum(entry.size for entry in header.tensors)
    model = rebuild(record.architecture, header.path, numbers)
    state = state_of(model)
    refuse(misfits(state, header.tensors), header)
    for entry in header.tensors:
        if is_floating(state[entry.name].dtype):
            convert(state[entry.name], np.dtype(READ_AS[entry.code]))
    group = tie(model, record.tied)
    if group is not None:
        raise damaged("files.tied", header.path, names=shortened(", ".join(map(shown, group))))
    state = state_of(model)
    for name in record.frozen:
        if not isinstance(state.get(name), Parameter):
            raise damaged("files.frozen", header.path, name=shown(name))
        state[name].requires_grad_(False)
    return model.eval()


def refuse(problems: Iterable[str], header: Header, into: Module | None = None) -> None:
    """Raise one error that tells the problems, if there are any."""
    told = list(problems)
    if not told:
        return
    more = len(told) - MOST_PROBLEMS
    if more > 0:
        told[MOST_PROBLEMS:] = [text("files.misfit.more", count=more)]
    listed = text("files.misfit.separator").join(told)
    if into is None:
        raise damaged("files.contradiction", header.path, problems=listed)
    name = type(into).__name__
    raise StateKeyError(text("files.misfit", path=header.path, model=name, problems=listed))
