"""IDX, the format in which MNIST and its relatives are published.

    0, 0, kind of the numbers, count of axes        one byte each
    length of each axis                             4 bytes each, big-endian
    the numbers                                     big-endian, last axis fastest

A file may be compressed with gzip, which is seen from its content and not from its name.

Source: Y. LeCun, The MNIST database, section "The IDX file format".
"""

import gzip
import io
import math
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lunzi.core.errors import FileFormatError
from lunzi.data.reading import FilePath, read_whole
from lunzi.messages import text

KINDS: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MOST_AXES = 64  # of a NumPy array
GZIP_MARK = b"\x1f\x8b"
CHUNK = 1 << 20


def read_idx(path: FilePath) -> NDArray[Any]:
    """Read an IDX file, plain or compressed, as an array in this machine's byte order.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is empty, damaged, cut, or longer than its header says.
    """
    return parse_idx(read_whole(path), str(path))


def parse_idx(content: bytes, source: str) -> NDArray[Any]:
    """The array in the bytes of an IDX file; `source` names them in errors."""
    stream: BinaryIO = io.BytesIO(content)
    if content.startswith(GZIP_MARK):
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]  # a BinaryIO in all but name
    try:
        dtype, shape = _read_header(stream, source)
        data = _read_numbers(stream, source, dtype, shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileFormatError(text("data.damaged_gzip", path=source, reason=error)) from None
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _read_header(stream: BinaryIO, source: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    mark = _read_at_most(stream, 4)
    if len(mark) < 4 or mark[:2] != b"\0\0" or mark[2] not in KINDS:
        raise FileFormatError(text("data.not_idx", path=source, mark=mark.hex(" ")))
    axes = mark[3]
    if not 1 <= axes <= MOST_AXES:
        raise FileFormatError(text("data.idx_axes", path=source, axes=axes, most=MOST_AXES))
    lengths = _read_at_most(stream, 4 * axes)
    if len(lengths) < 4 * axes:
        raise FileFormatError(
            text("data.idx_cut_header", path=source, axes=axes, byte=4 + len(lengths))
        )
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    if 0 in shape:
        raise FileFormatError(text("data.idx_no_numbers", path=source, shape=shape))
    return KINDS[mark[2]], shape


def _read_numbers(
    stream: BinaryIO, source: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> bytes:
    claimed = math.prod(shape) * dtype.itemsize
    data = _read_at_most(stream, claimed)
    begin = 4 + 4 * len(shape)
    if len(data) < claimed:
        raise FileFormatError(
            text("data.idx_cut", path=source, shape=shape, claimed=claimed, found=len(data))
        )
    if stream.read(1):
        raise FileFormatError(
            text("data.idx_too_long", path=source, shape=shape, byte=begin + claimed)
        )
    return data


def _read_at_most(stream: BinaryIO, count: int) -> bytes:
    """Up to `count` bytes, in chunks: memory grows with what is there, not with what is claimed."""
    data = bytearray()
    while len(data) < count and (chunk := stream.read(min(CHUNK, count - len(data)))):
        data += chunk
    return bytes(data)
