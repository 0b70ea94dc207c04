"""What a network answers, checked to be of the shape that its file speaks of."""

from __future__ import annotations

from lunzi.core.errors import FileFormatError, LunziError
from lunzi.core.spec import Array
from lunzi.messages import text
from lunzi.nn import Module
from lunzi.train import predict
from lunzi.train.probabilities import softmax


def answers(model: Module, x: Array, outputs: int, source: str) -> Array:
    """The outputs of a model for inputs, `outputs` numbers each.

    Raises:
        FileFormatError: when the model is none for these inputs; `source` names its file.
    """
    try:
        y = predict(model, x)
    except LunziError:
        raise FileFormatError(text("commands.other_model", path=source)) from None
    if y.shape != (len(x), outputs):
        raise FileFormatError(text("commands.other_model", path=source))
    return y


def probabilities(model: Module, x: Array, classes: int, source: str) -> Array:
    """The probabilities of classes; otherwise as `answers`."""
    return softmax(answers(model, x, classes, source))
