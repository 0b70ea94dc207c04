"""From the rows of a table to the arrays that a network learns from, and back."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.errors import FileFormatError, RangeError
from lunzi.data.cells import NumberStyle, is_date, is_missing, is_number, possible_styles
from lunzi.data.columns import (
    MOST_CATEGORIES,
    CategoryColumn,
    DroppedColumn,
    FeatureColumn,
    Features,
    NumberColumn,
    column_from_json,
)
from lunzi.data.json_fields import Fields, Json
from lunzi.data.tables import Column, Table
from lunzi.data.targets import (
    ClassTarget,
    NumberTarget,
    Target,
    Task,
    decide_task,
    target_from_json,
)
from lunzi.messages import text

# With fewer rows, all different words may be categories by chance.
LEAST_ROWS_OF_IDENTIFIER = 10
IDENTIFIER_SHARE = 0.9
ROW_NUMBER_NAMES = frozenset({"#", "id", "index", "no", "no.", "nr", "row", "序号", "编号"})


@dataclass(frozen=True)
class TablePreprocessing:
    """How each column of a table, and its target, become numbers.

    Which columns are numbers, categories or names of the rows, and which classes the target has,
    is found from the whole table; means, scales, categories and shares from the training rows
    alone.

    Attributes:
        columns: one for each column but the target, in the order of the training table.
        target: the classes, or the mean and scale of the number, to be predicted.
        reason: the sentence that says why it is classification or regression.
        notes: sentences about columns that a user should know: what was left out, and why.

    `reason` and `notes` are in the language of the moment and are not stored.
    """

    columns: tuple[FeatureColumn, ...]
    target: Target
    reason: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def fit(
        cls, table: Table, target: str, *, task: Task | None = None, rows: ArrayLike | None = None
    ) -> "TablePreprocessing":
        """Find out how to turn this table into numbers.

        Args:
            target: the column to be predicted; each row needs a value in it: see
                `Table.drop_missing`.
            task: overrides what is found from the target's content.
            rows: the training rows, as indices or a mask; all rows unless given.

        Raises:
            FileFormatError: when the table cannot be learned from.
            RangeError: when there is no such target, or there are fewer than two training rows.
        """
        decision = decide_task(table, target, task)
        training = table if rows is None else table.select(rows)
        if len(training) < 2:
            raise RangeError(f"at least 2 rows are needed to learn from, got {len(training)}")
        names = [name for name in table.names if name != target]
        columns = tuple(_fit_column(table, training, name) for name in names)
        notes = tuple(note for c in columns for note in _notes(table.column(c.name), c))
        if not any(column.features for column in columns):
            raise FileFormatError(
                text("data.nothing_to_learn", path=table.source, notes=" ".join(notes))
            )
        style = table.column(target).style()
        if decision.task == "classification" or style is None:
            chosen: Target = ClassTarget.fit(table.column(target))
        else:
            chosen = NumberTarget.fit(training, target, style)
        return cls(columns, chosen, decision.reason, notes)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name for each number of `encode`: `age`, `age: missing`, `colour=red`, ..."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def inputs(self) -> int:
        """How many numbers a row becomes."""
        return len(self.feature_names)

    @property
    def outputs(self) -> int:
        """How many numbers the network gives for a row: one a class, or 1."""
        return self.target.outputs

    def encode(self, table: Table) -> Features:
        """The rows as numbers; a target column is not looked at.

        Shapes:
            table of N rows -> (N, inputs)

        Raises:
            FileFormatError: when a column is missing or was not in training, or a cell of a column
                of numbers is none (naming the line).
        """
        self._refuse_other_columns(table)
        return np.concatenate([column.encode(table) for column in self.columns], axis=1)

    def encode_target(self, table: Table) -> NDArray[Any]:
        """The target of each row: class indices (N,) int64, or numbers (N, 1) float32.

        Raises:
            FileFormatError: naming the line, when a class or number cannot be.
        """
        return self.target.encode(table)

    def to_json(self) -> Json:
        """All that `encode` needs, as plain JSON."""
        return {
            "kind": "table",
            "version": 1,
            "columns": [column.to_json() for column in self.columns],
            "target": self.target.to_json(),
        }

    @classmethod
    def from_json(cls, value: object, where: str = "preprocessing") -> "TablePreprocessing":
        """The preprocessing that `to_json` described; `where` names it in errors.

        Raises:
            FileFormatError: when it is not such a description.
        """
        fields = Fields(value, where).only("kind", "version", "columns", "target")
        fields.choice("kind", ["table"])
        fields.whole("version", 1, 1)
        columns = tuple(column_from_json(column) for column in fields.objects("columns"))
        target = target_from_json(fields.object("target"))
        preprocessing = cls(columns, target)
        names = [target.name, *(column.name for column in columns)]
        if len(set(names)) < len(names) or not preprocessing.inputs:
            raise FileFormatError(text("data.json_lengths", where=where))
        return preprocessing

    def _refuse_other_columns(self, table: Table) -> None:
        needed = [column.name for column in self.columns if column.features]
        absent = [name for name in needed if name not in table.names]
        if absent:
            raise FileFormatError(
                text("data.columns_missing", path=table.source, names=", ".join(absent))
            )
        known = {self.target.name, *(column.name for column in self.columns)}
        unseen = [name for name in table.names if name not in known]
        if unseen:
            raise FileFormatError(
                text("data.columns_unseen", path=table.source, names=", ".join(unseen))
            )


def _fit_column(table: Table, training: Table, name: str) -> FeatureColumn:
    whole, part = table.column(name), training.column(name)
    style = whole.style()
    values = {"" if is_missing(cell, style) else cell for cell in part.cells}
    if values == {""}:
        return DroppedColumn(name, "empty")
    if len(values) == 1:
        return DroppedColumn(name, "constant")
    if _counts_rows(table, whole, style):
        return DroppedColumn(name, "row number")
    if style is not None:
        return NumberColumn.fit(part, style)
    if _names_rows(whole):
        _refuse_broken_numbers(table, whole)
        dates = 2 * sum(map(is_date, whole.cells)) > len(table)
        return DroppedColumn(name, "date" if dates else "identifier")
    return CategoryColumn.fit(part)


def _counts_rows(table: Table, column: Column, style: NumberStyle | None) -> bool:
    """Whether it is named like a row number and each number is one more than the one before."""
    named = column.name.casefold() in ROW_NUMBER_NAMES or column.name in table.unnamed
    if not named or style != "plain" or column.missing().any():
        return False
    numbers = column.cells.astype(np.float64)
    return len(numbers) > 2 and bool((np.diff(numbers) == 1).all())


def _names_rows(column: Column) -> bool:
    """Whether nearly every cell stands in one row only."""
    counts = Counter(cell for cell in column.cells if not is_missing(cell, None))
    single = sum(count == 1 for count in counts.values())
    many = counts.total() >= LEAST_ROWS_OF_IDENTIFIER
    return many and single > IDENTIFIER_SHARE * counts.total()


def _refuse_broken_numbers(table: Table, column: Column) -> None:
    """A column of numbers with a few other cells is a mistake in it, and no names of rows."""
    cells = [cell for cell in column.cells if not is_missing(cell, "plain")]
    numbers = sum(bool(possible_styles([cell])) for cell in cells)
    if 2 * numbers <= len(cells):
        return
    fields = {"path": table.source, "column": column.name}
    if numbers == len(cells):
        raise FileFormatError(text("data.ambiguous_numbers", **fields, cell=_with_comma(cells)))
    wrong = next(cell for cell in cells if not possible_styles([cell]))
    line = table.lines[list(column.cells).index(wrong)]
    raise FileFormatError(
        text(
            "data.broken_numbers",
            **fields,
            line=line,
            cell=wrong,
            numbers=numbers,
            count=len(cells),
        )
    )


def _with_comma(cells: list[str]) -> str:
    return next(cell for cell in cells if "," in cell)


def _notes(column: Column, fitted: FeatureColumn) -> list[str]:
    """Sentences about what was made of a column, where a user could have expected otherwise."""
    name = column.name
    if isinstance(fitted, DroppedColumn):
        return [text(f"data.dropped_{fitted.reason.replace(' ', '_')}", column=name)]
    if isinstance(fitted, NumberColumn):
        return _number_notes(column, fitted)
    notes = []
    words = {cell for cell in column.cells if not is_missing(cell, None)}
    if 2 * sum(map(is_date, words)) > len(words):
        notes.append(text("data.note_dates", column=name))
    if words and all(map(possible_styles, ([word] for word in words))):
        notes.append(text("data.note_ambiguous", column=name, cell=_with_comma(sorted(words))))
    elif 2 * sum(map(is_number, words)) > len(words):
        word = next(cell for cell in column.cells if cell in words and not is_number(cell))
        notes.append(text("data.note_mixed", column=name, cell=word))
    if fitted.other:
        notes.append(text("data.note_other", column=name, count=len(words), most=MOST_CATEGORIES))
    return notes


def _number_notes(column: Column, fitted: NumberColumn) -> list[str]:
    notes = []
    if fitted.style != "plain":
        cell = _with_comma(list(column.cells))
        notes.append(
            text(f"data.note_{fitted.style.replace(' ', '_')}", column=column.name, cell=cell)
        )
    infinite = sum("inf" in cell.casefold() for cell in column.cells)
    if infinite:
        notes.append(text("data.note_infinite", column=column.name, count=infinite))
    return notes
