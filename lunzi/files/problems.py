"""The one error of a file that cannot be used, in the language of the user."""

import os

from lunzi.core.errors import FileFormatError, KindError
from lunzi.messages import text

Path = str | os.PathLike[str]
LONGEST_VALUE = 60
LONGEST_REASON = 200


def name_of(path: Path) -> str:
    """The path as text.

    Raises:
        KindError: when it is neither text nor a path.
    """
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise KindError(f"a path is text or a pathlib.Path, got {type(path).__name__}")
    return name


def damaged(code: str, path: str, **fields: object) -> FileFormatError:
    """The error about the file at `path` whose text is the message `code`."""
    return FileFormatError(text(code, path=path, **fields))


def shown(value: object) -> str:
    """A value of an untrusted file as it may stand in a message: escaped and short."""
    return shortened(repr(value), LONGEST_VALUE)


def shortened(written: str, most: int = LONGEST_REASON) -> str:
    return written if len(written) <= most else f"{written[:most]}..."
