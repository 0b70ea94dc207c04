"""Losses of numbers: how far a prediction is from the number it should be."""

from __future__ import annotations

from typing import Any

from lunzi.core.arguments import real_number
from lunzi.core.tensor import Tensor
from lunzi.nn.loss.reduction import Loss, matched, reduced


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The squared error; see `MSELoss`. Shapes: input, target (...)."""
    prediction, target = matched(input, target)
    return reduced((prediction - target).square(), reduction)


class MSELoss(Loss):
    """The squared error, whose best constant prediction is the mean of the targets.

        loss = (input - target)^2

    Args:
        reduction: "mean", "sum" or "none".

    Shapes:
        input (...), target (...) -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return mse_loss(input, target, reduction=self.reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The absolute error; see `L1Loss`. Shapes: input, target (...)."""
    prediction, target = matched(input, target)
    return reduced((prediction - target).abs(), reduction)


class L1Loss(Loss):
    """The absolute error, whose best constant prediction is the median of the targets.

        loss = |input - target|

    Args:
        reduction: "mean", "sum" or "none".

    Shapes:
        input (...), target (...) -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        return l1_loss(input, target, reduction=self.reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Squared near the target, absolute far from it; see `HuberLoss`. Shapes: (...)."""
    check_delta(delta)
    prediction, target = matched(input, target)
    error = prediction - target
    # With c the error kept within delta, c (error - c / 2) is both pieces in one, whose gradient
    # is c. Squares of large errors, which may overflow, are not met.
    near = error.clip(-delta, delta)
    return reduced(near * (error - near * 0.5), reduction)


def check_delta(delta: float) -> float:
    return real_number("delta", delta, above=0)


class HuberLoss(Loss):
    """The squared error near the target and the absolute error far from it.

        loss = error^2 / 2                      for |error| <= delta, error = input - target
        loss = delta (|error| - delta / 2)      beyond

    Args:
        reduction: "mean", "sum" or "none".
        delta: where the two meet, above 0, in units of the targets.

    Shapes:
        input (...), target (...) -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
        RangeError: when delta is not above 0.

    Source: Huber 1964, "Robust estimation of a location parameter".
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = check_delta(delta)

    def forward(self, input: Any, target: Any) -> Tensor:
        return huber_loss(input, target, self.reduction, self.delta)


def smooth_l1_loss(
    input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """The absolute error with a rounded corner; see `SmoothL1Loss`. Shapes: (...)."""
    if not check_beta(beta):
        return l1_loss(input, target, reduction=reduction)
    prediction, target = matched(input, target)
    error = prediction - target
    near = error.clip(-beta, beta)  # as in huber_loss
    return reduced(near / beta * (error - near * 0.5), reduction)


def check_beta(beta: float) -> float:
    return real_number("beta", beta)


class SmoothL1Loss(Loss):
    """The absolute error with a rounded corner at 0: the Huber loss divided by its bound.

        loss = error^2 / (2 beta)      for |error| <= beta, error = input - target
        loss = |error| - beta / 2      beyond

    Args:
        reduction: "mean", "sum" or "none".
        beta: where the two meet, 0 or more, in units of the targets; 0 is `L1Loss`.

    Shapes:
        input (...), target (...) -> () or (...) for "none"

    Raises:
        ShapeError: when target and input differ in shape.
        RangeError: when beta is negative.

    Source: Girshick 2015, arXiv:1504.08083, equation 3.
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.beta = check_beta(beta)

    def forward(self, input: Any, target: Any) -> Tensor:
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)
