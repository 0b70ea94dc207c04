"""WAV sound files: PCM of 8, 16, 24 and 32 bits, and floating point of 32 and 64.

A RIFF file is a sequence of chunks, each a name of 4 bytes, a length of 4 bytes (little-endian),
its content, and a byte of padding where the length is odd. `fmt ` says how the numbers in `data`
are written; other chunks (`LIST`, `fact`, `bext`, ...) are passed over.

Source: Microsoft and IBM 1991, Multimedia Programming Interface and Data Specifications 1.0,
chapter 3; Microsoft, WAVEFORMATEXTENSIBLE (2007).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lunzi.core.errors import FileFormatError
from lunzi.data.reading import FilePath, read_whole
from lunzi.messages import text

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
# The end of each sub-format identifier of an extensible header; its first two bytes are the code.
SUBFORMAT_END = bytes.fromhex("000000001000800000aa00389b71")
KNOWN = {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)}


class Sound(NamedTuple):
    """Samples, shape (T,) or (T, C), float32; and how many there are in a second."""

    samples: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class _Format:
    """How the numbers are written."""

    code: int
    channels: int
    rate: int
    bits: int

    @property
    def frame(self) -> int:
        """Bytes of one moment in all channels."""
        return self.channels * self.bits // 8


def read_wav(path: FilePath) -> Sound:
    """Read a WAV file.

        PCM of n bits: y = x / 2^(n - 1), after x - 128 for 8 bits

    PCM gives numbers in [-1, 1]; floating-point files may hold more and are taken as they are.

    Shapes:
        mono -> samples (T,); C channels -> samples (T, C)

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is empty, damaged or cut, holds no samples, or is compressed.
    """
    return parse_wav(read_whole(path), str(path))


def parse_wav(content: bytes, source: str) -> Sound:
    """The sound in the bytes of a WAV file; `source` names them in errors."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise FileFormatError(text("data.not_wav", path=source, mark=content[:12].hex(" ")))
    layout: _Format | None = None
    for name, begin, chunk in _chunks(content, source):
        if name == b"fmt ":
            layout = _parse_format(chunk, begin, source)
        elif name == b"data":
            if layout is None:
                raise FileFormatError(text("data.wav_no_format", path=source, byte=begin))
            return Sound(_parse_samples(chunk, layout, begin, source), layout.rate)
    raise FileFormatError(text("data.wav_no_data", path=source, byte=len(content)))


def _chunks(content: bytes, source: str) -> Iterator[tuple[bytes, int, bytes]]:
    """Name, position and content of each chunk."""
    position = 12
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        begin = position + 8
        if begin + length > len(content):
            raise FileFormatError(
                text(
                    "data.wav_cut",
                    path=source,
                    chunk=name.decode("latin-1").strip(),
                    claimed=length,
                    found=len(content) - begin,
                    byte=position,
                )
            )
        yield name, begin, content[begin : begin + length]
        position = begin + length + length % 2


def _parse_format(chunk: bytes, begin: int, source: str) -> _Format:
    if len(chunk) < 16:
        raise _damaged(source, begin, f"length {len(chunk)} < 16")
    code, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if code == EXTENSIBLE:
        if len(chunk) < 40 or chunk[26:40] != SUBFORMAT_END:
            raise _damaged(source, begin, "WAVE_FORMAT_EXTENSIBLE")
        valid_bits, code = struct.unpack_from("<H", chunk, 18)[0], chunk[24] + 256 * chunk[25]
        if not 0 < valid_bits <= bits:
            raise _damaged(source, begin, f"valid bits {valid_bits}, bits {bits}")
    if (code, bits) not in KNOWN:
        raise FileFormatError(
            text("data.wav_kind", path=source, code=f"0x{code:04X}", bits=bits, byte=begin)
        )
    layout = _Format(code, channels, rate, bits)
    if channels == 0 or rate == 0 or frame != layout.frame:
        raise _damaged(source, begin, f"channels {channels}, rate {rate}, block {frame}")
    return layout


def _parse_samples(chunk: bytes, layout: _Format, begin: int, source: str) -> NDArray[np.float32]:
    if not chunk:
        raise FileFormatError(text("data.wav_silent", path=source, byte=begin))
    if len(chunk) % layout.frame:
        raise FileFormatError(
            text("data.wav_uneven", path=source, byte=begin, length=len(chunk), frame=layout.frame)
        )
    samples = _to_floats(chunk, layout)
    finite = np.isfinite(samples)
    if not finite.all():
        place = begin + int(np.argmin(finite)) * layout.bits // 8
        raise FileFormatError(text("data.wav_not_finite", path=source, byte=place))
    return samples if layout.channels == 1 else samples.reshape(-1, layout.channels)


def _to_floats(chunk: bytes, layout: _Format) -> NDArray[np.float32]:
    """All numbers in order, scaled.

    Shapes:
        T C numbers -> (T C,)
    """
    if layout.code == FLOAT:
        # A double beyond float32 becomes infinite here, and is then refused.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.frombuffer(chunk, f"<f{layout.bits // 8}").astype(np.float32)
    if layout.bits == 8:
        return (np.frombuffer(chunk, "u1").astype(np.float32) - np.float32(128)) / np.float32(128)
    if layout.bits == 24:
        # As the upper three bytes of a 32-bit number, which keeps the sign; the scale follows.
        widened = np.zeros((len(chunk) // 3, 4), np.uint8)
        widened[:, 1:] = np.frombuffer(chunk, np.uint8).reshape(-1, 3)
        return widened.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    integers = np.frombuffer(chunk, f"<i{layout.bits // 8}")
    return integers.astype(np.float32) / np.float32(2 ** (layout.bits - 1))


def _damaged(source: str, begin: int, what: str) -> FileFormatError:
    return FileFormatError(text("data.wav_damaged", path=source, byte=begin, what=what))
