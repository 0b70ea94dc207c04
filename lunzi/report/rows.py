"""The samples of a table, to be shown as rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from lunzi.core.errors import ShapeError
from lunzi.report.blocks import cell, head_cell, number_cell
from lunzi.report.markup import Html


@dataclass(frozen=True)
class Rows:
    """The samples of a test set as rows of a table.

    Args:
        columns: their names.
        values: one row a sample, a value for each column; shown as text.
    """

    columns: Sequence[str]
    values: Sequence[Sequence[object]]

    def __len__(self) -> int:
        return len(self.values)

    def heads(self) -> list[Html]:
        """The heads of the columns."""
        return [head_cell(column) for column in self.columns]

    def cells(self, index: int) -> list[Html]:
        """The cells of a sample.

        Raises:
            ShapeError: when it has not one value for each column.
        """
        values = self.values[index]
        if len(values) != len(self.columns):
            raise ShapeError(
                f"row {index} has {len(values)} values for {len(self.columns)} columns"
            )
        return [_cell(str(value)) for value in values]


def _cell(written: str) -> Html:
    return number_cell(written) if _is_number(written) else cell(written)


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True
