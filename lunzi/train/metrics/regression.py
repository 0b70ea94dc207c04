"""How near numbers come to their targets: MAE, RMSE, R2."""

from __future__ import annotations

import math

import numpy as np

from lunzi.core.errors import ShapeError
from lunzi.core.spec import Array
from lunzi.train.metrics.metric import Metric


class MAE(Metric):
    """The mean of |target - output|, in units of the target."""

    higher_is_better = False

    def reset(self) -> None:
        self.total = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        self.total += float(np.abs(target - output).sum())
        self.count += target.size

    def value(self) -> float:
        return self.total / self.count if self.count else math.nan


class RMSE(Metric):
    """The root of the mean of (target - output)^2, in units of the target."""

    higher_is_better = False

    def reset(self) -> None:
        self.squares = 0.0
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        self.squares += float(((target - output) ** 2).sum())
        self.count += target.size

    def value(self) -> float:
        return math.sqrt(self.squares / self.count) if self.count else math.nan


class R2(Metric):
    """How much of the targets' spread the outputs explain: 1 is all, 0 as much as their mean.

        R2 = 1 - sum (target - output)^2 / sum (target - mean)^2

    With several targets a sample, the mean of the R2 of each. NaN while the targets of one are
    all equal.

    Source: for the spread, Chan, Golub and LeVeque 1983, "Algorithms for computing the sample
    variance", equation 1.5, which stays exact where the targets are large and close together.
    """

    def reset(self) -> None:
        self.residual = np.zeros(1)  # these three have a number for each target of a sample
        self.spread = np.zeros(1)
        self.mean = np.zeros(1)
        self.count = 0

    def update(self, output: Array, target: Array) -> None:
        output, target = same_shape(output, target)
        if not target.size:
            return
        output, target = (array.reshape(len(array), -1) for array in (output, target))
        if self.count and self.mean.shape != target.shape[1:]:
            raise ShapeError(
                f"earlier batches had {len(self.mean)} targets a sample, this one {target.shape[1]}"
            )
        self.residual = self.residual + ((target - output) ** 2).sum(axis=0)
        mean, count = target.mean(axis=0), len(target)
        shift, total = mean - self.mean, self.count + count
        self.spread = self.spread + ((target - mean) ** 2).sum(axis=0)
        self.spread += shift**2 * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def value(self) -> float:
        if not self.spread.all():
            return math.nan
        return float((1 - self.residual / self.spread).mean())


def same_shape(output: Array, target: Array) -> tuple[Array, Array]:
    """Both in float64 and in one shape; only axes of length 1 may be more or fewer.

    Raises:
        ShapeError: when the shapes differ otherwise.
    """
    if without_ones(output) != without_ones(target):
        raise ShapeError(f"outputs of shape {output.shape} against targets of {target.shape}")
    return output.astype(np.float64).reshape(target.shape), target.astype(np.float64)


def without_ones(array: Array) -> list[int]:
    return [length for length in array.shape if length != 1]
