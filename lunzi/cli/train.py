"""lunzi train: train a recipe, or a network for the user's own table."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lunzi.cli.help import choices
from lunzi.cli.options import DebugOption, LanguageOption, QuietOption
from lunzi.core.errors import RangeError, StateError
from lunzi.messages import text
from lunzi.recipes import RECIPES, TABLE, recipe
from lunzi.recipes.run import Run
from lunzi.recipes.settings import Settings

TABLE_ENDINGS = (".csv", ".tsv", ".txt")


class TaskName(StrEnum):
    """What a target asks for."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


def train(
    what: Annotated[str | None, typer.Argument()] = None,
    target: Annotated[str | None, typer.Option()] = None,
    task: Annotated[TaskName | None, typer.Option(metavar=choices(TaskName))] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    epochs: Annotated[int | None, typer.Option()] = None,
    out: Annotated[Path | None, typer.Option()] = None,
    resume: Annotated[Path | None, typer.Option()] = None,
    encoding: Annotated[str | None, typer.Option()] = None,
    no_compile: Annotated[bool, typer.Option("--no-compile")] = False,
    quiet: QuietOption = False,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Train a network and write a report of it."""
    if resume is not None:
        refuse_beside_resume(what, target, task, seed, epochs, out, encoding, no_compile or None)
        run = Run.resumed(resume, quiet)
    else:
        settings = Settings(
            recipe=recipe_for(what, target, task, encoding),
            seed=seed or 0,
            epochs=epochs,
            data=what if target is not None else None,
            target=target,
            task=None if task is None else task.value,
            encoding=encoding,
            compile=False if no_compile else None,
        )
        run = Run(settings, out, quiet)
    try:
        recipe(run.settings.recipe)(run)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(run.farewell("commands.stopped")) from None
    except BrokenPipeError:
        message = run.farewell("commands.output_closed") or text("commands.nobody_reads")
        raise StateError(message) from None


def recipe_for(what: str | None, target: str | None, *for_tables: object) -> str:
    """The recipe that the arguments ask for; `for_tables` are options that only a table takes.

    Raises:
        RangeError: when there is none, with what there is.
    """
    names = text("commands.separator").join(RECIPES)
    if what is None:
        raise RangeError(text("commands.nothing_to_train", names=names))
    if target is not None:
        return TABLE
    if what not in RECIPES:
        if Path(what).is_file() or what.lower().endswith(TABLE_ENDINGS):
            raise RangeError(text("commands.no_target", name=what))
        near = get_close_matches(what, RECIPES, 1)
        code = "commands.no_recipe_near" if near else "commands.no_recipe"
        raise RangeError(text(code, name=what, names="".join(near) or names))
    if any(option is not None for option in for_tables):
        raise RangeError(text("commands.only_tables", name=what))
    return what


def refuse_beside_resume(*others: object) -> None:
    """A resumed run has its own settings; other ones beside it would go unheard."""
    if any(other is not None for other in others):
        raise RangeError(text("commands.resume_alone"))
