"""Options that every command takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lunzi.cli.help import choices
from lunzi.version import __version__


class LanguageName(StrEnum):
    """The languages of messages and reports."""

    EN = "en"
    ZH = "zh"


# The language is read from the arguments before the command runs, for its help (see
# application.py), and so is --debug; they stand in every command so that its help shows them.
LanguageOption = Annotated[
    LanguageName | None, typer.Option("--language", metavar=choices(LanguageName))
]
DebugOption = Annotated[bool, typer.Option("--debug")]
QuietOption = Annotated[bool, typer.Option("--quiet")]


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"lunzi {__version__}")
        raise typer.Exit


def hold_options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True)
    ] = False,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Take the options that may stand before the command, and help where there is none."""
    if context.invoked_subcommand is None:
        print(context.get_help())
