"""Text of a user's file, and the encoding in which it was written.

The order: a byte-order mark decides; then strict UTF-8; then strict GB18030, which Excel writes
in China. GB18030 accepts almost any bytes, so two kinds of files that are something else are
refused instead of being read as wrong characters: UTF-8 with a few damaged bytes, and Western
European text, whose accented letters would each swallow the letter behind them.
"""

import codecs
from typing import NamedTuple

from lunzi.core.errors import FileFormatError, KindError, RangeError
from lunzi.data.reading import FilePath, read_whole
from lunzi.messages import text as message

# The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class DecodedText(NamedTuple):
    """A text without its byte-order mark, and the Python name of its encoding."""

    text: str
    encoding: str


def read_text(path: FilePath, encoding: str | None = None) -> DecodedText:
    """Read a text file; `encoding` overrides what its bytes say.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: when it is empty, or bytes in it are no text.
        RangeError: when `encoding` is not the name of one.
    """
    return decode_text(read_whole(path), str(path), encoding)


def decode_text(content: bytes, source: str, encoding: str | None = None) -> DecodedText:
    """The text in `content`; `source` names it in errors. Otherwise as `read_text`."""
    if not isinstance(encoding, str | None):
        raise KindError(f"encoding is the name of one, got {encoding!r}")
    chosen = _detect(content, source) if encoding is None else encoding
    try:
        chosen = codecs.lookup(chosen).name
        decoded = content.decode(chosen).removeprefix("\ufeff")
    except LookupError:  # no such name, or a codec such as base64, which makes no text
        raise RangeError(message("data.unknown_encoding", encoding=encoding)) from None
    except UnicodeDecodeError as error:
        raise _undecodable(content, source, chosen, error.start) from None
    except UnicodeError as error:  # codecs such as idna do not say where
        raise FileFormatError(
            message("data.not_in_encoding", path=source, encoding=chosen, reason=error)
        ) from None
    if not decoded:
        raise FileFormatError(message("data.empty_file", path=source))
    if "\0" in decoded:
        line = decoded.count("\n", 0, decoded.index("\0")) + 1
        raise FileFormatError(message("data.zero_byte", path=source, line=line))
    return DecodedText(decoded, chosen)


def _detect(content: bytes, source: str) -> str:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return encoding
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        damage = error.start
    if _is_damaged_utf8(content):
        raise _undecodable(content, source, "utf-8", damage)
    try:
        decoded = content.decode("gb18030")
    except UnicodeDecodeError:
        raise _neither(content, source, damage) from None
    if _swallows_letters(decoded):
        raise _neither(content, source, damage)
    return "gb18030"


def _is_damaged_utf8(content: bytes) -> bool:
    """Whether most of what is not ASCII is UTF-8: in GB18030 text hardly one character in five
    happens to be."""
    decoded = content.decode("utf-8", errors="replace")
    wrong = decoded.count("\ufffd")
    right = sum(character > "\x7f" for character in decoded) - wrong
    return right >= 2 * wrong


def _swallows_letters(decoded: str) -> bool:
    """Whether most characters end in a byte that is an ASCII letter: in Chinese text fewer than
    one in three do, even in traditional characters."""
    encoded = [character.encode("gb18030") for character in decoded if character > "\x7f"]
    swallowed = sum(chr(code[-1]).isascii() and chr(code[-1]).isalpha() for code in encoded)
    return 2 * swallowed > len(encoded)


def _neither(content: bytes, source: str, start: int) -> FileFormatError:
    return FileFormatError(
        message(
            "data.unknown_text",
            path=source,
            line=_line(content, start, "utf-8"),
            byte=start,
            value=f"0x{content[start]:02X}",
        )
    )


def _undecodable(content: bytes, source: str, encoding: str, start: int) -> FileFormatError:
    return FileFormatError(
        message(
            "data.undecodable",
            path=source,
            line=_line(content, start, encoding),
            byte=start,
            value=f"0x{content[start]:02X}" if start < len(content) else "—",
            encoding=encoding,
        )
    )


def _line(content: bytes, start: int, encoding: str) -> int:
    """The line in which a byte stands, counted from 1."""
    before = content[:start]
    if encoding.startswith(("utf-16", "utf-32")):
        # All others write a line end as ASCII does, and use that byte for nothing else.
        before = before.decode(encoding, errors="replace").encode("utf-8", "replace")
    return before.count(b"\n") + 1
