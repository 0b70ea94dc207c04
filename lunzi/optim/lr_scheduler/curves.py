"""Rates that follow a curve: LinearLR, CosineAnnealingLR, LambdaLR."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lunzi.core.errors import KindError, RangeError
from lunzi.optim.group import plain
from lunzi.optim.lr_scheduler.scheduler import FactorScheduler, LRScheduler, groups_of
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import check_count, check_number, check_share


class LinearLR(FactorScheduler):
    """Go in a straight line from one share of the rate to another: a warm-up.

        lr(t) = base_lr (start_factor + (end_factor - start_factor) min(t / total_iters, 1))

    Args:
        optimizer: whose rates these are.
        start_factor: share at step 0, above 0 and at most 1.
        end_factor: share at the end, 0 to 1.
        total_iters: length of the line, in steps, 1 or more.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        check_share("start_factor", start_factor)
        check_share("end_factor", end_factor, may_be_zero=True)
        check_count("total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer)

    def factor(self, step: int) -> float:
        if not step:
            return self.start_factor
        if step > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (step - 1) * rise)


class CosineAnnealingLR(LRScheduler):
    """Go down half a wave of a cosine.

        lr(t) = eta_min + (base_lr - eta_min) (1 + cos(pi t / T_max)) / 2

    Behind T_max the rate rises again, as the cosine does.

    Args:
        optimizer: whose rates these are.
        T_max: length of the way down, in steps, 1 or more.
        eta_min: the lowest rate, 0 or more.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5, without restarts.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  # PyTorch's name
        eta_min: float = 0.0,
    ) -> None:
        check_count("T_max", T_max)
        check_number("eta_min", eta_min)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        lrs = self.get_last_lr()
        step, turn = self.last_epoch, self.T_max
        if not step:
            return lrs
        if (step - 1 - turn) % (2 * turn) == 0:
            # Out of the lowest point, where the ratio below would be 0 / 0.
            rise = (1 - math.cos(math.pi / turn)) / 2
            return [
                lr + (base - self.eta_min) * rise
                for lr, base in zip(lrs, self.base_lrs, strict=True)
            ]
        ratio = (1 + math.cos(math.pi * step / turn)) / (1 + math.cos(math.pi * (step - 1) / turn))
        return [ratio * (lr - self.eta_min) + self.eta_min for lr in lrs]


class LambdaLR(LRScheduler):
    """Multiply the first rate by any function of the step.

        lr(t) = base_lr lr_lambda(t)

    A function is not part of `state_dict`: give the same one when you go on from a state.

    Args:
        optimizer: whose rates these are.
        lr_lambda: of the number of the step, or a list of one for each group.

    Raises:
        KindError: when it cannot be called.
        RangeError: when there are not as many functions as groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
    ) -> None:
        groups = len(groups_of(optimizer))
        functions: list[Any] = (
            list(lr_lambda) if isinstance(lr_lambda, Sequence) else [lr_lambda] * groups
        )
        for function in functions:
            if not callable(function):
                raise KindError(f"lr_lambda is a function of the step, got {function!r}")
        if len(functions) != groups:
            raise RangeError(f"lr_lambda has {len(functions)} functions for {groups} groups")
        self.lr_lambdas = functions
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        factors = [plain(function(self.last_epoch)) for function in self.lr_lambdas]
        for factor in factors:
            check_number("what lr_lambda gives", factor, at_least=-math.inf)
        return [base * factor for base, factor in zip(self.base_lrs, factors, strict=True)]
