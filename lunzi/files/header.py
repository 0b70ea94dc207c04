"""The header of a safetensors file, believed in nothing that was not checked.

    8 bytes: length N of the header, little-endian
    N bytes: JSON, name -> {"dtype", "shape", "data_offsets"}, and "__metadata__" of strings
    the numbers of all tensors, one after the other, little-endian, in C order

Source: the safetensors format, https://github.com/huggingface/safetensors. Ours is stricter:
names are printable and not like a path, unknown fields are refused, the header has 16 MiB at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BufferedReader
from typing import Any

import numpy as np

from lunzi.files.opening import explain_other_format, opened
from lunzi.files.problems import Path, damaged, name_of, shown
from lunzi.files.strict_json import strict_json
from lunzi.messages import text

PREFIX = 8  # bytes that hold the header's length
LARGEST_HEADER = 2**24
MOST_AXES = 32
LARGEST_TENSOR = 2**62  # bytes, with axes of length 0 counted as 1: NumPy refuses more
LONGEST_NAME = 1000
METADATA = "__metadata__"
FIELDS = ("dtype", "shape", "data_offsets")

# Name of a dtype in the format -> the array's
ARRAYS = {
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "U32": "uint32",
    "BOOL": "bool",
}
# The same, and what becomes of those that no array has
READ_AS = {**ARRAYS, "BF16": "float32"}
# The others that the format knows: listed, but only BF16 is read -> bits of a number
OTHERS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "I8": 8, "I16": 16, "U16": 16, "U64": 64, "BF16": 16,
    "C64": 64,
}  # fmt: skip
BITS = {**{code: 8 * np.dtype(name).itemsize for code, name in ARRAYS.items()}, **OTHERS}


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """What a header says about one tensor; its numbers lie at `begin` to `end` of the data."""

    name: str
    code: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> str:
        """The dtype by its name in Lunzi; one that Lunzi has not, by its name in the format."""
        return ARRAYS.get(self.code, self.code)

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes its numbers take in the file."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Header:
    """A checked header: tensors in the order of their numbers in the file, and metadata."""

    path: str
    tensors: tuple[TensorEntry, ...]
    metadata: dict[str, str]
    data_start: int  # byte of the file at which the first tensor begins

    @property
    def nbytes(self) -> int:
        """The length of the whole file."""
        return self.data_start + (self.tensors[-1].end if self.tensors else 0)


def read_header(path: Path) -> Header:
    """The header of a safetensors file; its numbers are not read.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is no safetensors file, or is damaged or cut.
    """
    with opened(path) as (file, size):
        return header_of(file, size, name_of(path))


def header_of(file: BufferedReader, size: int, path: str) -> Header:
    """The header of an open file of `size` bytes."""
    beginning = file.read(512)
    if not beginning:
        raise damaged("files.empty", path)
    if beginning[PREFIX : PREFIX + 1] not in (b"{", b""):
        raise explain_other_format(path, beginning)
    length = int.from_bytes(beginning[:PREFIX], "little")
    if length > LARGEST_HEADER:
        raise damaged("files.header_too_long", path, claimed=length, most=LARGEST_HEADER)
    if PREFIX + length > size:
        raise damaged("files.header_cut", path, claimed=PREFIX + length, found=size)
    file.seek(PREFIX)
    return parse_header(file.read(length), size - PREFIX - length, path)


def parse_header(raw: bytes, data_size: int, path: str) -> Header:
    """The header from its JSON, for a file that has `data_size` bytes of numbers behind it."""
    try:
        source = raw.decode()
    except UnicodeDecodeError as error:
        raise damaged("files.not_utf8", path, byte=PREFIX + error.start) from None
    document = strict_json(source, path, text("files.place.header"))
    metadata = checked_metadata(document.pop(METADATA, {}), path)
    entries = [entry_of(name, fields, path) for name, fields in document.items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    check_places(entries, data_size, path)
    return Header(path, tuple(entries), metadata, PREFIX + len(raw))


def checked_metadata(metadata: Any, path: str) -> dict[str, str]:
    if not isinstance(metadata, dict):
        raise damaged("files.metadata_not_strings", path, found=shown(metadata))
    for value in metadata.values():
        if not isinstance(value, str):
            raise damaged("files.metadata_not_strings", path, found=shown(value))
    return metadata


def entry_of(name: str, fields: Any, path: str) -> TensorEntry:
    """One tensor of the header, sound in itself: its length is that of its shape and dtype."""
    if (problem := name_problem(name)) is not None:
        raise damaged(
            "files.bad_name", path, name=shown(name), reason=text(f"files.name.{problem}")
        )
    if not isinstance(fields, dict) or fields.keys() != set(FIELDS):
        raise damaged(
            "files.fields",
            path,
            name=name,
            expected=", ".join(FIELDS),
            found=shown(list(fields) if isinstance(fields, dict) else fields),
        )
    code, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(code, str) or code not in BITS:
        raise damaged("files.dtype", path, name=name, found=shown(code), expected=", ".join(BITS))
    if not is_list_of_lengths(shape) or len(shape) > MOST_AXES:
        raise damaged("files.shape", path, name=name, found=shown(shape), most=MOST_AXES)
    if not is_list_of_lengths(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise damaged("files.offsets", path, name=name, found=shown(offsets))
    entry = TensorEntry(name, code, tuple(shape), *offsets)
    if math.prod(length or 1 for length in shape) * BITS[code] > 8 * LARGEST_TENSOR:
        raise damaged("files.shape", path, name=name, found=shown(shape), most=MOST_AXES)
    expected = -(-entry.size * BITS[code] // 8)
    if entry.nbytes != expected:
        raise damaged(
            "files.length", path, name=name, dtype=code, shape=shape,
            expected=expected, found=entry.nbytes,
        )  # fmt: skip
    return entry


def is_list_of_lengths(value: Any) -> bool:
    # `type` and not isinstance: True is an int in Python, but no length.
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def name_problem(name: str) -> str | None:
    """What keeps a tensor's name out of a file: None, or "empty", "long", "path", "control"."""
    if not name:
        return "empty"
    if len(name) > LONGEST_NAME:
        return "long"
    if "/" in name or "\\" in name or ".." in name or name.startswith((".", "~")):
        return "path"
    return None if name.isprintable() else "control"


def check_places(entries: list[TensorEntry], data_size: int, path: str) -> None:
    """Raise unless the tensors fill the data exactly, one behind the other."""
    end = 0
    for entry in entries:
        if entry.begin < end:
            raise damaged("files.overlap", path, name=entry.name, found=entry.begin, expected=end)
        if entry.begin > end:
            raise damaged("files.hole", path, name=entry.name, found=entry.begin, expected=end)
        end = entry.end
    if end > data_size:
        raise damaged("files.cut", path, expected=end, found=data_size)
    if end < data_size:
        raise damaged("files.trailing", path, expected=end, found=data_size)
