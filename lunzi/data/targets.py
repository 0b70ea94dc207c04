"""The column that a network learns to predict: classes, or a number."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.errors import FileFormatError, RangeError
from lunzi.data.cells import NumberStyle, is_number, parse_number
from lunzi.data.columns import Doubles, column_numbers, read_style
from lunzi.data.json_fields import Fields, Json
from lunzi.data.tables import Column, Table
from lunzi.messages import text

Task = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = get_args(Task)

# Numbers are classes when they are whole, few, and each stands in several rows.
MOST_NUMBER_CLASSES = 20
ROWS_PER_NUMBER_CLASS = 5
# More classes than this, with fewer rows each than that, are no classes but names of the rows.
MANY_CLASSES = 20
ROWS_PER_CLASS = 2


@dataclass(frozen=True)
class ClassTarget:
    """Classes in a fixed order: numbers by size, words by code point.

    Class names are the cells; numbers are written in one way, so that `1` and `1.0` are one class.
    """

    task: ClassVar[Task] = "classification"

    name: str
    classes: tuple[str, ...]

    @classmethod
    def fit(cls, column: Column) -> "ClassTarget":
        names = {_class_name(cell) for cell in column.cells}
        if column.style() == "plain":
            return cls(column.name, tuple(sorted(names, key=float)))
        return cls(column.name, tuple(sorted(names)))

    @property
    def outputs(self) -> int:
        """Numbers that the network gives for a row: one logit a class."""
        return len(self.classes)

    def encode(self, table: Table) -> NDArray[np.int64]:
        """Index of the class of each row, shape (N,).

        Raises:
            FileFormatError: naming the line, when a class is none of those learned.
        """
        place = {name: i for i, name in enumerate(self.classes)}
        cells = table.column(self.name).cells
        indices = np.array([place.get(_class_name(cell), -1) for cell in cells], np.int64)
        if (indices < 0).any():
            row = int(np.argmax(indices < 0))
            raise FileFormatError(
                text(
                    "data.unknown_class",
                    path=table.source,
                    line=table.lines[row],
                    column=self.name,
                    cell=cells[row],
                )
            )
        return indices

    def to_json(self) -> Json:
        return {"task": self.task, "name": self.name, "classes": list(self.classes)}

    @classmethod
    def from_json(cls, fields: Fields) -> "ClassTarget":
        fields.only("task", "name", "classes")
        target = cls(fields.string("name"), fields.strings("classes"))
        if len(set(target.classes)) != len(target.classes) or len(target.classes) < 2:
            raise FileFormatError(text("data.json_lengths", where=fields.where))
        return target


@dataclass(frozen=True)
class NumberTarget:
    """A number, standardised by the training rows.

    y = (x - mean) / scale
    """

    task: ClassVar[Task] = "regression"
    outputs: ClassVar[int] = 1

    name: str
    style: NumberStyle
    mean: float
    scale: float

    @classmethod
    def fit(cls, table: Table, name: str, style: NumberStyle) -> "NumberTarget":
        values = column_numbers(table, name, style)
        scale = 1.0 if values.min() == values.max() else float(values.std())
        return cls(name, style, float(values.mean()), scale)

    def encode(self, table: Table) -> NDArray[np.float32]:
        """The standardised numbers, shape (N, 1), as a network with one output gives them."""
        values = column_numbers(table, self.name, self.style)
        return ((values - self.mean) / self.scale).astype(np.float32)[:, None]

    def decode(self, outputs: ArrayLike) -> Doubles:
        """The numbers that a network's outputs mean, in the unit of the column; same shape."""
        return np.asarray(outputs, np.float64) * self.scale + self.mean

    def to_json(self) -> Json:
        return {
            "task": self.task,
            "name": self.name,
            "style": self.style,
            "mean": self.mean,
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "NumberTarget":
        fields.only("task", "name", "style", "mean", "scale")
        return cls(
            fields.string("name"),
            read_style(fields),
            fields.number("mean"),
            fields.positive("scale"),
        )


Target = ClassTarget | NumberTarget


class Decision(NamedTuple):
    """What is to be learned, and a sentence that says why."""

    task: Task
    reason: str


def decide_task(table: Table, name: str, asked: Task | None = None) -> Decision:
    """Find from the content of the target column whether it holds classes or numbers.

    Words are classes. Numbers are classes when there are two different ones, or when all are
    whole and at most 20 different ones stand in 5 rows each on average. `asked` overrides it.

    Raises:
        RangeError: when there is no such column, or `asked` is no task.
        FileFormatError: when a value is missing, all are the same, words are to be numbers, or
            there are more than 20 classes with fewer than 2 rows each on average.
    """
    if asked is not None and asked not in TASKS:
        raise RangeError(f"task must be one of {', '.join(TASKS)}, or None, got {asked!r}")
    column = table.column(name)
    _refuse_missing(table, column)
    values = {_class_name(cell) for cell in column.cells}
    fields = {"path": table.source, "column": name, "count": len(values)}
    if len(values) < 2:
        raise FileFormatError(text("data.one_value", **fields, value=column.cells[0]))
    words = column.style() is None
    if asked == "regression" and words:
        raise FileFormatError(text("data.words_no_regression", **fields, cell=_first_word(column)))
    decision = _decide(column, values, words, asked)
    many = len(values) > MANY_CLASSES and len(table) < ROWS_PER_CLASS * len(values)
    if decision.task == "classification" and many:
        raise FileFormatError(text("data.too_many_classes", **fields, rows=len(table)))
    return decision


def _decide(column: Column, values: set[str], words: bool, asked: Task | None) -> Decision:
    name, count = column.name, len(values)
    if asked is not None:
        return Decision(asked, text(f"data.asked_{asked}", column=name))
    if words:
        return Decision("classification", text("data.words", column=name, count=count))
    if count == 2:
        pair = ", ".join(sorted(values, key=float))
        return Decision("classification", text("data.two_numbers", column=name, values=pair))
    whole = column.style() == "plain" and all(float(value).is_integer() for value in values)
    often = len(column.cells) >= ROWS_PER_NUMBER_CLASS * count
    if whole and often and count <= MOST_NUMBER_CLASSES:
        return Decision("classification", text("data.whole_numbers", column=name, count=count))
    return Decision("regression", text("data.numbers", column=name, count=count))


def _refuse_missing(table: Table, column: Column) -> None:
    missing = column.missing()
    if missing.any():
        raise FileFormatError(
            text(
                "data.target_missing",
                path=table.source,
                line=table.lines[int(np.argmax(missing))],
                column=column.name,
                count=int(missing.sum()),
            )
        )


def _first_word(column: Column) -> str:
    words = [str(cell) for cell in column.cells if not is_number(cell)]
    return words[0]


def _class_name(cell: str) -> str:
    if not is_number(cell):
        return cell
    number = parse_number(cell, "plain")
    return f"{number:.0f}" if number.is_integer() else repr(number)


def target_from_json(fields: Fields) -> Target:
    """The target that `to_json` of one of the two kinds described."""
    if fields.choice("task", TASKS) == "classification":
        return ClassTarget.from_json(fields)
    return NumberTarget.from_json(fields)
