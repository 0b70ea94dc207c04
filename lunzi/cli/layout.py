"""Text set for a terminal, by cells: a Chinese character takes two of them."""

from __future__ import annotations

import math
import shutil
import unicodedata
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from lunzi.recipes.printable import printable

WIDEST = 100  # cells of a line of text that is still easy to read
# They end what stands before them, and so never begin a line.
CLOSING = frozenset("，。；：！？、）》」』”’％")


def line_width() -> int:
    """How many cells a line has here, as far as one should use them; 80 in a pipe."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def padded(written: str, width: int, right: bool = False) -> str:
    """Text filled up with blanks to a width in cells."""
    blanks = " " * (width - cell_len(written))
    return blanks + written if right else written + blanks


def wrapped(written: str, width: int) -> list[str]:
    """Text in lines of at most `width` cells; only a word that is longer stands out."""
    lines = [""]
    for piece in pieces(written):
        if lines[-1] and cell_len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def pieces(written: str) -> Iterator[str]:
    """Text in the parts between which a line may end: behind blanks, around Chinese characters."""
    piece = ""
    for character in written:
        ends_before = is_wide(character) and character not in CLOSING
        ends_after = piece and (piece[-1] == " " or is_wide(piece[-1])) and character != " "
        if piece and (ends_before or (ends_after and character not in CLOSING)):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def in_columns(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """Rows of cells as lines, each column as wide as its widest cell.

    Args:
        rows: the first of them are the heads.
        right: which columns are set to the right, as numbers are.
    """
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = map(padded, row, widths, right)
        yield "  ".join(cells).rstrip()


def decimal(value: float) -> str:
    """A number with 6 significant digits at least, and all of those before the point.

    >>> decimal(1234567.8), decimal(0.1234567), decimal(-20.0)
    ('1234568', '0.123457', '-20')
    """
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if not -5 < power < 15:
        return f"{value:.6g}"
    written = f"{value:.{max(5 - power, 0)}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
