"""The bytes of a user's file."""

import os
from pathlib import Path

from lunzi.core.errors import FileFormatError, MissingFileError
from lunzi.messages import text

FilePath = str | os.PathLike[str]


def read_whole(path: FilePath) -> bytes:
    """All bytes of a file.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is a folder, or empty.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError(text("data.missing_file", path=path))
    if path.is_dir():
        raise FileFormatError(text("data.not_a_file", path=path))
    content = path.read_bytes()
    if not content:
        raise FileFormatError(text("data.empty_file", path=path))
    return content
