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
# Squares of standardised targets stay far within float32.
FARTHEST_TARGET = 1e15


@dataclass(frozen=True)
class ClassTarget:
    """Classes in a fixed order: numbers by size, words by code point.

    Class names are the cells; numbers are written in one way, so that `1` and `1.0` are one class.
    `style` is None where the classes are words.
    """

    task: ClassVar[Task] = "classification"

    name: str
    style: NumberStyle | None
    classes: tuple[str, ...]

    @classmethod
    def fit(cls, column: Column) -> "ClassTarget":
        style = column.style()
        return cls(column.name, style, _class_names(column, style))

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
        indices = np.array(
            [place.get(_class_name(cell, self.style), -1) for cell in cells], np.int64
        )
        if (indices < 0).any():
            raise _error("data.unknown_class", table, table.column(self.name), indices >= 0)
        return indices

    def to_json(self) -> Json:
        return {
            "task": self.task,
            "name": self.name,
            "style": self.style,
            "classes": list(self.classes),
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "ClassTarget":
        fields.only("task", "name", "style", "classes")
        style = None if fields.get("style") is None else read_style(fields)
        target = cls(fields.string("name"), style, fields.strings("classes"))
        if len(set(target.classes)) != len(target.classes) or len(target.classes) < 2:
            raise FileFormatError(text("data.json_lengths", where=fields.where))
        return target


@dataclass(frozen=True)
class NumberTarget:
    """A number, standardised by the training rows: y = (x - mean) / scale."""

    task: ClassVar[Task] = "regression"
    outputs: ClassVar[int] = 1

    name: str
    style: NumberStyle
    mean: float
    scale: float

    @classmethod
    def fit(cls, table: Table, name: str, style: NumberStyle) -> "NumberTarget":
        values = column_numbers(table, name, style)
        # Of equal numbers the deviation may be rounded to a little above 0.
        scale = 0.0 if values.min() == values.max() else float(values.std())
        return cls(name, style, float(values.mean()), scale or 1.0)

    def encode(self, table: Table) -> NDArray[np.float32]:
        """The standardised numbers, shape (N, 1), as a network with one output gives them.

        Raises:
            FileFormatError: naming the line, when a cell is no number, or one so far from those
                of training that float32 cannot hold its square.
        """
        values = column_numbers(table, self.name, self.style)
        with np.errstate(over="ignore"):
            standard = (values - self.mean) / self.scale
        usable = np.abs(standard) < FARTHEST_TARGET
        if not usable.all():
            raise _error("data.target_unusable", table, table.column(self.name), usable)
        return standard.astype(np.float32)[:, None]

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


def target_from_json(fields: Fields) -> Target:
    """The target that `to_json` of one of the two kinds described."""
    if fields.choice("task", TASKS) == "classification":
        return ClassTarget.from_json(fields)
    return NumberTarget.from_json(fields)


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
    if len(table) == 0:
        raise FileFormatError(text("data.target_empty", path=table.source, column=name))
    missing = column.missing()
    if missing.any():
        raise _error("data.target_missing", table, column, ~missing, count=int(missing.sum()))
    style = column.style()
    values = _class_names(column, style)
    fields = {"path": table.source, "column": name, "count": len(values)}
    if len(values) < 2:
        raise FileFormatError(text("data.one_value", **fields, value=values[0]))
    if asked == "regression" and style is None:
        raise FileFormatError(text("data.words_no_regression", **fields, cell=_first_word(column)))
    decision = _decide(column, values, style, asked)
    many = len(values) > MANY_CLASSES and len(table) < ROWS_PER_CLASS * len(values)
    if decision.task == "classification" and many:
        raise FileFormatError(text("data.too_many_classes", **fields, rows=len(table)))
    return decision


def _decide(
    column: Column, values: tuple[str, ...], style: NumberStyle | None, asked: Task | None
) -> Decision:
    name, count = column.name, len(values)
    if asked is not None:
        return Decision(asked, text(f"data.asked_{asked}", column=name))
    if style is None:
        return Decision("classification", text("data.words", column=name, count=count))
    if count == 2:
        pair = ", ".join(values)
        return Decision("classification", text("data.two_numbers", column=name, values=pair))
    whole = all(float(value).is_integer() for value in values)
    often = len(column.cells) >= ROWS_PER_NUMBER_CLASS * count
    if whole and often and count <= MOST_NUMBER_CLASSES:
        return Decision("classification", text("data.whole_numbers", column=name, count=count))
    return Decision("regression", text("data.numbers", column=name, count=count))


def _error(
    code: str, table: Table, column: Column, right: NDArray[np.bool_], **fields: object
) -> FileFormatError:
    """The error `code` about the first row that is not right."""
    row = int(np.argmin(right))
    place = {"path": table.source, "line": table.lines[row], "column": column.name}
    return FileFormatError(text(code, **place, cell=column.cells[row], **fields))


def _first_word(column: Column) -> str:
    words = [str(cell) for cell in column.cells if not is_number(cell)]
    return words[0]


def _class_names(column: Column, style: NumberStyle | None) -> tuple[str, ...]:
    """The different values, in order."""
    names = {_class_name(cell, style) for cell in set(column.cells)}
    return tuple(sorted(names, key=None if style is None else float))


def _class_name(cell: str, style: NumberStyle | None) -> str:
    if style is None or not is_number(cell, style):
        return cell
    number = parse_number(cell, style) + 0.0  # turns -0.0 into 0.0
    return f"{number:.0f}" if number.is_integer() else repr(number)
