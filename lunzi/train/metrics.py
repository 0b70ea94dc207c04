"""Metrics: figures of merit, gathered batch by batch.

A metric takes the outputs of a network and the targets as NumPy arrays, keeps a few sums, and
gives one number at the end. Its state is plain numbers, so that a checkpoint in the middle of an
epoch can hold it exactly.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import Array


class Metric:
    """A figure gathered over batches: subclasses state `update` and `value`.

    Every attribute that `reset` sets is the state; plain numbers and nested lists of them.
    """

    higher_is_better = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(self, output: Array, target: Array) -> None:
        """Take a batch into account."""
        raise NotImplementedError

    def value(self) -> float:
        """The figure for all batches so far; NaN before the first."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The sums gathered so far."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from sums gathered before."""
        for name, value in state.items():
            own = getattr(self, name)
            setattr(
                self, name, np.array(value, own.dtype) if isinstance(own, np.ndarray) else value
            )


def predicted_classes(output: Array) -> Array:
    """The class with the largest output; for a single output (a logit), whether it is above 0.

    Shapes:
        output (N, C, ...) -> (N, ...); (N,) or (N, 1) -> (N,)
    """
    if output.ndim == 1 or output.shape[1] == 1:
        return (output.reshape(len(output)) > 0).astype(np.int64)
    classes: Array = output.argmax(axis=1)
    return classes


def true_classes(output: Array, target: Array) -> Array:
    """Targets as class indices, from indices or from probabilities (one-hot rows)."""
    if target.ndim == output.ndim > 1 and target.shape == output.shape and target.shape[1] > 1:
        classes: Array = target.argmax(axis=1)
        return classes
    return target.reshape(len(target)) if target.ndim == 2 and target.shape[1] == 1 else target


class Accuracy(Metric):
    """The share of samples whose predicted class is the true one, in [0, 1]."""

    def reset(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        hits = predicted_classes(output) == true_classes(output, target)
        self.right += int(hits.sum())
        self.count += hits.size

    def value(self) -> float:
        return self.right / self.count if self.count else math.nan


class TopK(Metric):
    """The share of samples whose true class is among the `k` largest outputs, in [0, 1]."""

    def __init__(self, k: int = 5) -> None:
        if k < 1:
            raise RangeError(f"k must be 1 or more, got {k}")
        self.k = k
        super().__init__()

    def reset(self) -> None:
        self.right = 0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        if output.shape[1] < self.k:
            raise ShapeError(f"the top {self.k} of {output.shape[1]} classes")
        largest = np.argsort(-output, axis=1, kind="stable")[:, : self.k]
        truth = np.expand_dims(true_classes(output, target), 1)
        self.right += int((largest == truth).any(axis=1).sum())
        self.count += truth.size

    def value(self) -> float:
        return self.right / self.count if self.count else math.nan


class ConfusionMatrix(Metric):
    """How often each true class (row) was predicted as each class (column).

    `value` is the share on the diagonal, the accuracy; `counts` is the matrix.

    Args:
        classes: how many classes there are.
    """

    def __init__(self, classes: int) -> None:
        if classes < 2:
            raise RangeError(f"a confusion matrix needs 2 classes or more, got {classes}")
        self.counts = np.zeros((classes, classes), np.int64)
        super().__init__()

    def reset(self) -> None:
        self.counts = np.zeros_like(self.counts)

    def update(self, output: Array, target: Array) -> None:
        classes = len(self.counts)
        truth = true_classes(output, target).ravel().astype(np.int64)
        guess = predicted_classes(output).ravel()
        if truth.size and not 0 <= truth.min() <= truth.max() < classes:
            raise RangeError(f"classes lie in [0, {classes}), got {truth.min()} to {truth.max()}")
        self.counts += np.bincount(truth * classes + guess, minlength=classes**2).reshape(
            classes, classes
        )

    def value(self) -> float:
        total = int(self.counts.sum())
        return int(self.counts.trace()) / total if total else math.nan

    def per_class(self) -> tuple[Array, Array, Array]:
        """Precision, recall and F1 of each class; 0 where there is nothing to divide by."""
        right = self.counts.diagonal().astype(np.float64)
        precision = right / np.maximum(self.counts.sum(axis=0), 1)
        recall = right / np.maximum(self.counts.sum(axis=1), 1)
        total = self.counts.sum(axis=0) + self.counts.sum(axis=1)
        return precision, recall, 2 * right / np.maximum(total, 1)


class ClassScore(ConfusionMatrix):
    """Precision, recall or F1 of one class, or the mean over the classes that occur.

        precision = right / predicted,  recall = right / true,  F1 = 2 right / (predicted + true)

    Args:
        classes: how many classes there are.
        of: a class, or "macro" for the mean over all classes that are true or predicted once.
    """

    place = 0

    def __init__(self, classes: int, of: int | Literal["macro"] = "macro") -> None:
        if of != "macro" and not 0 <= of < classes:
            raise RangeError(f"of is a class in [0, {classes}) or 'macro', got {of!r}")
        self.of = of
        super().__init__(classes)

    def value(self) -> float:
        scores = self.per_class()[self.place]
        if self.of != "macro":
            return float(scores[self.of])
        occurring = self.counts.sum(axis=0) + self.counts.sum(axis=1) > 0
        return float(scores[occurring].mean()) if occurring.any() else math.nan


class Precision(ClassScore):
    """Of the samples predicted as a class, the share that is of it, in [0, 1]."""

    place = 0


class Recall(ClassScore):
    """Of the samples of a class, the share that was found, in [0, 1]."""

    place = 1


class F1(ClassScore):
    """The harmonic mean of precision and recall, in [0, 1]."""

    place = 2


class MAE(Metric):
    """The mean of |target - output|, in units of the target."""

    higher_is_better = False

    def reset(self) -> None:
        self.total = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        self.total += float(np.abs(target - output).sum())
        self.count += target.size

    def value(self) -> float:
        return self.total / self.count if self.count else math.nan


class RMSE(Metric):
    """The root of the mean of (target - output)^2, in units of the target."""

    higher_is_better = False

    def reset(self) -> None:
        self.squares = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        self.squares += float(((target - output) ** 2).sum())
        self.count += target.size

    def value(self) -> float:
        return math.sqrt(self.squares / self.count) if self.count else math.nan


class R2(Metric):
    """1 - sum (target - output)^2 / sum (target - mean)^2: 1 is perfect, 0 as good as the mean.

    NaN while all targets are equal. The spread of the targets is gathered by Chan, Golub and
    LeVeque's update (1983, "Algorithms for computing the sample variance"), which stays exact
    where the targets are large and close together.
    """

    def reset(self) -> None:
        self.residual = 0.0
        self.spread = 0.0
        self.mean = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        if not target.size:
            return
        self.residual += float(((target - output) ** 2).sum())
        mean, count = float(target.mean()), target.size
        shift, total = mean - self.mean, self.count + count
        self.spread += float(((target - mean) ** 2).sum()) + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count = total

    def value(self) -> float:
        return 1 - self.residual / self.spread if self.spread else math.nan


class Perplexity(Metric):
    """e to the mean cross-entropy of the outputs (logits) in nats: 1 is certainty.

    Args:
        ignore_index: a target that does not count, such as padding.
    """

    higher_is_better = False

    def __init__(self, ignore_index: int = -100) -> None:
        self.ignore_index = ignore_index
        super().__init__()

    def reset(self) -> None:
        self.nats = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        rows = np.moveaxis(output, 1, -1).reshape(-1, output.shape[1]).astype(np.float64)
        truth = target.ravel()
        rows, truth = rows[truth != self.ignore_index], truth[truth != self.ignore_index]
        rows = rows - rows.max(axis=1, keepdims=True, initial=-np.inf)
        own = np.take_along_axis(rows, truth[:, None], axis=1)[:, 0]
        self.nats += float((np.log(np.exp(rows).sum(axis=1)) - own).sum())
        self.count += truth.size

    def value(self) -> float:
        return math.exp(min(self.nats / self.count, 700.0)) if self.count else math.nan


def same_shape(output: Array, target: Array) -> tuple[Array, Array]:
    """Both in float64; (N, 1) meets (N,), any other difference is an error."""
    if output.size == target.size and output.shape[:1] == target.shape[:1]:
        output = output.reshape(target.shape)
    if output.shape != target.shape:
        raise ShapeError(f"outputs of shape {output.shape} against targets of {target.shape}")
    return output.astype(np.float64), target.astype(np.float64)
