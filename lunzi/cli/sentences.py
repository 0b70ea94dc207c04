"""Errors as one sentence for a person, in the language in use."""

from __future__ import annotations

import errno
import sys
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer

from lunzi.cli.commands import COMMANDS, command_function
from lunzi.cli.help import metavar
from lunzi.cli.options import hold_options
from lunzi.core.errors import LunziError
from lunzi.messages import text
from lunzi.recipes.printable import printable

REASONS = {
    errno.EACCES: "commands.reason_permission",
    errno.EPERM: "commands.reason_permission",
    errno.EROFS: "commands.reason_read_only",
    errno.ENOSPC: "commands.reason_full",
    errno.EDQUOT: "commands.reason_full",
    errno.ENOENT: "commands.reason_missing",
    errno.EEXIST: "commands.reason_exists",
    errno.EISDIR: "commands.reason_folder",
    errno.ENOTDIR: "commands.reason_no_folder",
    errno.ENAMETOOLONG: "commands.reason_long",
}


def tell(message: str) -> None:
    """Say something on standard error, where it stays out of what a program may read."""
    print(f"lunzi: {printable(message)}", file=sys.stderr, flush=True)


def sentence(error: BaseException) -> str:
    """An error as one line for a person."""
    match error:
        case LunziError():
            return " ".join(str(error).split())
        case typer.TyperException():
            return usage_sentence(error)
        case MemoryError():
            return text("commands.no_memory")
        case OSError():
            return system_sentence(error)
    return str(error)


def system_sentence(error: OSError) -> str:
    """What the system refused, and at which file."""
    code = REASONS.get(error.errno or 0)
    reason = text(code) if code else (error.strerror or type(error).__name__)
    if error.filename is None:
        return text("commands.system_error", reason=reason)
    return text("commands.file_error", path=meant(str(error.filename)), reason=reason)


def meant(filename: str) -> Path:
    """The path of a file as the user knows it: below this folder, and no half-written one."""
    path = Path(filename)
    if path.suffix == ".part":  # of lunzi.storage.write_whole
        path = path.parent
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def usage_sentence(error: Any) -> str:
    """What is wrong in a command line; `error` is one of typer's kinds of usage error."""
    parameter = getattr(error, "param", None)
    if parameter is not None:
        name = parameter.opts[0] if parameter.opts[0].startswith("-") else metavar(parameter)
        if not error.message:  # typer's sign of a parameter that is missing
            return text("commands.missing", name=name)
        return text("commands.bad_value", option=name, reason=expected(error))
    option = getattr(error, "option_name", None)
    if option is None:
        return text("commands.wrong_usage", reason=error.format_message().rstrip("."))
    parameters = error.ctx.command.get_params(error.ctx)
    known = {name: parameter for parameter in parameters for name in parameter.opts}
    if option in known:
        flag = known[option].is_flag
        return text("commands.takes_no_value" if flag else "commands.needs_value", option=option)
    near = get_close_matches(option, known, 1)
    code = "commands.no_such_option_near" if near else "commands.no_such_option"
    return text(code, option=option, names="".join(near))


def expected(error: Any) -> str:
    """What a parameter takes, in the language in use where it is one of the usual kinds."""
    name = error.ctx.info_name if error.ctx else ""
    function = command_function(name) if name in COMMANDS else hold_options
    hint = get_type_hints(function).get(error.param.name)
    for kind in get_args(hint) or (hint,):
        if kind is int:
            return text("commands.expects_whole_number")
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return text("commands.expects_choice", choices=text("commands.separator").join(kind))
    return str(error.message).rstrip(".")
