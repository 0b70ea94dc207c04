"""What a training run left behind, epoch by epoch, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from rich.cells import cell_len

Row = dict[str, float]


class History:
    """A table with one row an epoch: `epoch`, `loss`, `validation loss`, metrics, `lr`, `seconds`.

    >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    >>> history["loss"]
    [0.5, 0.25]
    >>> print(history)
    epoch  loss
        1   0.5
        2  0.25
    """

    def __init__(self, rows: Iterable[Mapping[str, float]] = ()) -> None:
        self.rows: list[Row] = [dict(row) for row in rows]

    @property
    def columns(self) -> list[str]:
        """The names of the columns in the order in which they came."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def append(self, row: Row) -> None:
        """Add a row, which stays the caller's: what is added to it later is in the table too."""
        self.rows.append(row)

    def __getitem__(self, column: str) -> list[float]:
        """One column, without the epochs that lack it."""
        return [row[column] for row in self.rows if column in row]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def to_csv(self) -> str:
        """The table as CSV text, numbers in full precision."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def __str__(self) -> str:
        rows = [self.columns, *([shown(row.get(name)) for name in self.columns] for row in self)]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                " " * (width - cell_len(cell)) + cell
                for cell, width in zip(row, widths, strict=True)
            )
            for row in rows
        )

    __repr__ = __str__


def shown(value: float | None) -> str:
    """A number in a table: whole ones as they are, others to four places."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4g}"
