"""Which classes are taken for which: ConfusionMatrix, and Precision, Recall and F1 from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from lunzi.core.errors import RangeError, ShapeError, StateKeyError
from lunzi.core.spec import Array
from lunzi.train.metrics.classes import (
    is_single,
    predicted_classes,
    refuse_outside,
    true_classes,
)
from lunzi.train.metrics.metric import Metric


class ConfusionMatrix(Metric):
    """How often each true class (row) was predicted as each class (column).

    `value` is the share on the diagonal, the accuracy; `counts` is the matrix.

    Args:
        classes: how many classes there are.
        threshold: above which a single output means class 1; 0.5 for probabilities.

    Shapes:
        output (N, C, ...), target (N, ...) class indices or (N, C, ...) probabilities;
        output (N,) or (N, 1), target the same, for two classes
        counts (classes, classes)
    """

    def __init__(self, classes: int, threshold: float = 0.0) -> None:
        if classes < 2:
            raise RangeError(f"a confusion matrix needs 2 classes or more, got {classes}")
        self.threshold = threshold
        self.counts = np.zeros((classes, classes), np.int64)
        super().__init__()

    def reset(self) -> None:
        self.counts = np.zeros_like(self.counts)

    def update(self, output: Array, target: Array) -> None:
        classes = len(self.counts)
        told_apart = 2 if is_single(output) else output.shape[1]
        if told_apart != classes:
            raise ShapeError(
                f"{type(self).__name__}({classes}) got outputs of shape {output.shape}, which tell "
                f"{told_apart} classes apart"
            )
        truth = true_classes(output, target).ravel()
        refuse_outside(truth, classes)
        pairs = truth * classes + predicted_classes(output, self.threshold).ravel()
        self.counts += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def value(self) -> float:
        total = int(self.counts.sum())
        return int(self.counts.trace()) / total if total else math.nan

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        shape = np.shape(state.get("counts", ()))
        if shape != self.counts.shape:
            raise StateKeyError(
                f"the state of {type(self).__name__} has counts of shape {self.counts.shape}, got "
                f"{shape}"
            )
        super().load_state_dict(state)

    def per_class(self) -> tuple[Array, Array, Array]:
        """Precision, recall and F1 of each class; 0 where there is nothing to divide by."""
        right = self.counts.diagonal().astype(np.float64)
        predicted, true = self.counts.sum(axis=0), self.counts.sum(axis=1)
        return (
            right / np.maximum(predicted, 1),
            right / np.maximum(true, 1),
            2 * right / np.maximum(predicted + true, 1),
        )


class ClassScore(ConfusionMatrix):
    """What Precision, Recall and F1 share.

    Args:
        classes: how many classes there are.
        of: a class, or "macro" for the mean over all classes that are true or predicted once.
        threshold: above which a single output means class 1; 0.5 for probabilities.
    """

    place: int  # in what per_class gives

    def __init__(
        self, classes: int, of: int | Literal["macro"] = "macro", threshold: float = 0.0
    ) -> None:
        if of != "macro" and (isinstance(of, str) or not 0 <= of < classes):
            raise RangeError(f"of is a class in [0, {classes}) or 'macro', got {of!r}")
        self.of = of
        super().__init__(classes, threshold)

    def value(self) -> float:
        scores = self.per_class()[self.place]
        if self.of != "macro":
            return float(scores[self.of]) if self.counts.any() else math.nan
        occurring = self.counts.sum(axis=0) + self.counts.sum(axis=1) > 0
        return float(scores[occurring].mean()) if occurring.any() else math.nan


class Precision(ClassScore):
    """Of the samples predicted as a class, the share that is of it, in [0, 1].

        precision = right / predicted

    Args:
        classes: how many classes there are.
        of: a class, or "macro" for the mean over all classes that are true or predicted once.
        threshold: above which a single output means class 1; 0.5 for probabilities.
    """

    place = 0


class Recall(ClassScore):
    """Of the samples of a class, the share that was found, in [0, 1].

        recall = right / true

    Args:
        classes: how many classes there are.
        of: a class, or "macro" for the mean over all classes that are true or predicted once.
        threshold: above which a single output means class 1; 0.5 for probabilities.
    """

    place = 1


class F1(ClassScore):
    """The harmonic mean of precision and recall, in [0, 1].

        F1 = 2 right / (predicted + true)

    Args:
        classes: how many classes there are.
        of: a class, or "macro" for the mean over all classes that are true or predicted once.
        threshold: above which a single output means class 1; 0.5 for probabilities.
    """

    place = 2
