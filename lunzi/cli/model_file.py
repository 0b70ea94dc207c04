"""The model that an argument of a command means: a file, or the one in a run's folder."""

from __future__ import annotations

from pathlib import Path

from lunzi.core.errors import MissingFileError
from lunzi.messages import text
from lunzi.recipes.folder import MODEL
from lunzi.recipes.settings import DESCRIPTION


def model_file(argument: Path) -> Path:
    """The path of the model file.

    Raises:
        MissingFileError: when the argument is a folder without one.
    """
    if not argument.is_dir():
        return argument
    if not (argument / MODEL).exists():
        is_run = (argument / DESCRIPTION).exists()
        code = "commands.no_model" if is_run else "commands.no_run"
        raise MissingFileError(text(code, folder=argument))
    return argument / MODEL
