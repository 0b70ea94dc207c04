"""Predictions of digits: pictures, and rows of 64 counts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from lunzi.cli.answers import probabilities
from lunzi.cli.layout import in_columns
from lunzi.core.errors import FileFormatError
from lunzi.core.spec import Array
from lunzi.data import DigitPreprocessing, Table, digit_picture, read_image, read_table, read_text
from lunzi.data.cells import is_number
from lunzi.data.json_fields import Fields
from lunzi.data.tables import sniff_delimiter
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.recipes.digits import as_input
from lunzi.recipes.printable import printable
from lunzi.recipes.table_words import described

LIKELIEST = 3
TABLES = (".csv", ".tsv", ".txt")
SHADES = " ░▒▓█"
PIXELS = 64  # of a digit, in a row of a table
MOST_INK = 16  # the largest count of a pixel


class DigitPredictor:
    """Prints what a network reads in pictures and in rows of counts.

    Args:
        model: takes digits of 8 x 8 pixels.
        stored: its preprocessing, as the digits recipe writes it.
        source: the model's file, for errors.

    Raises:
        FileFormatError: when the preprocessing is another one.
    """

    def __init__(self, model: Module, stored: dict[str, Any], source: str) -> None:
        fields = Fields(stored, source).only("input", "classes")
        self.model = model
        self.source = source
        self.preprocessing = DigitPreprocessing.from_json(stored["input"], source)
        self.classes = fields.strings("classes")

    def __call__(self, file: Path, encoding: str | None) -> None:
        if file.suffix.lower() in TABLES:
            self.read_rows(file, encoding)
        else:
            self.read_picture(file)

    def read_picture(self, file: Path) -> None:
        """The digit in a picture, with the picture of 8 x 8 that the network saw."""
        counts = digit_picture(read_image(file), self.preprocessing, source=str(file))
        (row,) = self._probabilities(counts[None])
        print(file)
        print("\n".join(shaded(counts)))
        order = np.argsort(-row, kind="stable")[:LIKELIEST]
        print("   ".join(f"{printable(self.classes[place])}  {row[place]:.3f}" for place in order))

    def read_rows(self, file: Path, encoding: str | None) -> None:
        """The digits in rows of 64 counts, with or without a line of names."""
        table = read_table(file, encoding=encoding, column_names=names_for(file, encoding))
        found = self._probabilities(digit_counts(table))
        heads = ("commands.column_line", "commands.column_digit", "commands.column_probability")
        rows = [tuple(map(text, heads))]
        for line, row in zip(table.lines, found, strict=True):
            best = int(row.argmax())
            rows.append((str(line), self.classes[best], f"{row[best]:.3f}"))
        print(described(table))
        print("\n".join(in_columns(rows, (True, False, True))))

    def _probabilities(self, counts: Array) -> Array:
        return probabilities(self.model, as_input(counts), len(self.classes), self.source)


def names_for(file: Path, encoding: str | None) -> list[str] | None:
    """Names for the columns of a file whose first line is a row of numbers, not of names."""
    content = read_text(file, encoding).text
    lines = (line for line in content.splitlines() if line.strip())
    cells = next(csv.reader(lines, delimiter=sniff_delimiter(content)), [])
    if not all(is_number(cell.strip()) for cell in cells):
        return None
    return [str(place) for place in range(1, len(cells) + 1)]


def digit_counts(table: Table) -> Array:
    """The first 64 columns as pictures; what follows them, such as the digit itself, is ignored.

    Shapes:
        table of N rows -> (N, 8, 8)

    Raises:
        FileFormatError: naming the line, where a cell is no number from 0 to 16.
    """
    if len(table.columns) < PIXELS:
        raise FileFormatError(
            text("commands.digit_columns", source=table.source, columns=len(table.columns))
        )
    counts = np.array(
        [[as_number(cell) for cell in column.cells] for column in table.columns[:PIXELS]]
    ).T
    wrong = ~((counts >= 0) & (counts <= MOST_INK))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        column = table.columns[place]
        raise FileFormatError(
            text(
                "commands.digit_cell",
                source=table.source,
                line=table.lines[row],
                column=column.name,
                cell=column.cells[row],
            )
        )
    return counts.reshape(-1, 8, 8)


def as_number(cell: str) -> float:
    """The number in a cell; NaN where there is none."""
    return float(cell) if is_number(cell) else np.nan


def shaded(counts: Array) -> list[str]:
    """A picture in characters, two of them a pixel, since they are about twice as high as wide."""
    levels = np.ceil(counts / MOST_INK * (len(SHADES) - 1)).astype(int)
    return ["  " + "".join(SHADES[level] * 2 for level in row) + "  " for row in levels]
