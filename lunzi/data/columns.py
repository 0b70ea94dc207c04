"""How the columns of a table become features: numbers, categories, columns left out."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lunzi.core.errors import FileFormatError
from lunzi.data.cells import STYLES, NumberStyle, is_missing, parse_number
from lunzi.data.json_fields import Fields, Json
from lunzi.data.tables import Column, Table
from lunzi.messages import text

MOST_CATEGORIES = 50
# A standardised number of a normal column this far out is one in 500 million.
HEAVY_TAIL = 6.0
FARTHEST = 10.0
LIMIT = 100.0

DropReason = Literal["empty", "constant", "identifier", "row number", "date"]
DROP_REASONS: tuple[DropReason, ...] = get_args(DropReason)

Features = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Tail:
    """Draws in the far ends of a column: y = asinh((x - centre) / spread).

    Near the centre y grows as x does, far out as its logarithm, on both sides.
    """

    centre: float
    spread: float

    def __call__(self, x: Doubles) -> Doubles:
        return np.arcsinh((x - self.centre) / self.spread)

    @classmethod
    def fit(cls, x: Doubles) -> "Tail":
        """The centre is the median; the spread is the median distance of those not on it."""
        centre = float(np.median(x))
        distances = np.abs(x - centre)
        spread = float(np.median(distances[distances > 0]))
        # A bound on y: asinh(1e9) is 21.
        return cls(centre, max(spread, float(distances.max()) * 1e-9))


@dataclass(frozen=True)
class NumberColumn:
    """Numbers, standardised by the training rows.

        y = (t - mean) / scale,    t = x, or tail(x) where the column has far ends

    A missing number becomes 0, which is the mean; where one was missing in training, a second
    feature says which (1 missing, 0 there). No training row is further than 10 from 0, and no
    new one than 100.
    """

    kind: ClassVar[str] = "number"

    name: str
    style: NumberStyle
    tail: Tail | None
    mean: float
    scale: float
    missing: bool

    @classmethod
    def fit(cls, column: Column, style: NumberStyle) -> "NumberColumn":
        values = _numbers(column.cells, style)
        present = values[~np.isnan(values)]
        tail = Tail.fit(present) if _has_far_ends(present) else None
        mean, scale = moments(present if tail is None else tail(present))
        return cls(column.name, style, tail, mean, scale, len(present) < len(values))

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}: missing") if self.missing else (self.name,)

    def encode(self, table: Table) -> Features:
        values = column_numbers(table, self.name, self.style)
        absent = np.isnan(values)
        with np.errstate(over="ignore"):  # an infinite quotient becomes LIMIT
            drawn_in = values if self.tail is None else self.tail(values)
            standard = np.where(absent, 0.0, (drawn_in - self.mean) / self.scale)
        standard = np.clip(standard, -LIMIT, LIMIT)
        parts = [standard, absent] if self.missing else [standard]
        return np.stack(parts, axis=1).astype(np.float32)

    def to_json(self) -> Json:
        tail = self.tail and {"centre": self.tail.centre, "spread": self.tail.spread}
        return {
            "kind": self.kind,
            "name": self.name,
            "style": self.style,
            "tail": tail,
            "mean": self.mean,
            "scale": self.scale,
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "NumberColumn":
        fields.only("kind", "name", "style", "tail", "mean", "scale", "missing")
        tail = None
        if fields.get("tail") is not None:
            inner = fields.object("tail").only("centre", "spread")
            tail = Tail(inner.number("centre"), inner.positive("spread"))
        return cls(
            fields.string("name"),
            read_style(fields),
            tail,
            fields.number("mean"),
            fields.positive("scale"),
            fields.flag("missing"),
        )


@dataclass(frozen=True)
class CategoryColumn:
    """Words, one feature for each of the most frequent: 1 for the word of the row, else 0.

    Words beyond the `MOST_CATEGORIES` most frequent share the feature "other"; missing ones have
    one of their own where some were missing in training. A word that training did not see counts
    as "other"; where training had no others, it is coded as the average row (each feature its
    share), which the network knows better than a feature that was never 1.
    """

    kind: ClassVar[str] = "category"

    name: str
    words: tuple[str, ...]
    other: bool
    missing: bool
    shares: tuple[float, ...]

    @classmethod
    def fit(cls, column: Column) -> "CategoryColumn":
        counts = Counter(cell for cell in column.cells if not is_missing(cell, None))
        # By frequency, equal ones by name; then by name, which does not depend on the rows.
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:MOST_CATEGORIES]
        words = tuple(sorted(frequent))
        known = [counts[word] for word in words]
        others, absent = counts.total() - sum(known), len(column.cells) - counts.total()
        numbers = [*known, *([others] if others else []), *([absent] if absent else [])]
        shares = tuple(number / len(column.cells) for number in numbers)
        return cls(column.name, words, others > 0, absent > 0, shares)

    @property
    def features(self) -> tuple[str, ...]:
        return (
            *(f"{self.name}={word}" for word in self.words),
            *([f"{self.name}: other"] if self.other else []),
            *([f"{self.name}: missing"] if self.missing else []),
        )

    def encode(self, table: Table) -> Features:
        cells = table.column(self.name).cells
        # One row of features for each word; the last is that of words not seen in training.
        codes = np.vstack([np.eye(len(self.shares)), self.shares]).astype(np.float32)
        place = {word: i for i, word in enumerate(self.words)}
        unseen = len(self.words) if self.other else len(self.shares)
        absent = len(self.shares) - 1 if self.missing else unseen
        known = {cell: absent if is_missing(cell, None) else unseen for cell in set(cells)} | place
        return codes[[known[cell] for cell in cells]]

    def to_json(self) -> Json:
        return {
            "kind": self.kind,
            "name": self.name,
            "words": list(self.words),
            "other": self.other,
            "missing": self.missing,
            "shares": list(self.shares),
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "CategoryColumn":
        fields.only("kind", "name", "words", "other", "missing", "shares")
        column = cls(
            fields.string("name"),
            fields.strings("words"),
            fields.flag("other"),
            fields.flag("missing"),
            fields.numbers("shares"),
        )
        distinct = len(set(column.words)) == len(column.words)
        if len(column.shares) != len(column.features) or not column.shares or not distinct:
            raise FileFormatError(text("data.json_lengths", where=fields.where))
        return column


@dataclass(frozen=True)
class DroppedColumn:
    """A column that tells nothing about the target, and why; rows may lack it."""

    kind: ClassVar[str] = "dropped"

    name: str
    reason: DropReason

    @property
    def features(self) -> tuple[str, ...]:
        return ()

    def encode(self, table: Table) -> Features:
        return np.zeros((len(table), 0), np.float32)

    def to_json(self) -> Json:
        return {"kind": self.kind, "name": self.name, "reason": self.reason}

    @classmethod
    def from_json(cls, fields: Fields) -> "DroppedColumn":
        fields.only("kind", "name", "reason")
        reason = fields.choice("reason", DROP_REASONS)
        return cls(fields.string("name"), DROP_REASONS[DROP_REASONS.index(reason)])


FeatureColumn = NumberColumn | CategoryColumn | DroppedColumn

_FROM_JSON: Mapping[str, Callable[[Fields], FeatureColumn]] = {
    NumberColumn.kind: NumberColumn.from_json,
    CategoryColumn.kind: CategoryColumn.from_json,
    DroppedColumn.kind: DroppedColumn.from_json,
}


def column_from_json(fields: Fields) -> FeatureColumn:
    """The column that `to_json` of one of the three kinds described."""
    return _FROM_JSON[fields.choice("kind", list(_FROM_JSON))](fields)


def read_style(fields: Fields) -> NumberStyle:
    return STYLES[STYLES.index(fields.choice("style", STYLES))]


def column_numbers(table: Table, name: str, style: NumberStyle) -> Doubles:
    """The numbers of a column, NaN where one is missing.

    Raises:
        FileFormatError: naming the line, when a cell is no number.
    """
    cells = table.column(name).cells
    try:
        return _numbers(cells, style)
    except ValueError as error:
        cell = str(error)
        line = table.lines[list(cells).index(cell)]
        raise FileFormatError(
            text("data.not_a_number", path=table.source, line=line, column=name, cell=cell)
        ) from None


def moments(x: Doubles) -> tuple[float, float]:
    """The mean, and the scale that makes the numbers small.

    The scale is the standard deviation (divided by the count), or a tenth of the largest distance
    from the mean where that is more; 1 where all numbers are the same.
    """
    if x.min() == x.max():
        return float(x[0]), 1.0
    mean = x.mean()
    scale = max(x.std(), np.abs(x - mean).max() / FARTHEST)
    return float(mean), float(scale) or 1.0  # 0 where numbers near 1e-324 differ


def _has_far_ends(x: Doubles) -> bool:
    return bool(np.abs(x - x.mean()).max() > HEAVY_TAIL * x.std()) and x.min() < x.max()


def _numbers(cells: NDArray[np.object_], style: NumberStyle) -> Doubles:
    known: dict[str, float] = {cell: parse_number(cell, style) for cell in set(cells)}
    return np.fromiter((known[cell] for cell in cells), np.float64, len(cells))
