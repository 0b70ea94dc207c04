"""Tensors by name in a file and back: models and checkpoints are made of this.

The bytes are written here and not by the safetensors library, which puts the metadata in
another order at each call: here the same tensors and metadata give the same file. Tests hold
both directions against that library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from lunzi.core.errors import KindError, MissingFileError, RangeError
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor
from lunzi.files.header import (
    ARRAYS,
    LARGEST_HEADER,
    LONGEST_NAME,
    METADATA,
    PREFIX,
    READ_AS,
    Header,
    TensorEntry,
    header_of,
    name_problem,
)
from lunzi.files.opening import opened
from lunzi.files.problems import Path, damaged, name_of, shown
from lunzi.messages import text
from lunzi.storage import write_whole

CODES = {np.dtype(name): code for code, name in ARRAYS.items()}


def read_tensors(path: Path) -> dict[str, Array]:
    """All tensors of a safetensors file as new arrays; BF16 becomes float32, which is exact.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is no safetensors file, or is damaged or cut, or has a tensor
            of a dtype that Lunzi has not.
    """
    with opened(path) as (file, size):
        return read_arrays(file, header_of(file, size, name_of(path)))


def read_arrays(file: BufferedReader, header: Header) -> dict[str, Array]:
    """All tensors of an open file whose header was checked."""
    for entry in header.tensors:
        if entry.code not in READ_AS:
            raise damaged(
                "files.unread_dtype", header.path,
                name=entry.name, found=entry.code, expected=", ".join(ARRAYS.values()),
            )  # fmt: skip
    file.seek(header.data_start)
    return {entry.name: read_array(file, entry, header) for entry in header.tensors}


def read_array(file: BufferedReader, entry: TensorEntry, header: Header) -> Array:
    raw = bytearray(entry.nbytes)
    # The length was checked against the file's: fewer bytes come only if the file changed since.
    if file.readinto(raw) != entry.nbytes:
        raise damaged("files.changed", header.path, name=entry.name)
    if entry.code == "BF16":
        # A BF16 number is the upper half of a float32.
        halves = np.frombuffer(raw, "<u2").astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(entry.shape)
    if entry.code == "BOOL" and max(raw, default=0) > 1:
        raise damaged("files.bool", header.path, name=entry.name, found=max(raw))
    dtype = np.dtype(entry.dtype)
    array = np.frombuffer(raw, dtype.newbyteorder("<")).reshape(entry.shape)
    return array.astype(dtype, copy=False)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor | Array],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write tensors to a safetensors file, whole or not at all; a file that is there is replaced.

    Args:
        path: the file, with any ending or none.
        tensors: name -> tensor or array, of any shape and memory order.
        metadata: strings by name, which stand in the header.

    Raises:
        KindError: when a value is no tensor or array, or of a dtype that Lunzi has not, or the
            metadata is not made of strings.
        RangeError: when a name is empty, too long, like a path, or not printable.
        MissingFileError: when the folder is not there.
        FileFormatError: when the path is a folder or cannot be written.
    """
    if not isinstance(tensors, Mapping):
        raise KindError(f"tensors are given by name, in a dict; got {type(tensors).__name__}")
    arrays = {name: storable(name, value) for name, value in tensors.items()}
    # Wide numbers first, so that each tensor begins at a multiple of its own width.
    names = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)
    header: dict[str, Any] = {}
    if metadata is not None and strings(metadata):
        header[METADATA] = strings(metadata)
    end = 0
    for name in names:
        array = arrays[name]
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": CODES[array.dtype.newbyteorder("=")],
            "shape": array.shape,
            "data_offsets": (begin, end),
        }
    write(path, b"".join([encoded(header), *(arrays[name].data for name in names)]))


def storable(name: str, value: Tensor | Array) -> Array:
    """The numbers as they lie in a file: in C order, the lower byte first."""
    problem = name_problem(name) if isinstance(name, str) else "kind"
    if problem is not None or name == METADATA:
        raise RangeError(
            f"{shown(name)} cannot name a tensor in a file: a name is a printable string of 1 to "
            f"{LONGEST_NAME} characters and not like a path (no /, \\ or .., no . or ~ in front)"
        )
    if not isinstance(value, Tensor | np.ndarray | np.generic):
        raise KindError(f"{name} must be a tensor or an array, got {type(value).__name__}")
    array = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.newbyteorder("=") not in CODES:
        known = ", ".join(ARRAYS.values())
        raise KindError(f"{name} has the dtype {array.dtype.name}; files hold {known}")
    return array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)


def strings(metadata: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(metadata, Mapping):
        raise KindError(f"metadata is strings by name, in a dict; got {type(metadata).__name__}")
    for name, value in metadata.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise KindError(f"metadata is strings by name, got {shown(name)}: {shown(value)}")
    return dict(metadata)


def encoded(header: Mapping[str, Any]) -> bytes:
    """The header with its length in front, filled up with spaces to a multiple of 8 bytes."""
    try:
        raw = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise RangeError(f"metadata holds half a character: {error.reason}") from None
    raw += b" " * (-len(raw) % PREFIX)
    if len(raw) > LARGEST_HEADER:
        raise RangeError(
            f"names and metadata take {len(raw)} bytes, and a header has {LARGEST_HEADER} at most"
        )
    return len(raw).to_bytes(PREFIX, "little") + raw


def write(path: Path, content: bytes) -> None:
    """Write the file whole; what can be wrong with its path is said in one sentence."""
    name = name_of(path)
    target = FilePath(name)
    if target.is_dir():
        raise damaged("files.folder", name)
    if not target.parent.is_dir():
        raise MissingFileError(text("files.missing_folder", path=name, folder=target.parent))
    try:
        write_whole(target, content)
    except OSError as error:
        raise damaged("files.unwritable", name, reason=error.strerror) from None
