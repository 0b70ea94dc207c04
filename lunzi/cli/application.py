"""What all commands share: the language, and how they end.

A command ends with status 0 when all went well, 2 after an error, which is one sentence on
standard error, and 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from lunzi.cli.commands import Commands
from lunzi.cli.options import hold_options
from lunzi.cli.sentences import sentence, tell
from lunzi.core.advice import LunziWarning
from lunzi.core.errors import LunziError
from lunzi.messages import LANGUAGES, Language, text, use_language

FAILED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave the process with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        make_writable(stream)
    with use_language(named_language(given)):
        sys.exit(run(given or ["--help"]))


def run(arguments: Sequence[str]) -> int:
    """The exit status of a command; errors are told in one sentence each."""
    try:
        with warnings.catch_warnings():
            # NumPy's, of overflow: the trainer itself looks for numbers that are not finite.
            warnings.simplefilter("ignore", RuntimeWarning)
            warnings.simplefilter("always", LunziWarning)
            warnings.showwarning = tell_warning  # the documented way to show them otherwise
            status = call(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read the output has gone, as in `| head`: that is no error.
        return 0
    except KeyboardInterrupt as interruption:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has written ^C
        tell(str(interruption) or text("commands.interrupted"))
        return INTERRUPTED
    except (LunziError, OSError, MemoryError, typer.TyperException) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        tell(sentence(error))
        return FAILED
    finally:
        silence_closed_output()


def call(arguments: Sequence[str]) -> int:
    """The exit status of a command; errors are raised."""
    try:
        group = application()
        with group.make_context("lunzi", list(arguments)) as context:
            group.invoke(context)
    except typer.Exit as ending:
        return ending.exit_code
    return 0


def application() -> Any:
    """The commands; each is loaded when it is asked for."""
    app = typer.Typer(cls=Commands, add_completion=False, invoke_without_command=True)
    app.callback()(hold_options)
    return typer.main.get_command(app)


def named_language(arguments: Sequence[str]) -> Language | None:
    """The language that `--language` names, before the commands are made, for their help."""
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option == "--language":
            value = value if equals else "".join(arguments[place + 1 : place + 2])
            return "zh" if value == "zh" else "en" if value in LANGUAGES else None
    return None


def make_writable(stream: Any) -> None:
    """See that a stream takes Chinese, as it would not under LC_ALL=C, and fails at nothing."""
    try:
        "轮".encode(stream.encoding)
        encoding = None
    except UnicodeEncodeError:
        encoding = "utf-8"
    stream.reconfigure(encoding=encoding, errors="replace")


def tell_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    """A warning as one sentence, without the line of the program that it came from."""
    tell(" ".join(str(message).split()))


def silence_closed_output() -> None:
    """Where nobody reads the output any more, let go what Python still means to write to it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
