"""lunzi inspect: list the tensors in a model file."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from lunzi.cli.help import choices
from lunzi.cli.model_file import model_file
from lunzi.cli.options import DebugOption, LanguageOption
from lunzi.files import read_header
from lunzi.messages import text


class SortKey(StrEnum):
    """Order of the rows."""

    NAME = "name"
    SIZE = "size"


def inspect(
    path: Annotated[Path, typer.Argument()],
    sort: Annotated[SortKey, typer.Option(metavar=choices(SortKey))] = SortKey.NAME,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """List the tensors in a model file: names, dtypes, shapes, how many numbers."""
    header = read_header(model_file(path))
    rows = sorted(header.tensors, key=lambda tensor: natural(tensor.name))
    if sort is SortKey.SIZE:
        rows.sort(key=lambda tensor: -tensor.size)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(text("commands.column_tensor"), overflow="fold")
    table.add_column(text("commands.column_dtype"))
    table.add_column(text("commands.column_shape"), overflow="fold")
    table.add_column(text("commands.column_numbers"), justify="right")
    for tensor in rows:
        table.add_row(tensor.name, tensor.dtype, str(tensor.shape), f"{tensor.size:,}")
    # Names are shown as they are: no markup, no emoji such as :smile:.
    Console(highlight=False, markup=False, emoji=False).print(table)
    total = sum(tensor.size for tensor in rows)
    print(text("commands.inspect_total", tensors=len(rows), numbers=total, size=header.nbytes))


def natural(name: str) -> list[str | int]:
    """A key that sorts `2.weight` before `10.weight`."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", name)]
