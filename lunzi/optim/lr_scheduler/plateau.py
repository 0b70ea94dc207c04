"""ReduceLROnPlateau: a lower rate when a metric no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lunzi.core.errors import KindError
from lunzi.optim.group import plain
from lunzi.optim.lr_scheduler.scheduler import LRScheduler, per_group
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import check_choice, check_count, check_number


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not become better for a while.

    After more than `patience` steps without a new best, the rate becomes factor lr, at least
    min_lr. A metric counts as better when it is below best (1 - threshold), or below
    best - threshold in mode "abs"; in mode "max", when it is above best (1 + threshold) or
    best + threshold. NaN is never better.

    Args:
        optimizer: whose rates these are.
        mode: "min" for a loss, "max" for an accuracy.
        factor: above 0 and below 1.
        patience: how many steps without a new best are borne, 0 or more.
        threshold: how much better a new best must be.
        threshold_mode: "rel" or "abs".
        cooldown: steps after a change on which nothing is counted.
        min_lr: the lowest rate, or a list of one for each group.
        eps: a change of the rate that is not larger is left out.
    """

    counters = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        check_choice("mode", mode, "min", "max")
        check_choice("threshold_mode", threshold_mode, "rel", "abs")
        check_number("factor", factor, above=0.0, below=1.0)
        check_count("patience", patience, at_least=0)
        check_count("cooldown", cooldown, at_least=0)
        check_number("threshold", threshold, below=1.0 if threshold_mode == "rel" else math.inf)
        check_number("eps", eps)
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best: float | None = None
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        super().__init__(optimizer)
        self.min_lrs = per_group("min_lr", min_lr, optimizer, above=-1.0)

    def begin(self) -> None:
        """The rates stay as they are until the first metrics."""

    def step(self, metrics: Any = None) -> None:
        """Take in the metric of an epoch, a number or a tensor of one.

        Raises:
            KindError: when no metric is given.
        """
        if metrics is None:
            raise KindError("ReduceLROnPlateau needs the metric: scheduler.step(validation_loss)")
        metric = plain(metrics)
        if isinstance(metric, bool) or not isinstance(metric, int | float):
            raise KindError(f"the metric is one number, got {metrics!r}")
        self.last_epoch += 1
        if self.is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.apply(self.get_lr())
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0

    def get_lr(self) -> list[float]:
        lower = [
            max(lr * self.factor, least)
            for lr, least in zip(self.get_last_lr(), self.min_lrs, strict=True)
        ]
        return [
            new if lr - new > self.eps else lr
            for lr, new in zip(self.get_last_lr(), lower, strict=True)
        ]

    def is_better(self, metric: float) -> bool:
        """Whether the metric is a new best."""
        upwards = self.mode == "max"
        best = self.best
        if best is None:
            best = -math.inf if upwards else math.inf
        change = self.threshold if upwards else -self.threshold
        bar = best * (1.0 + change) if self.threshold_mode == "rel" else best + change
        return metric > bar if upwards else metric < bar
