"""Predictions for the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lunzi.cli.answers import answers, probabilities
from lunzi.cli.layout import decimal, in_columns
from lunzi.data import TablePreprocessing, read_table
from lunzi.data.json_fields import Fields
from lunzi.data.targets import ClassTarget
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.recipes.table_words import described


class TablePredictor:
    """Prints what a network says of each row of a CSV file.

    Args:
        model: takes the rows of a table.
        stored: its preprocessing, as the table recipe writes it.
        source: the model's file, for errors.

    Raises:
        FileFormatError: when the preprocessing is another one.
    """

    def __init__(self, model: Module, stored: dict[str, Any], source: str) -> None:
        Fields(stored, source).only("input")
        self.model = model
        self.source = source
        self.preprocessing = TablePreprocessing.from_json(stored["input"], source)

    def __call__(self, file: Path, encoding: str | None) -> None:
        table = read_table(file, encoding=encoding)
        x = self.preprocessing.encode(table)
        target = self.preprocessing.target
        heads = [text("commands.column_line"), target.name]
        if isinstance(target, ClassTarget):
            heads.append(text("commands.column_probability"))
            found = probabilities(self.model, x, target.outputs, self.source)
            best = found.argmax(axis=1)
            cells = [
                [target.classes[place], f"{row[place]:.3f}"]
                for place, row in zip(best, found, strict=True)
            ]
        else:
            numbers = target.decode(answers(self.model, x, target.outputs, self.source))
            cells = [[decimal(number)] for number in numbers.ravel()]
        rows = [heads, *([str(line), *row] for line, row in zip(table.lines, cells, strict=True))]
        is_number = (True, not isinstance(target, ClassTarget), True)[: len(heads)]
        print(described(table))
        print("\n".join(in_columns(rows, is_number)))
