"""OneCycleLR: up to a high rate and down to a very low one, momentum the other way round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lunzi.core.errors import RangeError
from lunzi.optim.lr_scheduler.scheduler import LRScheduler, per_group
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import (
    check_choice,
    check_count,
    check_flags,
    check_number,
    check_share,
)


class OneCycleLR(LRScheduler):
    """One cycle of the rate over the whole training; call `step()` after each batch.

        max_lr / div_factor  ->  max_lr  ->  max_lr / div_factor / final_div_factor

    With `three_phase` it comes down to where it began, in as many steps as it went up, and
    then to the end. Momentum (beta1 of Adam and its kind) goes from max_momentum to
    base_momentum and back. It is held in a tensor, so that no step is compiled again for it.

    Args:
        optimizer: whose rates these are; the rates that it has are replaced.
        max_lr: the highest rate, or a list of one for each group.
        total_steps: length of the cycle; else `epochs` times `steps_per_epoch`.
        epochs: how often the data are seen.
        steps_per_epoch: batches in an epoch.
        pct_start: the share of the steps on which the rate rises, 0 to 1.
        anneal_strategy: "cos" or "linear", how it goes from one level to the next.
        cycle_momentum: whether momentum moves too.
        base_momentum: the lowest momentum, or a list of one for each group.
        max_momentum: the highest momentum, or a list of one for each group.
        div_factor: the highest rate over the first.
        final_div_factor: the first rate over the last.
        three_phase: see above.

    Raises:
        RangeError: when the length is not given, or the optimiser has no momentum to move.

    Source: Smith and Topin 2018, arXiv:1708.07120; two phases and cosines: fast.ai.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        check_share("pct_start", pct_start, may_be_zero=True)
        check_choice("anneal_strategy", anneal_strategy, "cos", "linear")
        flags = {"cycle_momentum": cycle_momentum, "three_phase": three_phase}
        check_flags(flags, *flags)
        check_number("div_factor", div_factor, above=0.0)
        check_number("final_div_factor", final_div_factor, above=0.0)
        self.total_steps = total(total_steps, epochs, steps_per_epoch)
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        rise = float(pct_start * self.total_steps) - 1
        self.corners = [0.0, rise, float(self.total_steps - 1)]
        if three_phase:
            self.corners.insert(2, float(2 * pct_start * self.total_steps) - 2)
        # What rate and momentum are at each corner, for each group.
        self.lr_levels = []
        for high in per_group("max_lr", max_lr, optimizer, above=0.0):
            first = high / div_factor
            self.lr_levels.append([first, high, *[first] * three_phase, first / final_div_factor])
        self.momentum_levels = [
            [high, low, *[high] * three_phase, high]
            for low, high in zip(
                per_group("base_momentum", base_momentum, optimizer, below=1.0),
                per_group("max_momentum", max_momentum, optimizer, below=1.0),
                strict=True,
            )
        ]
        for group, levels in zip(optimizer.param_groups, self.lr_levels, strict=True):
            group["initial_lr"] = levels[0]
        if cycle_momentum:
            self.moving = momentum_name(optimizer)
            for group in optimizer.param_groups:
                group.hold(self.moving)
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise RangeError(
                f"OneCycleLR was made for {self.total_steps} steps, this is number "
                f"{self.last_epoch}: give total_steps= the number of batches of all epochs"
            )
        return [self.level(levels) for levels in self.lr_levels]

    def apply(self, lrs: Sequence[Any]) -> None:
        super().apply(lrs)
        if not self.cycle_momentum:
            return
        for group, levels in zip(self.groups, self.momentum_levels, strict=True):
            momentum = self.level(levels)
            if self.moving == "betas":
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum

    def level(self, levels: Sequence[float]) -> float:
        """What goes through these levels at the corners, at this step."""
        step, last = self.last_epoch, len(self.corners) - 1
        end = next((i for i in range(1, last) if step <= self.corners[i]), last)
        start, stop = self.corners[end - 1], self.corners[end]
        # A way of no length is over at once; behind the last corner nothing changes any more.
        done = min((step - start) / (stop - start), 1.0) if stop != start else 1.0
        a, b = levels[end - 1], levels[end]
        if self.anneal_strategy == "linear":
            return (b - a) * done + a
        return b + (a - b) / 2.0 * (math.cos(math.pi * done) + 1)


def total(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """The length of the cycle from what was given."""
    if total_steps is None:
        if epochs is None or steps_per_epoch is None:
            raise RangeError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
        check_count("epochs", epochs)
        check_count("steps_per_epoch", steps_per_epoch)
        total_steps = epochs * steps_per_epoch
    check_count("total_steps", total_steps)
    check_number("total_steps", total_steps)
    return total_steps


def momentum_name(optimizer: Optimizer) -> str:
    """The setting in which an optimiser has its momentum."""
    for name in ("betas", "momentum"):
        if name in optimizer.defaults:
            return name
    raise RangeError(
        f"{type(optimizer).__name__} has neither momentum nor betas: "
        f"write OneCycleLR(..., cycle_momentum=False)"
    )
