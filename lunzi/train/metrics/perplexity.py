"""Perplexity: among how many equally likely classes a model hesitates."""

from __future__ import annotations

import math

import numpy as np

from lunzi.core.errors import ShapeError
from lunzi.core.spec import Array
from lunzi.train.metrics.classes import refuse_outside, whole_numbers
from lunzi.train.metrics.metric import Metric

LARGEST_EXPONENT = 709.0  # e to more is beyond float64


class Perplexity(Metric):
    """e to the mean cross-entropy of the outputs (logits) in nats: 1 is certainty.

    Args:
        ignore_index: a target that does not count, such as padding.

    Shapes:
        output (N, C, ...), target (N, ...) class indices
    """

    higher_is_better = False

    def __init__(self, ignore_index: int = -100) -> None:
        self.ignore_index = ignore_index
        super().__init__()

    def reset(self) -> None:
        self.nats = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        if output.ndim < 2 or target.shape != output.shape[:1] + output.shape[2:]:
            raise ShapeError(
                f"perplexity is of outputs (N, C, ...) and class indices (N, ...), got "
                f"{output.shape} and {target.shape}"
            )
        rows = np.moveaxis(output, 1, -1).reshape(-1, output.shape[1]).astype(np.float64)
        truth = whole_numbers(target).ravel()
        counts = truth != self.ignore_index
        rows, truth = rows[counts], truth[counts]
        refuse_outside(truth, output.shape[1])
        rows = rows - rows.max(axis=1, keepdims=True)
        own = np.take_along_axis(rows, truth[:, None], axis=1)[:, 0]
        self.nats += float((np.log(np.exp(rows).sum(axis=1)) - own).sum())
        self.count += truth.size

    def value(self) -> float:
        if not self.count:
            return math.nan
        mean = self.nats / self.count
        return math.inf if mean > LARGEST_EXPONENT else math.exp(mean)
