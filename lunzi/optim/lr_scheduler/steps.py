"""Rates that change at single steps: StepLR, MultiStepLR, ExponentialLR, ConstantLR."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lunzi.core.arguments import listed
from lunzi.optim.lr_scheduler.scheduler import FactorScheduler
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import check_count, check_number, check_share


class StepLR(FactorScheduler):
    """Multiply the rate by gamma every `step_size` steps.

        lr(t) = base_lr gamma^floor(t / step_size)

    Args:
        optimizer: whose rates these are.
        step_size: steps between two changes, 1 or more.
        gamma: the factor, above 0.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        check_count("step_size", step_size)
        check_number("gamma", gamma, above=0.0)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma if step and step % self.step_size == 0 else 1.0


class MultiStepLR(FactorScheduler):
    """Multiply the rate by gamma at each milestone.

        lr(t) = base_lr gamma^n, n the number of milestones up to t

    Args:
        optimizer: whose rates these are.
        milestones: the steps, 0 or more; one that stands twice counts twice.
        gamma: the factor, above 0.
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        steps = listed("milestones", milestones)
        for milestone in steps:
            check_count("a milestone", milestone, at_least=0)
        self.milestones = Counter(steps)
        check_number("gamma", gamma, above=0.0)
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma ** self.milestones[step]


class ExponentialLR(FactorScheduler):
    """Multiply the rate by gamma at every step.

        lr(t) = base_lr gamma^t

    Args:
        optimizer: whose rates these are.
        gamma: the factor, above 0.
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        check_number("gamma", gamma, above=0.0)
        self.gamma = gamma
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        return self.gamma if step else 1.0


class ConstantLR(FactorScheduler):
    """Keep the rate lower for the first steps.

        lr(t) = base_lr factor for t < total_iters, then base_lr

    Args:
        optimizer: whose rates these are.
        factor: above 0 and at most 1.
        total_iters: length of the lower part, in steps, 1 or more.
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5) -> None:
        check_share("factor", factor)
        check_count("total_iters", total_iters)
        self.low = factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        if step == self.total_iters:
            return 1.0 / self.low
        return 1.0 if step else self.low
