"""lunzi predict: what a trained network says of pictures or rows."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lunzi.cli.digit_predictions import DigitPredictor
from lunzi.cli.model_file import model_file
from lunzi.cli.options import DebugOption, LanguageOption
from lunzi.cli.sentences import sentence, tell
from lunzi.cli.table_predictions import TablePredictor
from lunzi.core.errors import FileFormatError, LunziError
from lunzi.files import load, read_preprocessing
from lunzi.messages import text

FAILED = 2

# The kind of input that a model is stored with -> what can be made of it
PREDICTORS: dict[str, Callable[..., Callable[[Path, str | None], None]]] = {
    "digit": DigitPredictor,
    "table": TablePredictor,
}


def predict(
    run: Annotated[Path, typer.Argument()],
    files: Annotated[list[Path], typer.Argument()],
    encoding: Annotated[str | None, typer.Option()] = None,
    language: LanguageOption = None,
    debug: DebugOption = False,
) -> None:
    """Print predictions with probabilities for pictures or the rows of CSV files."""
    predictor = predictor_of(model_file(run))
    has_failed = False
    for file in files:
        try:
            predictor(file, encoding)
        except BrokenPipeError:
            raise
        except (LunziError, OSError) as error:
            # The others are still of use.
            if debug:
                traceback.print_exc()
            tell(sentence(error))
            has_failed = True
    if has_failed:
        raise typer.Exit(FAILED)


def predictor_of(path: Path) -> Callable[[Path, str | None], None]:
    """What prints the predictions of a model for a file.

    Raises:
        FileFormatError: when the model does not say how its inputs are made.
    """
    model = load(path)
    stored: Any = read_preprocessing(path)
    match stored:
        case {"input": {"kind": str(kind)}} if kind in PREDICTORS:
            return PREDICTORS[kind](model, stored, str(path))
    raise FileFormatError(text("commands.no_preprocessing", path=path))
