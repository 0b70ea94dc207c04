"""lunzi train: train a recipe, or a network for the user's own table."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lunzi.cli.options import DebugOption, LanguageOption, QuietOption
from lunzi.core.errors import RangeError
from lunzi.messages import text
from lunzi.recipes import RECIPES, recipe
from lunzi.recipes.run import Run, Settings, shown_path


class TaskName(StrEnum):
    """What a target asks for."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


def train(
    what: Annotated[
        str | None,
        typer.Argument(),
    ] = None,
    target: Annotated[str | None, typer.Option()] = None,
    task: Annotated[
        TaskName | None,
        typer.Option(),
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
    epochs: Annotated[int | None, typer.Option()] = None,
    out: Annotated[Path | None, typer.Option()] = None,
    resume: Annotated[Path | None, typer.Option()] = None,
    encoding: Annotated[str | None, typer.Option()] = None,
    quiet: QuietOption = False,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Train a network and write a report of it."""
    command = ("lunzi", *sys.argv[1:])
    if resume is not None:
        refuse_beside_resume(what, target, task, epochs, out)
        run = Run.resumed(resume, quiet, command)
    else:
        settings = Settings(
            recipe=recipe_for(what, target),
            seed=seed,
            epochs=epochs,
            data=what if target is not None else None,
            target=target,
            task=None if task is None else task.value,
            encoding=encoding,
        )
        run = Run(settings, out, quiet, command)
    try:
        recipe(run.settings.recipe)(run)
    except KeyboardInterrupt:
        run.say("commands.stopped", folder=shown_path(run.folder))
        raise


def recipe_for(what: str | None, target: str | None) -> str:
    """The recipe that the arguments ask for.

    Raises:
        RangeError: when there is none, with what there is.
    """
    names = ", ".join(RECIPES)
    if what is None:
        raise RangeError(text("commands.nothing_to_train", names=names))
    if what in RECIPES and target is None:
        return what
    if target is not None:
        return "table"
    if Path(what).exists() or what.lower().endswith((".csv", ".tsv", ".txt")):
        raise RangeError(text("commands.no_target", path=what))
    raise RangeError(text("commands.no_recipe", name=what, names=names))


def refuse_beside_resume(*others: object) -> None:
    """A resumed run has its own settings; other ones beside it would go unheard."""
    if any(other is not None for other in others):
        raise RangeError(text("commands.resume_alone"))
