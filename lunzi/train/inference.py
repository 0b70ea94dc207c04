"""A model in use: outputs for many samples, in eval mode and without a tape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lunzi.core.errors import RangeError
from lunzi.core.mode import no_grad
from lunzi.core.spec import Array
from lunzi.core.tensor import as_tensor
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
    """The outputs for inputs, in batches.

    Raises:
        RangeError: when the batch size is below 1, or there is no input.
    """
    array = np.asarray(x)
    if batch_size < 1:
        raise RangeError(f"batch_size must be 1 or more, got {batch_size}")
    if not len(array):
        raise RangeError("predict needs one sample at least, got none")
    with in_eval_mode(model):
        parts = [
            model(as_tensor(array[start : start + batch_size])).numpy()
            for start in range(0, len(array), batch_size)
        ]
    return np.concatenate(parts)
