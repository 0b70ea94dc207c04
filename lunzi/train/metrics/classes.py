"""Classes from outputs and targets: what was predicted, and what is true."""

from __future__ import annotations

import numpy as np

from lunzi.core.advice import advise
from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import Array


def predicted_classes(output: Array, threshold: float = 0.0) -> Array:
    """The class with the largest output; for a single output, whether it is above `threshold`.

    Shapes:
        output (N, C, ...) -> (N, ...); (N,) or (N, 1) -> (N,)
    """
    if is_single(output):
        if threshold <= 0 and output.size > 1 and 0 <= output.min() <= output.max() <= 1:
            advise(
                "the outputs look like probabilities (all between 0 and 1), and the metric calls "
                "those above 0 true: give it threshold=0.5, or let the network end without a "
                "Sigmoid, with BCEWithLogitsLoss"
            )
        return (output.reshape(len(output)) > threshold).astype(np.int64)
    classes: Array = output.argmax(axis=1)
    return classes


def true_classes(output: Array, target: Array) -> Array:
    """Targets as class indices, from indices or from probabilities of classes (one-hot rows).

    Shapes:
        output (N, C, ...), target (N, ...) or (N, C, ...) -> (N, ...)
        output (N,) or (N, 1), target (N,) or (N, 1) -> (N,)

    Raises:
        ShapeError: when the shapes do not fit together.
        RangeError: when targets are neither whole numbers nor probabilities that sum up to 1.
    """
    expected = output.shape[:1] if is_single(output) else output.shape[:1] + output.shape[2:]
    if target.shape == output.shape and not is_single(output):
        if not np.allclose(target.sum(axis=1), 1, atol=1e-3):
            raise RangeError(
                "targets of the shape of the outputs are probabilities of classes and sum up to 1 "
                "for each sample; several classes at once (multi-label) are not for this metric"
            )
        classes: Array = target.argmax(axis=1)
        return classes
    is_column = len(expected) == 1 and target.shape == (*expected, 1)
    if target.shape != expected and not is_column:
        raise ShapeError(
            f"outputs of shape {output.shape} have targets of shape {expected}, got {target.shape}"
        )
    return whole_numbers(target.reshape(expected))


def is_single(output: Array) -> bool:
    """True for one output a sample, which tells two classes apart."""
    return output.ndim < 2 or output.shape[1:] == (1,)


def whole_numbers(target: Array) -> Array:
    """Class indices as int64; floating ones, as 0.0 and 1.0, are taken where they are whole."""
    if target.dtype.kind == "f" and not (target == np.floor(target)).all():
        raise RangeError(
            "targets of classes are whole numbers, got fractions: MAE, RMSE and R2 are for those"
        )
    return target.astype(np.int64)


def refuse_outside(truth: Array, classes: int) -> None:
    """Refuse class indices that are not in [0, classes)."""
    if truth.size and not 0 <= truth.min() <= truth.max() < classes:
        raise RangeError(f"classes lie in [0, {classes}), got {truth.min()} to {truth.max()}")
