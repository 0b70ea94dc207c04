"""How often a class is right: Accuracy, TopK."""

from __future__ import annotations

import math

import numpy as np

from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import Array
from lunzi.train.metrics.classes import predicted_classes, true_classes
from lunzi.train.metrics.metric import Metric


class Accuracy(Metric):
    """The share of samples whose predicted class is the true one, in [0, 1].

    Args:
        threshold: above which a single output means class 1; 0.5 for probabilities.

    Shapes:
        output (N, C, ...), target (N, ...) class indices or (N, C, ...) probabilities;
        output (N,) or (N, 1), target the same
    """

    def __init__(self, threshold: float = 0.0) -> None:
        self.threshold = threshold
        super().__init__()

    def reset(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        truth = true_classes(output, target)
        self.right += int((predicted_classes(output, self.threshold) == truth).sum())
        self.count += truth.size

    def value(self) -> float:
        return self.right / self.count if self.count else math.nan


class TopK(Metric):
    """The share of samples whose true class is among the `k` largest outputs, in [0, 1].

    Of equal outputs the one of the lower class counts as larger.

    Args:
        k: 1 or more, and not more than there are classes.

    Shapes:
        output (N, C, ...), target (N, ...) class indices or (N, C, ...) probabilities
    """

    def __init__(self, k: int = 5) -> None:
        if k < 1:
            raise RangeError(f"k must be 1 or more, got {k}")
        self.k = k
        super().__init__()

    def reset(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        if output.ndim < 2 or output.shape[1] < self.k:
            raise ShapeError(
                f"the top {self.k} needs {self.k} classes at least on axis 1, got outputs of "
                f"shape {output.shape}"
            )
        truth = np.expand_dims(true_classes(output, target), 1)
        largest = np.argsort(-output, axis=1, kind="stable")[:, : self.k]
        self.right += int((largest == truth).any(axis=1).sum())
        self.count += truth.size

    def value(self) -> float:
        return self.right / self.count if self.count else math.nan
