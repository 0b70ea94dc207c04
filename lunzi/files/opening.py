"""Opening a file for reading: what can be wrong before its numbers are understood."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader

from lunzi.core.errors import LunziError, MissingFileError
from lunzi.files.problems import Path, damaged, name_of
from lunzi.messages import text

# How a file of another format begins -> its name
OTHER_FORMATS = {
    b"PK\x03\x04": "ZIP (.zip, .npz, .keras)",
    b"\x89HDF\r\n\x1a\n": "HDF5 (.h5)",
    b"GGUF": "GGUF",
    b"\x93NUMPY": "NumPy (.npy)",
    b"\x1f\x8b": "gzip (.gz)",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"%PDF": "PDF",
}
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


@contextmanager
def opened(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    """A regular file and its length in bytes, closed at the end of the `with` block.

    Raises:
        MissingFileError: when nothing is there.
        FileFormatError: when it is a folder, a device or a pipe, or cannot be read.
    """
    name = name_of(path)
    try:
        # Looked at before it is opened: opening a pipe would wait for somebody to write.
        refuse_special(name)
        with open(name, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except LunziError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(text("files.missing", path=name)) from None
    except OSError as error:
        raise damaged("files.unreadable", name, reason=error.strerror) from None


def refuse_special(path: str) -> None:
    if "\0" in path:
        raise FileNotFoundError(path)
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise damaged("files.folder", path)
    if not stat.S_ISREG(mode):
        raise damaged("files.special", path)


def explain_other_format(path: str, beginning: bytes) -> LunziError:
    """The error for a file that is no safetensors file, by how it begins.

    Those that are often mistaken for one are explained: a pickle of PyTorch, a pointer of Git
    LFS in the place of the file itself, a web page that was saved under its name.
    """
    is_zip_of_pickle = beginning.startswith(b"PK\x03\x04") and b"data.pkl" in beginning
    if is_zip_of_pickle or beginning.startswith(PICKLES):
        return damaged("files.pickle", path)
    if beginning.startswith(b"version https://git-lfs"):
        return damaged("files.git_lfs", path)
    if beginning.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return damaged("files.web_page", path)
    for mark, name in OTHER_FORMATS.items():
        if beginning.startswith(mark):
            return damaged("files.other_format", path, format=name)
    return damaged("files.not_safetensors", path, found=beginning[:9].hex(" "))
