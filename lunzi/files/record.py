"""What `lunzi.save` writes about a model into the metadata of its file, and reading it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lunzi.core.errors import KindError, RangeError
from lunzi.files.arguments import Json, as_json
from lunzi.files.header import Header, TensorEntry, read_header
from lunzi.files.problems import Path, damaged, shown
from lunzi.files.strict_json import strict_json
from lunzi.files.tensors import strings
from lunzi.messages import text

OURS = "lunzi."  # metadata of these names is written by `save` alone
MODEL = "lunzi.model"
PREPROCESSING = "lunzi.preprocessing"
VERSION = 1


@dataclass(frozen=True)
class Record:
    """What a file says about the model whose tensors it holds.

    Args:
        class_name: the class of the model.
        architecture: see `architecture`; None when only the weights were saved.
        obstacle: place and class of the module that has no architecture; None if there is one.
        tied: groups of names that are one tensor.
        frozen: names of the parameters that need no gradient.
    """

    class_name: str
    architecture: Json
    obstacle: str | None
    tied: list[list[str]]
    frozen: list[str]


@dataclass(frozen=True)
class ModelFile:
    """What `lunzi.inspect` finds in a model's file without reading its numbers.

    Args:
        path: the file.
        nbytes: its length.
        tensors: name, dtype, shape and bytes of each tensor, in the order of the file.
        record: what `lunzi.save` wrote about the model; None in a file of another program.
        preprocessing: what was given to `save` under this name, tuples as lists.
        metadata: the other strings of the header.
    """

    path: str
    nbytes: int
    tensors: tuple[TensorEntry, ...]
    record: Record | None
    preprocessing: Json
    metadata: dict[str, str]


def inspect(path: Path) -> ModelFile:
    """What a safetensors file holds: tensors, architecture, preprocessing and metadata.

    The numbers are not read, so that it takes no time with a large file either.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is no safetensors file, or is damaged or cut.
    """
    header = read_header(path)
    preprocessing = header.metadata.get(PREPROCESSING)
    return ModelFile(
        header.path,
        header.nbytes,
        header.tensors,
        record_of(header),
        None if preprocessing is None else parsed(header, PREPROCESSING),
        {name: value for name, value in header.metadata.items() if not name.startswith(OURS)},
    )


def read_preprocessing(path: Path) -> Json:
    """What was given to `save` as preprocessing, tuples as lists; None when there was none.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is no safetensors file, or is damaged or cut.
    """
    return inspect(path).preprocessing


def metadata_of(
    record: Record, preprocessing: Json, metadata: Mapping[str, str] | None
) -> dict[str, str]:
    """The metadata of a model's file.

    Raises:
        KindError: when the preprocessing cannot be written as JSON.
        RangeError: when the user's metadata has a name that begins with `lunzi.`.
    """
    result = {MODEL: written({"version": VERSION, **asdict(record)})}
    if preprocessing is not None:
        try:
            result[PREPROCESSING] = written(as_json(preprocessing))
        except (TypeError, RecursionError) as error:
            raise KindError(f"preprocessing is made of what JSON has: {error}") from None
    for name, value in strings({} if metadata is None else metadata).items():
        if name.startswith(OURS):
            raise RangeError(f"metadata named lunzi.... is written by lunzi alone, got {name!r}")
        result[name] = value
    return result


def written(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def parsed(header: Header, name: str) -> Json:
    place = text("files.place.metadata", name=name)
    return strict_json(header.metadata[name], header.path, place)


def record_of(header: Header) -> Record | None:
    """The record in a file's header, each part checked to be of its kind.

    Raises:
        FileFormatError: when it is damaged, or was written by a newer Lunzi.
    """
    if MODEL not in header.metadata:
        return None
    fields = parsed(header, MODEL)
    version = fields.pop("version", None) if isinstance(fields, dict) else None
    if type(version) is int and version > VERSION:
        raise damaged("files.newer", header.path, version=version, known=VERSION)
    if version != VERSION or not is_record(fields):
        raise damaged("files.record", header.path, name=MODEL, found=shown(fields))
    return Record(**fields)


def is_record(fields: dict[str, Any]) -> bool:
    if fields.keys() != Record.__dataclass_fields__.keys():
        return False
    tied, obstacle = fields["tied"], fields["obstacle"]
    return (
        is_text(fields["class_name"])
        and (obstacle is None or is_text(obstacle))
        and (obstacle is None) != (fields["architecture"] is None)
        and isinstance(tied, list)
        and all(is_list_of_text(group) and len(group) > 1 for group in tied)
        and is_list_of_text(fields["frozen"])
    )


def is_list_of_text(value: Json) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def is_text(value: Json) -> bool:
    return isinstance(value, str) and value.isprintable()
