"""Losses of classifiers: one class out of several."""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.spec import is_floating
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.loss.labels import (
    advise_against_probabilities,
    check_smoothing,
    class_axis,
    class_labels,
    class_weights,
)
from lunzi.nn.loss.reduction import Loss, kept_weight, reduced


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The surprise of a classifier at the right answers; see `CrossEntropyLoss`.

    Shapes:
        input (N, C, ...), target (N, ...) labels or (N, C, ...) probabilities, weight (C,)
    """
    check_smoothing(label_smoothing)
    logits, target = as_tensor(input).floating(), as_tensor(target)
    axis = class_axis(logits)
    weights = class_weights(weight, logits)
    advise_against_probabilities(
        logits, "cross_entropy takes logits and applies softmax itself: leave out the Softmax"
    )
    # Softmax does not depend on a shift, and exponentials of numbers up to 0 do not overflow.
    shifted = logits - logits.detach().max(axis, keepdims=True)
    log_total = shifted.exp().sum(axis).log()  # (N, ...)
    if is_floating(target.dtype) and target.shape == logits.shape:
        shares = smoothed(target.as_dtype(logits.dtype), label_smoothing, axis)
        surprise = shares * (log_total.expand_dims(axis) - shifted)
        return reduced(weighted(surprise, weights, axis).sum(axis), reduction)

    labels = class_labels(target, logits, ignore_index)
    losses = log_total - labels.choose(shifted, axis)
    if weights is not None:
        losses = losses * labels.weigh(weights)
    if label_smoothing:
        classes = logits.shape[axis] if weights is None else weights.sum()
        even = log_total * classes - weighted(shifted, weights, axis).sum(axis)
        losses = losses * (1 - label_smoothing) + even * (label_smoothing / logits.shape[axis])
    return labels.reduced(losses, weights, reduction)


def smoothed(shares: Tensor, label_smoothing: float, axis: int) -> Tensor:
    """Probabilities of which a part is spread evenly over all classes."""
    if not label_smoothing:
        return shares
    return shares * (1 - label_smoothing) + label_smoothing / shares.shape[axis]


def weighted(values: Tensor, weights: Tensor | None, axis: int) -> Tensor:
    """The values of each class times its weight."""
    if weights is None:
        return values
    return values * weights.reshape(-1, *[1] * (values.ndim - axis - 1))


class CrossEntropyLoss(Loss):
    """The surprise of a classifier at the right answers, in nats.

        loss = ln(sum over c of e^input[c]) - input[target]

    The input are logits: numbers of any size, without a Softmax. Where targets are given as
    probabilities p, the loss is the sum over c of p[c] times that of class c.

    Args:
        weight: how much each class counts, or None for all alike. The mean is divided by the
            weights of the labels.
        ignore_index: labels of this value do not count.
        reduction: "mean", "sum" or "none". The mean is NaN where no label counts.
        label_smoothing: share in [0, 1] of each target that is spread evenly over all classes.

    Shapes:
        input (N, C, ...), target (N, ...) integers in [0, C) -> () or (N, ...) for "none"
        input (N, C, ...), target (N, C, ...) floating -> () or (N, ...)
        input (C,) and target () or (C,) for a single sample
        weight (C,)

    Raises:
        ShapeError: when there is not one target for each row of the input.
        KindError: when labels are neither integers nor probabilities.
        PositionError: when a label is outside the classes.

    Source: label smoothing from Szegedy et al. 2016, arXiv:1512.00567, section 7.
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)
        self.ignore_index = whole_number("ignore_index", ignore_index, -math.inf)
        self.label_smoothing = check_smoothing(label_smoothing)

    def forward(self, input: Any, target: Any) -> Tensor:
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-probability of the right answers; see `NLLLoss`.

    Shapes:
        input (N, C, ...), target (N, ...), weight (C,)
    """
    log_probabilities, target = as_tensor(input).floating(), as_tensor(target)
    weights = class_weights(weight, log_probabilities)
    advise_against_probabilities(
        log_probabilities,
        "nll_loss takes their logarithms: use LogSoftmax in the place of Softmax",
    )
    labels = class_labels(target, log_probabilities, ignore_index)
    losses = -labels.choose(log_probabilities, class_axis(log_probabilities))
    if weights is not None:
        losses = losses * labels.weigh(weights)
    return labels.reduced(losses, weights, reduction)


class NLLLoss(Loss):
    """The negative log-probability of the right answers.

        loss = -input[target]

    The input are log-probabilities, as `LogSoftmax` gives them; `CrossEntropyLoss` takes logits
    and does both in one.

    Args:
        weight: how much each class counts, or None for all alike. The mean is divided by the
            weights of the labels.
        ignore_index: labels of this value do not count.
        reduction: "mean", "sum" or "none". The mean is NaN where no label counts.

    Shapes:
        input (N, C, ...), target (N, ...) integers in [0, C) -> () or (N, ...) for "none"
        input (C,) and target () for a single sample
        weight (C,)

    Raises:
        ShapeError: when there is not one label for each row of the input.
        KindError: when labels are not integers.
        PositionError: when a label is outside the classes.
    """

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)
        self.ignore_index = whole_number("ignore_index", ignore_index, -math.inf)

    def forward(self, input: Any, target: Any) -> Tensor:
        return nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )
