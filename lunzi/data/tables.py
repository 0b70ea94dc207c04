"""CSV files as tables: columns of cells, as they are written."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.arguments import listed
from lunzi.core.errors import FileFormatError, KindError, PositionError, RangeError
from lunzi.data.cells import NumberStyle, is_missing, is_number, number_style
from lunzi.data.reading import FilePath, read_whole
from lunzi.data.text import DecodedText, decode_text
from lunzi.messages import text

DELIMITERS = (",", ";", "\t")
SNIFFED_RECORDS = 50

Cells = NDArray[np.object_]
Record = tuple[int, list[str]]  # the line where it begins, its cells


@dataclass(frozen=True, eq=False)
class Column:
    """A name and one text for each row, without blanks around it."""

    name: str
    cells: Cells

    def style(self) -> NumberStyle | None:
        """The style in which the cells are numbers; None when they are words."""
        return number_style(set(self.cells))

    def missing(self) -> NDArray[np.bool_]:
        """Which cells hold no value."""
        style = self.style()
        absent = {cell: is_missing(cell, style) for cell in set(self.cells)}
        return np.fromiter((absent[cell] for cell in self.cells), bool, len(self.cells))


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length, and where they come from.

    Attributes:
        lines: the line of the file on which each row begins, counted from 1.
        source: the file, for messages.
        encoding, delimiter: as chosen, so that a command can say them.
        unnamed: names given here to columns that had none.
    """

    columns: tuple[Column, ...]
    lines: NDArray[np.intp]
    source: str
    encoding: str
    delimiter: str
    unnamed: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.lines)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            RangeError: when there is none.
        """
        if not isinstance(name, str):
            raise KindError(f"a column's name is text, got {name!r}")
        for column in self.columns:
            if column.name == name:
                return column
        code = "data.no_column_no_header" if self._header_is_data() else "data.no_column"
        names = ", ".join(self.names)
        raise RangeError(text(code, path=self.source, column=name, names=names))

    def select(self, rows: ArrayLike) -> "Table":
        """The table of these rows, by index or mask, in their order.

        Raises:
            KindError: when they are neither.
            PositionError: when there is no such row.
        """
        try:
            chosen = np.asarray(rows)
        except ValueError as error:
            raise KindError(f"rows are a list of integers: {error}") from None
        if chosen.size == 0:  # of an empty list NumPy makes floats
            chosen = chosen.astype(np.intp)
        if chosen.ndim != 1 or chosen.dtype.kind not in "biu":
            raise KindError(f"rows are a list of integers or a mask, got {rows!r}")
        is_outside = (
            len(chosen) != len(self)
            if chosen.dtype.kind == "b"
            else ((chosen < -len(self)) | (chosen >= len(self))).any()
        )
        if is_outside:
            raise PositionError(f"the table has {len(self)} rows, got {rows!r}")
        columns = tuple(Column(c.name, c.cells[chosen]) for c in self.columns)
        return replace(self, columns=columns, lines=self.lines[chosen])

    def drop_missing(self, name: str) -> "Table":
        """The table of the rows that have a value in that column."""
        return self.select(~self.column(name).missing())

    def _header_is_data(self) -> bool:
        return any(is_number(name) for name in self.names)


def read_table(
    path: FilePath,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    column_names: Sequence[str] | None = None,
) -> Table:
    """Read a CSV file.

    Cells are separated by commas, semicolons or tabs; one in double quotes may hold these and
    line ends. Lines without content, and blanks around cells, do not count.

    Args:
        encoding: overrides what the bytes of the file say; see `read_text`.
        delimiter: the separator; found from the first lines unless given.
        column_names: for a file without a line of names: its first line is then a row.

    Raises:
        MissingFileError: when there is no such file.
        FileFormatError: naming the line, when it is not such a table.
        RangeError: when `delimiter`, `encoding` or `column_names` cannot be.
    """
    return parse_table(
        read_whole(path),
        str(path),
        encoding=encoding,
        delimiter=delimiter,
        column_names=column_names,
    )


def parse_table(
    content: bytes,
    source: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    column_names: Sequence[str] | None = None,
) -> Table:
    """The table in the bytes of a CSV file; `source` names it in errors. See `read_table`."""
    decoded = decode_text(content, source, encoding)
    if delimiter is None:
        delimiter = sniff_delimiter(decoded.text)
    elif not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n ':
        raise RangeError(f"delimiter must be one character such as ',', got {delimiter!r}")
    records = _records(decoded.text, delimiter, source)
    if column_names is None:
        line, header = next(records, (1, []))
        if not header:
            raise FileFormatError(text("data.empty_file", path=source))
    else:
        line, header = 0, _checked_names(column_names)
    names, unnamed = _named(header)
    _refuse_repeated(names, source, line)
    return _collect(names, unnamed, records, source, decoded, delimiter)


def sniff_delimiter(content: str) -> str:
    """The separator that cuts the first lines into the most columns, all lines into as many.

    Where none cuts all lines alike, the one that cuts the first line into the most.
    """
    best, best_score = DELIMITERS[0], (False, 1)
    for delimiter in DELIMITERS:
        try:
            records = list(islice(_records(content, delimiter, ""), SNIFFED_RECORDS))
        except FileFormatError:
            continue
        counts = [len(cells) for _, cells in records]
        score = (len(set(counts)) == 1 and counts[0] > 1, counts[0] if counts else 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _records(content: str, delimiter: str, source: str) -> Iterator[Record]:
    """The lines that hold anything, cut into cells."""
    # newline="" keeps line ends inside quotes as they are.
    lines = io.StringIO(content, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileFormatError(
                text("data.csv_broken", path=source, line=line, reason=error)
            ) from None
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield line, cells


def _checked_names(column_names: Sequence[str]) -> list[str]:
    names = listed("column_names", column_names)
    for name in names:
        if not isinstance(name, str):
            raise KindError(f"a column's name is text, got {name!r}")
    return names


def _named(header: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names of all columns, and those of them that were made here for want of one."""
    names = [name.strip() or f"unnamed {place}" for place, name in enumerate(header, 1)]
    made = tuple(name for name, old in zip(names, header, strict=True) if not old.strip())
    return names, made


def _refuse_repeated(names: list[str], source: str, line: int) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise FileFormatError(
            text("data.csv_repeated_name", path=source, line=line, names=", ".join(repeated))
        )


def _collect(
    names: list[str],
    unnamed: tuple[str, ...],
    records: Iterable[Record],
    source: str,
    decoded: DecodedText,
    delimiter: str,
) -> Table:
    """Turn records into columns; columns with neither a name nor a cell are left out."""
    rows: list[Sequence[Any]] = []
    lines: list[int] = []
    for line, cells in records:
        if len(cells) != len(names):
            raise FileFormatError(
                text(
                    "data.csv_ragged", path=source, line=line, found=len(cells), expected=len(names)
                )
            )
        rows.append(cells)
        lines.append(line)
    if not rows:
        raise FileFormatError(text("data.csv_no_rows", path=source))
    grid = np.array(rows, dtype=object)
    columns = tuple(
        Column(name, grid[:, place].copy())
        for place, name in enumerate(names)
        if name not in unnamed or any(grid[:, place])
    )
    return Table(columns, np.array(lines), source, decoded.encoding, delimiter, unnamed)
