"""SequentialLR: one schedule after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from lunzi.core.arguments import listed
from lunzi.core.errors import KindError, RangeError, StateKeyError
from lunzi.optim.lr_scheduler.plateau import ReduceLROnPlateau
from lunzi.optim.lr_scheduler.scheduler import LRScheduler
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import check_count


class SequentialLR(LRScheduler):
    """Follow one schedule up to a milestone and then the next, each from its own beginning.

    Args:
        optimizer: whose rates these are.
        schedulers: the schedules, all of this optimiser.
        milestones: the steps at which the second, third, ... begins, rising.

    Raises:
        KindError: when something else than a schedule is given, or one that needs a metric.
        RangeError: when the numbers of schedules and milestones do not fit.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        self.schedulers: list[LRScheduler] = listed("schedulers", schedulers)
        self.milestones = listed("milestones", milestones)
        for place, scheduler in enumerate(self.schedulers):
            refuse_unfit(scheduler, f"schedulers[{place}]", optimizer)
        if len(self.milestones) != len(self.schedulers) - 1:
            raise RangeError(
                f"SequentialLR needs one milestone less than schedules, got "
                f"{len(self.schedulers)} schedules and milestones {self.milestones}"
            )
        for milestone in self.milestones:
            check_count("a milestone", milestone)
        if self.milestones != sorted(self.milestones):
            raise RangeError(f"milestones rise, got {self.milestones}")
        super().__init__(optimizer)

    @property
    def current(self) -> LRScheduler:
        """The schedule that is followed at this step."""
        return self.schedulers[bisect_right(self.milestones, self.last_epoch)]

    def begin(self) -> None:
        self.last_epoch = 0
        self.current.restart()

    def step(self) -> None:
        """Set the rates of the next step. Call it after `optimizer.step()`."""
        self.last_epoch += 1
        if self.last_epoch in self.milestones:
            self.current.restart()
        else:
            self.current.step()

    def state_dict(self) -> dict[str, Any]:
        inner = [scheduler.state_dict() for scheduler in self.schedulers]
        return {**super().state_dict(), "schedulers": inner}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(state)
        # Each has set what it left; only one of them is followed.
        self.current.apply(state_dict["lrs"])

    def check_state(self, state_dict: Mapping[str, Any]) -> None:
        super().check_state(state_dict)
        inner = listed("schedulers", state_dict["schedulers"])
        if len(inner) != len(self.schedulers):
            raise StateKeyError(
                f"the state is of {len(inner)} schedules in a row, this one has "
                f"{len(self.schedulers)}"
            )
        for scheduler, state in zip(self.schedulers, inner, strict=True):
            scheduler.check_state(state)


def refuse_unfit(scheduler: Any, place: str, optimizer: Optimizer) -> None:
    """Refuse what cannot be one of several schedules of this optimiser."""
    if not isinstance(scheduler, LRScheduler):
        raise KindError(f"{place} is a schedule, got {type(scheduler).__name__}")
    if isinstance(scheduler, ReduceLROnPlateau):
        raise KindError(f"{place} is ReduceLROnPlateau, which needs a metric at each step")
    if scheduler.optimizer is not optimizer:
        raise RangeError(f"{place} ({type(scheduler).__name__}) belongs to another optimiser")
