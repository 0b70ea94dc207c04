"""lunzi show: what a compiled function of a file becomes, stage by stage.

The file is loaded as a module, so that what stands under `if __name__ == "__main__":` does not
run. The function shown is one that `lz.compile` made. It was called while the file was loaded; or
the file has a function `example()`, whose result are the arguments of a call that is not made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from lunzi.cli.options import DebugOption, LanguageOption
from lunzi.compiler.backend import is_eager
from lunzi.compiler.compile import Compiled
from lunzi.compiler.cost import Cost, is_number
from lunzi.compiler.show import STAGES
from lunzi.core.errors import KindError, MissingFileError, RangeError, StateError
from lunzi.messages import text

EXAMPLE = "example"
LIST = "list"


def show(
    file: Annotated[str, typer.Argument()],
    after: Annotated[str, typer.Option()] = STAGES[0],
    cost: Annotated[bool, typer.Option("--cost")] = False,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Show what a compiled function becomes."""
    if after not in (*STAGES, LIST):
        stages = text("commands.separator").join(STAGES)
        raise RangeError(text("commands.show_no_stage", stage=after, stages=stages))
    path, name = path_and_name(file)
    if is_eager():
        raise StateError(text("commands.show_eager"))
    with loaded(path) as module:
        function = chosen(module, path, name)
        if after == LIST:
            function.show()
            return
        make_program(function, module, path)
        if cost:
            print_cost(function.cost())
        else:
            function.show(after)


def path_and_name(file: str) -> tuple[Path, str]:
    """The parts of FILE.py:NAME; the name is empty where none is given.

    Raises:
        RangeError: when it names no Python file.
        MissingFileError: when the file is not there.
    """
    before, _, name = file.rpartition(":")
    # A colon may be part of a path, as in C:\\step.py.
    path, name = (Path(before), name) if before.endswith(".py") else (Path(file), "")
    if path.suffix != ".py":
        raise RangeError(text("commands.show_no_python", file=file))
    if not path.is_file():
        raise MissingFileError(
            text("commands.file_error", path=path, reason=text("commands.reason_missing"))
        )
    return path, name


@contextmanager
def loaded(path: Path) -> Iterator[ModuleType]:
    """The module of a file, which finds what lies beside it; what it prints goes to stderr."""
    name = f"shown_{path.stem}"
    spec = spec_from_file_location(name, path.resolve())
    assert spec is not None, "the path ends in .py"
    assert spec.loader is not None
    module = module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(folder)
        del sys.modules[name]


def chosen(module: ModuleType, path: Path, name: str) -> Compiled:
    """The compiled function of that name, or the only one.

    Raises:
        RangeError: when there is no such name, or none is given and there are several.
        KindError: when it is not compiled, or nothing is.
    """
    found = {key: value for key, value in vars(module).items() if isinstance(value, Compiled)}
    names = text("commands.separator").join(found)
    if not found and not (name and hasattr(module, name)):
        raise KindError(text("commands.show_none", file=path))
    if not name and len(found) > 1:
        first = next(iter(found))
        raise RangeError(text("commands.show_several", file=path, names=names, first=first))
    if not name:
        (function,) = found.values()
        return function
    if name in found:
        return found[name]
    if hasattr(module, name):
        raise KindError(text("commands.show_not_compiled", file=path, name=name))
    raise RangeError(text("commands.show_no_name", file=path, name=name, names=names))


def make_program(function: Compiled, module: ModuleType, path: Path) -> None:
    """See that there is a program to show.

    Raises:
        StateError: when the function was not called, and there is no example of a call.
    """
    if function.programs:
        return
    example = getattr(module, EXAMPLE, None)
    if not callable(example):
        raise StateError(text("commands.show_not_called", name=function.name, file=path))
    arguments = example()
    function.made_for(*(arguments if isinstance(arguments, tuple) else (arguments,)))


def print_cost(cost: Cost) -> None:
    """The table in the terminal's width; as plain text where there is no terminal."""
    if not sys.stdout.isatty():
        print(cost)
        return
    head, *rows = cost.rows()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, title in enumerate(head):
        table.add_column(title, justify="right" if is_number(place) else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False, emoji=False).print(table)
    print("\n".join(cost.facts()))
