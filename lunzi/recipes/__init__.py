"""Recipes: a task from data to report in one file each, to be run, read and copied."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lunzi.recipes.run import Run

# Name -> module; loaded when it is asked for, so that the command line starts quickly.
RECIPES = {"digits": "lunzi.recipes.digits"}
TABLE = "table"  # the one for a user's file


def recipe(name: str) -> Callable[[Run], None]:
    """The `train` function of a recipe."""
    module = import_module("lunzi.recipes.table" if name == TABLE else RECIPES[name])
    train: Callable[[Run], None] = module.train
    return train
