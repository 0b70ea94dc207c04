"""What all commands share: the language, and how they end.

A command ends with status 0 when all went well, 2 after an error, which is one sentence on
standard error, and 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import typer

from lunzi.cli.inspect import inspect
from lunzi.cli.options import hold_options
from lunzi.cli.predict import predict
from lunzi.cli.train import train
from lunzi.core.errors import LunziError
from lunzi.messages import LANGUAGES, Language, text, use_language

COMMANDS: dict[str, Callable[..., None]] = {"train": train, "predict": predict, "inspect": inspect}
FAILED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave the process with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        # Under LC_ALL=C, or in a pipe on Windows, Python would fail on a Chinese character.
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # text streams
    with use_language(named_language(given)):
        sys.exit(run(given or ["--help"]))


def run(arguments: Sequence[str]) -> int:
    """The exit status of a command; errors are told in one sentence each."""
    debug = "--debug" in arguments
    try:
        status = application().main(list(arguments), prog_name="lunzi", standalone_mode=False)
        sys.stdout.flush()
    except (LunziError, OSError, typer.TyperException) as error:
        if debug:
            raise
        if isinstance(error, BrokenPipeError):
            return silence_output()
        tell(sentence(error))
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        tell(text("commands.interrupted"))
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def application() -> Any:
    """The commands with their help in the language in use."""
    app = typer.Typer(
        name="lunzi",
        help=text("commands.help"),
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(hold_options)
    for name, command in COMMANDS.items():
        app.command(name, help=text(f"commands.help_{name}"))(command)
    group: Any = typer.main.get_command(app)
    for command in (group, *group.commands.values()):
        for parameter in command.params:
            parameter.help = text(f"commands.option_{parameter.name}")
    return group


def named_language(arguments: Sequence[str]) -> Language | None:
    """The language that `--language` names, before the commands are made, for their help."""
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option == "--language":
            value = value if equals else "".join(arguments[place + 1 : place + 2])
            return "zh" if value == "zh" else "en" if value in LANGUAGES else None
    return None


def sentence(error: Exception) -> str:
    """An error as one line for a person."""
    match error:
        case typer.BadParameter():
            name = error.param.opts[0] if error.param else str(error.param_hint)
            if not error.message:  # typer's sign of a parameter that is missing
                return text("commands.missing", name=name.upper())
            return text("commands.bad_value", option=name, reason=expected(error))
        case typer.TyperException() if hasattr(error, "possibilities"):
            return text("commands.no_such_option", option=getattr(error, "option_name", ""))
        case typer.TyperException():
            return text("commands.wrong_usage", reason=error.format_message().rstrip("."))
        case FileNotFoundError() if not isinstance(error, LunziError):
            return text("commands.no_file", path=error.filename)
        case PermissionError():
            return text("commands.no_permission", path=error.filename)
        case OSError() if not isinstance(error, LunziError):
            return text("commands.system_error", path=error.filename or "", reason=error.strerror)
    return " ".join(str(error).split())


def expected(error: typer.BadParameter) -> str:
    """What a parameter takes, in the language in use where it is one of the usual kinds."""
    kind = getattr(getattr(error.param, "type_descriptor", None), "annotation", None)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return text("commands.expects_choice", choices=", ".join(kind))
    if kind is int:
        return text("commands.expects_whole_number")
    return error.message.rstrip(".")


def tell(message: str) -> None:
    print(f"lunzi: {message}", file=sys.stderr, flush=True)


def silence_output() -> int:
    """Where the reader of a pipe has gone (`| head`), nothing more is written, and all is well."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
