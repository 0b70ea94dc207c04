"""The bytes of a user's file."""

import os
from pathlib import Path

from lunzi.core.errors import FileFormatError, KindError, MissingFileError
from lunzi.messages import text

FilePath = str | os.PathLike[str]


def as_path(path: FilePath) -> Path:
    """The path of a file or folder.

    Raises:
        KindError: when it is something else, such as its open file.
    """
    if not isinstance(path, str | os.PathLike):
        raise KindError(f"a file is named by a text or a Path, got {path!r}")
    return Path(path)


def read_whole(path: FilePath) -> bytes:
    """All bytes of a file.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is a folder, or empty.
    """
    path = as_path(path)
    if not path.exists():
        raise MissingFileError(text("data.missing_file", path=path))
    if path.is_dir():
        raise FileFormatError(text("data.not_a_file", path=path))
    content = path.read_bytes()
    if not content:
        raise FileFormatError(text("data.empty_file", path=path))
    return content
