"""The commands by name, each loaded when it is asked for, so that `lunzi --help` comes quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lunzi.cli.help import command_help, group_help
from lunzi.core.errors import RangeError
from lunzi.messages import text

# Name -> module, which has a function of that name
COMMANDS = {
    "train": "lunzi.cli.train",
    "predict": "lunzi.cli.predict",
    "inspect": "lunzi.cli.inspect",
    "show": "lunzi.cli.show",
}


def command_function(name: str) -> Callable[..., None]:
    """The function of a command."""
    function: Callable[..., None] = getattr(import_module(COMMANDS[name]), name)
    return function


@contextmanager
def knowing_its_command(context: Any) -> Iterator[None]:
    """Let a usage error know the command, and so the options that there are."""
    try:
        yield
    except typer.TyperException as error:
        if getattr(error, "ctx", None) is None:
            error.ctx = context  # type: ignore[attr-defined]  # usage errors have it
        raise


class Command(TyperCommand):
    """A command whose help is in the language in use, and which refuses what it does not take."""

    def get_help(self, ctx: Any) -> str:
        return command_help(self, ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with knowing_its_command(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        if ctx.args:
            extra = " ".join(ctx.args)
            raise RangeError(text("commands.too_many", command=self.name, extra=extra))
        return super().invoke(ctx)


class Commands(TyperGroup):
    """All commands."""

    def get_help(self, ctx: Any) -> str:
        return group_help(self, ctx, tuple(COMMANDS))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with knowing_its_command(ctx):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name.

        Raises:
            RangeError: when there is none, with what there is.
        """
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, 1)
            code = "commands.no_such_command_near" if near else "commands.no_such_command"
            names = "".join(near) or text("commands.separator").join(COMMANDS)
            raise RangeError(text(code, name=cmd_name, names=names))
        app = typer.Typer(add_completion=False)
        # What is left over is told by `Command.invoke`, in the language in use.
        settings = {"allow_extra_args": True}
        app.command(cmd_name, cls=Command, context_settings=settings)(command_function(cmd_name))
        return typer.main.get_command(app)
