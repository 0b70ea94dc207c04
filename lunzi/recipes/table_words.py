"""What commands say of a table, in one or several rows."""

from __future__ import annotations

from lunzi.data import Table
from lunzi.messages import text


def described(table: Table) -> str:
    """Where a table comes from, its rows and columns, and the encoding that was found."""
    rows, columns = len(table), len(table.columns)
    return text(
        "commands.table",
        source=table.source,
        rows=text("commands.row" if rows == 1 else "commands.rows", count=rows),
        columns=text("commands.column" if columns == 1 else "commands.columns", count=columns),
        encoding=table.encoding,
    )
