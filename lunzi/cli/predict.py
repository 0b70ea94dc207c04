"""lunzi predict: what a trained network says of pictures or rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table as TextTable

from lunzi.cli.options import DebugOption, LanguageOption
from lunzi.core.errors import FileFormatError, MissingFileError
from lunzi.core.spec import Array
from lunzi.data import (
    DigitPreprocessing,
    Table,
    TablePreprocessing,
    digit_picture,
    read_image,
    read_table,
)
from lunzi.data.targets import ClassTarget
from lunzi.files import load, read_preprocessing
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.recipes.digits import as_input
from lunzi.recipes.run import MODEL
from lunzi.train import predict as outputs_of
from lunzi.train.probabilities import softmax

LIKELIEST = 3
TABLES = (".csv", ".tsv", ".txt")
SHADES = " ░▒▓█"
PIXELS = 64  # of a digit, in a row of a table
MOST_INK = 16  # the largest count of a pixel


def predict(
    run: Annotated[Path, typer.Argument()],
    files: Annotated[list[Path], typer.Argument()],
    encoding: Annotated[str | None, typer.Option()] = None,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Print predictions with probabilities for pictures or the rows of CSV files."""
    path = run / MODEL if run.is_dir() else run
    if run.is_dir() and not path.exists():
        raise MissingFileError(text("commands.no_model", folder=run))
    model = load(path)
    preprocessing = read_preprocessing(path) or {}
    kind = preprocessing.get("input", {}).get("kind")
    for file in files:
        if kind == "table":
            predict_rows(model, preprocessing["input"], file, encoding)
        elif kind == "digit" and file.suffix.lower() in TABLES:
            predict_digit_rows(model, preprocessing, file, encoding)
        elif kind == "digit":
            predict_picture(model, preprocessing, file)
        else:
            raise FileFormatError(text("commands.no_preprocessing", path=path))


def predict_picture(model: Module, preprocessing: dict[str, Any], file: Path) -> None:
    """The digit in a picture, with the picture of 8 x 8 that the network saw."""
    how = DigitPreprocessing.from_json(preprocessing["input"])
    counts = digit_picture(read_image(file), how, source=str(file))
    probabilities = softmax(outputs_of(model, as_input(counts[None])))[0]
    print(file)
    print("\n".join(shaded(counts)))
    print(likeliest(preprocessing["classes"], probabilities))


def predict_digit_rows(
    model: Module, preprocessing: dict[str, Any], file: Path, encoding: str | None
) -> None:
    """The digits in rows of 64 counts, with or without a line of names."""
    table = read_table(file, encoding=encoding)
    if all(name.strip().isdigit() for name in table.names):
        names = [f"pixel {place}" for place in range(len(table.names))]
        table = read_table(file, encoding=encoding, column_names=names)
    counts = digit_counts(table)
    probabilities = softmax(outputs_of(model, as_input(counts)))
    classes = preprocessing["classes"]
    for line, row in zip(table.lines, probabilities, strict=True):
        print(f"{text('commands.line', line=line)}  {likeliest(classes, row)}")


def digit_counts(table: Table) -> Array:
    """The first 64 columns as pictures; what follows them, such as the digit itself, is ignored.

    Raises:
        FileFormatError: naming the line, where a cell is no number from 0 to 16.
    """
    if len(table.columns) < PIXELS:
        raise FileFormatError(
            text("commands.digit_columns", source=table.source, columns=len(table.columns))
        )
    counts = np.zeros((len(table), PIXELS))
    for place, column in enumerate(table.columns[:PIXELS]):
        for row, cell in enumerate(column.cells):
            try:
                counts[row, place] = float(cell)
            except ValueError:
                counts[row, place] = np.nan
    wrong = ~((counts >= 0) & (counts <= MOST_INK))
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        column = table.columns[place]
        raise FileFormatError(
            text(
                "commands.digit_cell", source=table.source, line=table.lines[row],
                column=column.name, cell=column.cells[row],
            )
        )  # fmt: skip
    return counts.reshape(-1, 8, 8)


def predict_rows(model: Module, stored: Any, file: Path, encoding: str | None) -> None:
    """What the network says of each row of a table."""
    preprocessing = TablePreprocessing.from_json(stored)
    table = read_table(file, encoding=encoding)
    outputs = outputs_of(model, preprocessing.encode(table))
    target = preprocessing.target
    shown = TextTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    shown.add_column(text("commands.column_line"), justify="right")
    shown.add_column(target.name, overflow="fold")
    if isinstance(target, ClassTarget):
        shown.add_column(text("commands.column_probability"), justify="right")
        probabilities = softmax(outputs)
        for line, row in zip(table.lines, probabilities, strict=True):
            best = int(row.argmax())
            shown.add_row(str(line), target.classes[best], f"{row[best]:.3f}")
    else:
        for line, value in zip(table.lines, target.decode(outputs).ravel(), strict=True):
            shown.add_row(str(line), f"{value:.6g}")
    Console(highlight=False, markup=False).print(shown)


def likeliest(classes: list[str], probabilities: Array) -> str:
    """The likeliest classes with their probabilities, in one line."""
    order = np.argsort(-probabilities, kind="stable")[:LIKELIEST]
    return "   ".join(f"{classes[place]}  {probabilities[place]:.3f}" for place in order)


def shaded(counts: Array) -> list[str]:
    """A picture in characters, two of them a pixel, since they are about twice as high as wide."""
    levels = np.ceil(counts / MOST_INK * (len(SHADES) - 1)).astype(int)
    return ["  " + "".join(SHADES[level] * 2 for level in row) + "  " for row in levels]
