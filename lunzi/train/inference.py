"""A model in use: outputs for many samples, in eval mode and without a tape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lunzi.core.arguments import whole_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.mode import no_grad
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn import Module


@contextmanager
def in_eval_mode(model: Module) -> Iterator[None]:
    """Eval mode and no tape inside a `with` block; each module's own mode comes back after it."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in before:
            module.training = training


def predict(model: Module, x: Any, batch_size: int = 256) -> Array:
    """The outputs for inputs, in batches, with the model in eval mode.

    Args:
        model: gives one row of output for each row of input.
        x: inputs along the first axis, also for a single one.
        batch_size: samples at a time; what is not needed at once bounds the memory.

    Raises:
        RangeError: when the batch size is below 1, or there is no input.
        ShapeError: when the inputs have no axis of samples or differ in shape, or the outputs
            are not as many rows.
        KindError: when the model gives something else than one tensor.
    """
    array = as_inputs(x)
    whole_number("batch_size", batch_size)
    if not array.ndim:
        raise ShapeError("predict takes inputs along a first axis, got a single number")
    if not len(array):
        raise RangeError("predict needs one sample at least, got none")
    with in_eval_mode(model):
        parts = [
            outputs(model, array[start : start + batch_size])
            for start in range(0, len(array), batch_size)
        ]
    return np.concatenate(parts)


def as_inputs(x: Any) -> Array:
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"predict takes inputs of one shape: {error}") from None


def outputs(model: Module, x: Array) -> Array:
    """The outputs for one batch, a row for each sample."""
    y = one_tensor(model(as_tensor(x)), "predict").numpy()
    if y.shape[:1] != x.shape[:1]:
        raise ShapeError(
            f"predict puts the outputs of batches together, a row for each sample: "
            f"{len(x)} samples gave an output of shape {y.shape}. One sample alone is x[None]"
        )
    return y


def one_tensor(output: Any, taker: str) -> Tensor:
    """The output of a model, for what takes only a single tensor.

    Raises:
        KindError: when it is something else, such as a tuple.
    """
    if isinstance(output, Tensor):
        return output
    raise KindError(
        f"{taker} takes one tensor, and the model gives a {type(output).__name__}: wrap it in a "
        f"module that gives the part which is wanted, as in return self.model(x)[0]"
    )
