"""Metric: what all figures of merit share."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from lunzi.core.errors import StateKeyError
from lunzi.core.spec import Array


class Metric:
    """A figure gathered over batches: subclasses state `reset`, `update` and `value`.

    All attributes together are the state, so that a checkpoint in the middle of an epoch can
    hold it: numbers, texts, arrays, and lists and dicts of them.

    >>> class Largest(Metric):
    ...     def reset(self):
    ...         self.largest = 0.0
    ...     def update(self, output, target):
    ...         self.largest = max(self.largest, float(abs(target - output).max()))
    ...     def value(self):
    ...         return self.largest
    """

    higher_is_better = True

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(self, output: Array, target: Array) -> None:
        """Take a batch into account."""
        raise NotImplementedError

    def value(self) -> float:
        """The figure for all batches so far; NaN before the first."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """A copy of what was gathered so far."""
        return copy.deepcopy(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what was gathered before.

        Raises:
            StateKeyError: when it is the state of another metric.
        """
        if set(state) != set(vars(self)):
            raise StateKeyError(
                f"the state of {type(self).__name__} has {sorted(vars(self))}, got {sorted(state)}"
            )
        vars(self).update(copy.deepcopy(dict(state)))
