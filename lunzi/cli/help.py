"""The help of commands in the language in use, at the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from rich.cells import cell_len

from lunzi.cli.layout import line_width, padded, wrapped
from lunzi.messages import text

LEFT = 26  # cells of the widest entry beside which its explanation stands
INDENT = "  "

Entry = tuple[str, str]  # what one types, what it means


def group_help(group: Any, context: Any, names: Sequence[str]) -> str:
    """The help of `lunzi`: what it is, its options, its commands."""
    usage = f"lunzi {text('commands.usage_command')}"
    commands = [(name, text(f"commands.help_{name}")) for name in names]
    options = [option_entry(option) for option in options_of(group, context)]
    more = "\n".join(["", "", *wrapped(text("commands.more_help"), line_width())])
    return page(usage, "commands.help", commands=commands, options=options) + more


def command_help(command: Any, context: Any) -> str:
    """The help of one command."""
    arguments = [p for p in command.get_params(context) if is_argument(p)]
    usage = " ".join([context.command_path, text("commands.usage_options"), *map(shown, arguments)])
    return page(
        usage,
        f"commands.help_{command.name}",
        arguments=[(metavar(a), text(f"commands.option_{a.name}")) for a in arguments],
        options=[option_entry(option) for option in options_of(command, context)],
    )


def page(usage: str, code: str, **sections: Sequence[Entry]) -> str:
    """Usage, a description, and sections of entries."""
    width = line_width()
    lines = [text("commands.usage", usage=usage), ""]
    lines += [INDENT + line for line in wrapped(text(code), width - len(INDENT))]
    for name, entries in sections.items():
        lines += ["", text(f"commands.section_{name}"), *columns(entries, width)]
    return "\n".join(lines)


def columns(entries: Sequence[Entry], width: int) -> Iterator[str]:
    """Entries on the left, explanations on the right; below where the entry is too wide."""
    left = max(cell_len(typed) for typed, _ in entries if cell_len(typed) <= LEFT)
    hanging = INDENT + " " * left + INDENT
    for typed, meaning in entries:
        first, *others = wrapped(meaning, width - len(hanging))
        if cell_len(typed) > left:
            yield INDENT + typed
            yield hanging + first
        else:
            yield INDENT + padded(typed, left) + INDENT + first
        yield from (hanging + line for line in others)


def options_of(command: Any, context: Any) -> list[Any]:
    return [p for p in command.get_params(context) if not is_argument(p)]


def option_entry(option: Any) -> Entry:
    typed = ", ".join(option.opts)
    if not option.is_flag:
        typed = f"{typed} {metavar(option)}"
    return typed, text(f"commands.option_{option.name}")


def is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def shown(argument: Any) -> str:
    """An argument in the line of usage: in brackets if it may be left out, with dots if many."""
    name = metavar(argument) + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def metavar(parameter: Any) -> str:
    """The word that stands for a value: what there is to choose from, else a name in capitals."""
    choices = parameter.metavar or ""
    if "|" in choices:
        return choices
    return text(f"commands.metavar_{parameter.name}")


def choices(kind: type[Enum]) -> str:
    """The metavar of an option whose values are those of an enumeration."""
    return "|".join(str(member.value) for member in kind)
