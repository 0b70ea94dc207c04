"""LRScheduler: what all schedules of the learning rate share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lunzi.core.arguments import listed
from lunzi.core.errors import KindError, RangeError, StateError, StateKeyError
from lunzi.optim.group import Group, plain
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.ranges import check_count, check_number


class LRScheduler:
    """Set the learning rate of every group at each `step()`, from one rate to the next.

    A subclass states in `get_lr` the rates at `last_epoch`, the number of steps so far. Most
    of them change the rates that they find, so that two schedules on one optimiser work
    together, and a rate changed by hand stays changed. A step may be a batch or an epoch:
    the caller decides.

    Make the optimiser and its schedules first and load their states then. (PyTorch's
    `last_epoch=`, a resumption without a state, has no place here.)

    Args:
        optimizer: whose rates these are; its rates now are the schedule's `base_lrs`, or
            those that an earlier schedule found.

    Raises:
        KindError: when `optimizer` is not one of lunzi's.
    """

    counters: tuple[str, ...] = ("last_epoch",)  # what goes on from step to step

    def __init__(self, optimizer: Optimizer) -> None:
        groups = groups_of(optimizer)
        self.optimizer = optimizer
        for group in groups:
            if "initial_lr" not in group:
                group["initial_lr"] = group["lr"]
        self.base_lrs: list[float] = [group["initial_lr"] for group in groups]
        self.last_epoch = 0
        self.begin()

    def get_lr(self) -> Sequence[Any]:
        """The rate of each group at step `last_epoch`; at step 0 it is called too."""
        raise KindError(f"{type(self).__name__} has no get_lr, which gives the rates: write one")

    def begin(self) -> None:
        """Set the rates of step 0."""
        self.last_epoch = 0
        self.apply(self.get_lr())

    def restart(self) -> None:
        """Go back to step 0 and to the first rates."""
        self.apply(self.base_lrs)
        self.begin()

    def step(self) -> None:
        """Set the rates of the next step. Call it after `optimizer.step()`."""
        self.last_epoch += 1
        self.apply(self.get_lr())

    @property
    def groups(self) -> list[Group]:
        """The groups whose rates these are.

        Raises:
            StateError: when one was added since the schedule was made.
        """
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            raise StateError(
                f"the optimiser has {len(groups)} groups, and {type(self).__name__} was made for "
                f"{len(self.base_lrs)}: make it after the last add_param_group"
            )
        return groups

    def apply(self, lrs: Sequence[Any]) -> None:
        """Assign the rates to the groups."""
        for group, lr in zip(self.groups, lrs, strict=True):
            group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The rates now in force, one for each group."""
        return [float(group["lr"]) for group in self.groups]

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here, in plain numbers."""
        state = {name: getattr(self, name) for name in self.counters}
        return {**state, "base_lrs": list(self.base_lrs), "lrs": self.get_last_lr()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a saved state; the rates in force then are set too.

        Nothing changes when something does not fit.

        Raises:
            StateKeyError: when it is the state of another schedule, or of other groups.
            KindError: when something in it is not of its kind.
            RangeError: when a rate or a counter is out of its range.
        """
        self.check_state(state_dict)
        for name in self.counters:
            setattr(self, name, state_dict[name])
        self.base_lrs = list(state_dict["base_lrs"])
        self.apply(state_dict["lrs"])

    def check_state(self, state_dict: Mapping[str, Any]) -> None:
        """Raise when a state is not one to go on from."""
        wanted = self.state_dict()
        if not isinstance(state_dict, Mapping) or wanted.keys() != state_dict.keys():
            found = list(state_dict) if isinstance(state_dict, Mapping) else state_dict
            raise StateKeyError(
                f"the state of {type(self).__name__} has {list(wanted)}, got {found!r}"
            )
        for name in self.counters:
            check_counter(name, wanted[name], state_dict[name])
        count = len(self.optimizer.param_groups)
        for name in ("lrs", "base_lrs"):
            numbers = listed(name, state_dict[name])
            if len(numbers) != count:
                raise StateKeyError(
                    f"the state is of {len(numbers)} groups, the optimiser has {count}"
                )
            for number in numbers:
                check_number(f"a number of {name}", number)


def check_counter(name: str, own: Any, saved: Any) -> None:
    """Refuse for a count what is none, and for a number or None what is neither."""
    if isinstance(own, int):
        check_count(name, saved, at_least=0)
    elif isinstance(own, float | None) and not isinstance(saved, int | float | None):
        raise KindError(f"{name} is a number or None, got {saved!r}")


class FactorScheduler(LRScheduler):
    """A schedule that multiplies the rates of all groups by one factor at each step."""

    def factor(self, step: int) -> float:
        """What the rates of the step before are multiplied by; at step 0 those at hand."""
        raise KindError(f"{type(self).__name__} has no factor of the rates: write one")

    def get_lr(self) -> list[float]:
        factor = self.factor(self.last_epoch)
        return [lr * factor for lr in self.get_last_lr()]


def groups_of(optimizer: Any) -> list[Group]:
    """The groups of an optimiser; anything else is refused."""
    if not isinstance(optimizer, Optimizer):
        raise KindError(f"a schedule takes an optimiser, got {type(optimizer).__name__}")
    return optimizer.param_groups


def per_group(name: str, value: Any, optimizer: Optimizer, **limits: float) -> list[float]:
    """A number for all groups, or a list of one for each, as a list."""
    value = plain(value)
    count = len(groups_of(optimizer))
    numbers = list(value) if isinstance(value, tuple) else [value] * count
    if len(numbers) != count:
        raise RangeError(f"{name} has {len(numbers)} numbers, the optimiser {count} groups")
    for number in numbers:
        check_number(name, number, **limits)
    return numbers
