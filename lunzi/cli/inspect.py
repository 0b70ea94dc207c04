"""lunzi inspect: list the tensors in a model file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from lunzi.cli.options import DebugOption, LanguageOption
from lunzi.files import read_header
from lunzi.messages import text
from lunzi.recipes.run import MODEL


class SortKey(StrEnum):
    """Order of the rows."""

    NAME = "name"
    SIZE = "size"


def inspect(
    path: Annotated[Path, typer.Argument()],
    sort: Annotated[SortKey, typer.Option()] = SortKey.NAME,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """List the tensors in a model file: names, dtypes, shapes, how many numbers."""
    header = read_header(path / MODEL if path.is_dir() else path)
    rows = sorted(header.tensors, key=lambda t: -t.size if sort is SortKey.SIZE else t.name)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(text("commands.column_tensor"), overflow="fold")
    table.add_column("dtype")
    table.add_column(text("commands.column_shape"))
    table.add_column(text("commands.column_numbers"), justify="right")
    for tensor in rows:
        table.add_row(tensor.name, tensor.dtype, str(tensor.shape), f"{tensor.size:,}")
    console = Console(highlight=False)
    console.print(table)
    total = sum(tensor.size for tensor in rows)
    console.print(
        text("commands.inspect_total", tensors=len(rows), numbers=total, size=header.nbytes),
        markup=False,
    )
