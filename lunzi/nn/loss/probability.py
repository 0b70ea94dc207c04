"""Losses of probabilities: yes or no, and the distance of distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lunzi.core.spec import as_flag, float32, float64
from lunzi.core.tensor import Tensor
from lunzi.nn.loss.labels import advise_against_probabilities
from lunzi.nn.loss.reduction import (
    Loss,
    check_reduction,
    factor,
    in_range,
    kept_weight,
    matched,
    reduced,
)

TARGET_ADVICE = "1 stands for yes and 0 for no; several classes go with CrossEntropyLoss"


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """The surprise of a probability of yes at the answer; see `BCELoss`.

    Shapes:
        input, target (...), weight stretching to (...)
    """
    p, target = matched(input, target)
    p = in_range(
        "predictions of binary_cross_entropy",
        p,
        "Put a Sigmoid before it, or use BCEWithLogitsLoss",
        high=1.0,
    )
    target = in_range("targets of binary_cross_entropy", target, TARGET_ADVICE, high=1.0)
    losses = -(target * bounded_log(p) + (1 - target) * bounded_log(1 - p))
    if weight is not None:
        losses = losses * factor("weight", weight, p.shape, p.dtype)
    return reduced(losses, reduction)


def bounded_log(p: Tensor) -> Tensor:
    """ln p, but not below -100, and of finite slope at 0."""
    working = float64 if p.dtype == float64 else float32
    x = p.as_dtype(working)
    # Where e^-100 or the dtype's accuracy ends, so that the slope 1 / x would be infinite, a
    # line takes the place of the logarithm.
    is_tiny = (x >= 0) & (x < max(math.exp(-100), float(np.finfo(working).tiny)))
    return is_tiny.where(x * 1e12 - 100, is_tiny.where(1, x).log()).as_dtype(p.dtype)


class BCELoss(Loss):
    """Binary cross-entropy: the surprise of a probability of yes at the answer, in nats.

        loss = -(target ln(input) + (1 - target) ln(1 - input))

    The logarithms are bounded by -100, so that a certain and wrong prediction has a finite loss.
    `BCEWithLogitsLoss` has the Sigmoid built in and is exact there.

    Args:
        weight: how much each element counts, or None; it stretches to the input.
        reduction: "mean", "sum" or "none".

    Shapes:
        input (...) in [0, 1], target (...) in [0, 1] -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
        RangeError: when one of them is outside [0, 1].

    Difference: next to 0 and 1 the slope is that of the loss, up to 1e12; PyTorch's is bounded
    from |input| or |1 - input| = 1e-12 on.
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """Binary cross-entropy of logits; see `BCEWithLogitsLoss`.

    Shapes:
        input, target (...), weight and pos_weight stretching to (...)
    """
    x, target = matched(input, target)
    what = "targets of binary_cross_entropy_with_logits"
    target = in_range(what, target, TARGET_ADVICE, high=1.0)
    positives = target
    if pos_weight is not None:
        positives = target * factor("pos_weight", pos_weight, x.shape, x.dtype)
    # ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), and the same of -x. Either side of 0 takes its
    # own form as a whole, so that the gradients are right at 0 too.
    is_positive = x > 0
    rest = is_positive.where(-x, x).exp().log1p()
    for_yes = is_positive.where(0, -x) + rest
    for_no = is_positive.where(x, 0) + rest
    losses = positives * for_yes + (1 - target) * for_no
    if weight is not None:
        losses = losses * factor("weight", weight, x.shape, x.dtype)
    return reduced(losses, reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits: a Sigmoid and `BCELoss` in one, exact for any size.

        loss = pos_weight target ln(1 + e^-input) + (1 - target) ln(1 + e^input)

    Args:
        weight: how much each element counts, or None; it stretches to the input.
        reduction: "mean", "sum" or "none".
        pos_weight: how much a yes counts beside a no, or None for 1; it stretches to the input.

    Shapes:
        input (...), target (...) in [0, 1] -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
        RangeError: when a target is outside [0, 1].
    """

    def __init__(
        self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = kept_weight(weight)
        self.pos_weight = kept_weight(pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence; see `KLDivLoss`.

    Shapes:
        input, target (N, ...)
    """
    check_reduction(reduction, ("none", "mean", "batchmean", "sum"))
    log_prediction, shares = matched(input, target)
    if log_prediction.ndim > 1:
        advise_against_probabilities(
            log_prediction, "kl_div takes their logarithms, as log_softmax gives them"
        )
    if as_flag(log_target, "log_target"):
        losses = shares.exp() * (shares - log_prediction)
    else:
        shares = in_range(
            "targets of kl_div",
            shares,
            "Logarithms of probabilities go with log_target=True",
        )
        # What is impossible adds nothing, and must not meet the logarithm of 0.
        is_zero = shares.equal(0)
        distance = is_zero.where(1, shares).log() - log_prediction
        losses = is_zero.where(0, shares * distance)
    if reduction == "batchmean":
        return losses.sum() / (losses.shape[0] or math.nan if losses.ndim else 1)
    return reduced(losses, reduction)


class KLDivLoss(Loss):
    """The Kullback-Leibler divergence of the target from the prediction, in nats.

        loss = target (ln(target) - input)

    The input are log-probabilities, as `LogSoftmax` gives them.

    Args:
        reduction: "batchmean" is the divergence as mathematics has it, the sum divided by the
            number of samples; "mean" divides by the number of classes too, as in PyTorch;
            "sum" or "none".
        log_target: whether targets are log-probabilities too.

    Shapes:
        input, target (N, ...) -> () or (N, ...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
        RangeError: when a target is negative and log_target is false, where that can be seen.
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        self.reduction = check_reduction(reduction, ("none", "mean", "batchmean", "sum"))
        self.log_target = as_flag(log_target, "log_target")

    def forward(self, input: Any, target: Any) -> Tensor:
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
