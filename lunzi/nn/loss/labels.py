"""Class labels and the scores that they choose from: checks that teach, and the choice itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from lunzi.core.advice import advise
from lunzi.core.arguments import real_number, whole_number
from lunzi.core.checked import Bounds, Checked, checked
from lunzi.core.errors import KindError, PositionError, ShapeError
from lunzi.core.primitive import primitive
from lunzi.core.spec import Array, Shape, int64, is_floating
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.loss.reduction import check_reduction, seen


@dataclass(frozen=True)
class Labels:
    """Class labels made ready to choose with.

    Shapes:
        all (N, ...)
    """

    index: Tensor  # the class; 0 where the label names none
    is_kept: Tensor  # false where the label is `ignore_index`

    def choose(self, scores: Tensor, axis: int) -> Tensor:
        """The score of each label's class.

        Shapes:
            scores (N, C, ...) with the classes on `axis` -> (N, ...)
        """
        return scores.take_along_axis(self.index.expand_dims(axis), axis).squeeze(axis)

    def reduced(self, losses: Tensor, weights: Tensor | None, reduction: str) -> Tensor:
        """Mean, sum or all of the losses, those of ignored labels being 0.

        The mean is over labels that are kept, each counting as much as its class weighs. It is
        NaN where none is kept.

        Args:
            losses: already weighted.
            weights: of the classes, (C,), or None.
        """
        check_reduction(reduction)
        losses = self.is_kept.where(losses, 0)
        if reduction == "none":
            return losses
        if reduction == "sum":
            return losses.sum()
        counted = self.is_kept if weights is None else self.weigh(weights)
        return losses.sum() / counted.sum().as_dtype(losses.dtype)

    def weigh(self, weights: Tensor) -> Tensor:
        """The weight of each label's class, 0 for ignored labels."""
        return self.is_kept.where(weights.take(self.index), 0)


def class_labels(target: Tensor, scores: Tensor, ignore_index: int) -> Labels:
    """The labels for these scores.

    Raises:
        ShapeError: when there is not one label for each row of scores.
        KindError: when labels are not integers.
        PositionError: when a label is outside the classes.
    """
    whole_number("ignore_index", ignore_index, -math.inf)
    check_label_shape(target, scores)
    classes = scores.shape[class_axis(scores)]
    labels = target.as_dtype(int64)
    is_kept = labels != ignore_index
    index = is_kept.where(labels, 0)
    return Labels(checked(ClassLabel(classes, scores.shape), index), is_kept)


def class_axis(scores: Tensor) -> int:
    """The axis of the classes: 1, or 0 for the scores of a single sample.

    Raises:
        ShapeError: when there is no axis.
    """
    if not scores.ndim:
        raise ShapeError("expects a score for each class, (C,) or (N, C, ...), got one number")
    return min(scores.ndim - 1, 1)


def check_label_shape(target: Tensor, scores: Tensor) -> None:
    axis = class_axis(scores)
    expected = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    if target.shape != expected:
        raise ShapeError(
            f"expects class labels of shape {expected} for predictions {scores.shape} with "
            f"{scores.shape[axis]} classes on axis {axis}, got {target.shape}"
            f"{shape_advice(target, scores, expected, axis)}"
        )
    if target.dtype.kind not in "iu":
        cure = (
            f"; probabilities would have the shape {scores.shape} of the predictions"
            if is_floating(target.dtype)
            else ""
        )
        raise KindError(
            f"class labels are integers, got {target.dtype.name}: "
            f"convert them with target.astype('int64'){cure}"
        )


def shape_advice(target: Tensor, scores: Tensor, expected: Shape, axis: int) -> str:
    if target.shape == scores.shape:
        return (
            f". If these are one-hot rows: target.argmax(axis={axis}) gives labels, "
            f"target.astype('float32') probabilities"
        )
    if target.shape == (*expected, 1):
        return ": target.squeeze(-1) fits"
    return ""


@primitive
class ClassLabel(Checked):
    """y = x; labels outside the classes are refused.

    Args:
        classes: how many there are.
        shape: of the predictions, for the error.
    """

    classes: int
    shape: Shape

    @property
    def bounds(self) -> Bounds:
        return Bounds(0, self.classes - 1)

    def refuse(self, x: Array) -> NoReturn:
        place = tuple(np.argwhere(self.bounds.outside(x))[0].tolist())
        advice = "ignore_index=-1 leaves such labels out"
        if x[place] >= 0:
            from_one = x.min() == 1 and x.max() == self.classes
            advice = "labels count from 0: subtract 1" if from_one else "more outputs may be needed"
        raise PositionError(
            f"class label {x[place]} at position {place} is outside 0 to {self.classes - 1}, the "
            f"classes of predictions {self.shape}; {advice}"
        )


def class_weights(weight: Any, scores: Tensor) -> Tensor | None:
    """The weights of the classes in the dtype of the scores.

    Raises:
        ShapeError: when there is not one for each class.
    """
    if weight is None:
        return None
    weights = as_tensor(weight).as_dtype(scores.dtype)
    classes = scores.shape[class_axis(scores)]
    if weights.shape != (classes,):
        raise ShapeError(
            f"expects weight of shape ({classes},), one for each class, got {weights.shape}"
        )
    return weights


def check_smoothing(label_smoothing: float) -> float:
    return real_number("label_smoothing", label_smoothing, 0, 1)


def advise_against_probabilities(scores: Tensor, advice: str) -> None:
    """Warn where scores look like probabilities, which a Softmax too many makes of them."""
    if are_probabilities(scores):
        advise(f"the predictions look like probabilities (none negative, sums of 1). {advice}")


def are_probabilities(scores: Tensor) -> bool:
    """Whether every row can be seen to have no negative number and a sum of 1, to 0.001."""
    array = seen(scores)
    if array is None or not array.size:
        return False
    axis = class_axis(scores)
    # A look at the first row, 3 us, rules it out for most logits; a single row may be so by chance.
    first: list[Any] = [0] * array.ndim
    first[axis] = slice(None)
    if array.size == array.shape[axis] or not adds_to_one(array[tuple(first)], 0):
        return False
    return adds_to_one(array, axis)


def adds_to_one(array: Array, axis: int) -> bool:
    return bool(array.min() >= 0 and (np.abs(array.sum(axis) - 1) < 1e-3).all())
