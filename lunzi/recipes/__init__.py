"""Recipes: a task from data to report in one file each, to be run, read and copied."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lunzi.recipes.run import Run

# Name -> module; loaded when it is asked for, so that the command line starts quickly.
RECIPES = {"digits": "lunzi.recipes.digits"}
TABLE = "lunzi.recipes.table"


def recipe(name: str) -> Callable[[Run], None]:
    """The `train` function of a recipe; "table" is the one for a user's CSV file."""
    module = import_module(TABLE if name == "table" else RECIPES[name])
    train: Callable[[Run], None] = module.train
    return train
