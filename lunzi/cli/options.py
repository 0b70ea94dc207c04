"""Options that every command takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from lunzi.version import __version__


class LanguageName(StrEnum):
    """The languages of messages and reports."""

    EN = "en"
    ZH = "zh"


# Both are read from the arguments before the command runs (see application.py); they stand in
# every command so that its help shows them.
LanguageOption = Annotated[
    LanguageName | None,
    typer.Option("--language", help="language of messages and reports / 消息和报告的语言"),
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="show the traceback of an error / 出错时显示完整的调用栈")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", help="say nothing but errors / 只显示错误消息")
]


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"lunzi {__version__}")
        raise typer.Exit


def show_version(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=print_version, is_eager=True, help="show the version / 显示版本号"
        ),
    ] = False,
) -> None:
    """Hold the options of `lunzi` itself."""
