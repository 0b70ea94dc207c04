"""The report of a network that tells classes apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.messages import text
from lunzi.report.blocks import Bar
from lunzi.report.confusion import confusion_counts, confusion_section
from lunzi.report.mistakes import Mistakes, mistakes_section
from lunzi.report.numerals import count, percent, probability
from lunzi.report.opening import Result
from lunzi.report.page import Section
from lunzi.report.pictures import Pictures
from lunzi.report.rows import Rows
from lunzi.report.run_report import RunReport

NORMAL_QUANTILE = 1.959964  # of 0.975, for an interval of 95 %


@dataclass(frozen=True, kw_only=True)
class ClassificationReport(RunReport):
    """A run whose network tells classes apart; the other fields are those of RunReport.

    Args:
        classes: the names, in the order of the indices.
        truth: the class of each test sample, as an index.
        probabilities: of each class for each test sample, in [0, 1].
        majority: the class that was most frequent in the training data; of the test data if
            None.

    Shapes:
        truth (n,), probabilities (n, classes); samples and sample_names of length n

    Raises:
        ShapeError: when lengths or shapes do not fit together.
        KindError: when `truth` is not of whole numbers.
        RangeError: without classes or samples, for an index that names no class, for NaN.
    """

    classes: Sequence[str]
    truth: ArrayLike
    probabilities: ArrayLike
    majority: int | None = None

    def __post_init__(self) -> None:
        truth, probabilities = np.asarray(self.truth), np.asarray(self.probabilities)
        _check_shapes(truth, probabilities, len(self.classes))
        _check_values(truth, probabilities, len(self.classes))
        if self.majority is not None and not 0 <= self.majority < len(self.classes):
            raise RangeError(f"majority must be the index of a class, got {self.majority}")
        self.check_samples(len(truth))

    def result(self) -> Result:
        counts = self._counts()
        total, right = int(counts.sum()), int(np.trace(counts))
        of_each = counts.sum(axis=1)
        usual = int(of_each.argmax()) if self.majority is None else self.majority
        by_chance = int(of_each[usual])
        low, high = wilson_interval(right, total)
        return Result(
            figure=percent(right, total),
            of_what=text("reports.accuracy_on_test_data"),
            sentences=[
                self._sentence(right, total),
                self._against_majority(right, by_chance, total, self.classes[usual]),
                text("reports.interval", low=probability(low), high=probability(high)),
            ],
            measures=text("reports.accuracy"),
            bars=[
                Bar(text("reports.this_network"), percent(right, total), right / total, "right"),
                Bar(
                    text("reports.majority_class"),
                    percent(by_chance, total),
                    by_chance / total,
                    "other",
                ),
            ],
        )

    def result_sections(self) -> list[Section]:
        counts = self._counts()
        truth, probabilities = self._arrays()
        wrong = int(counts.sum() - np.trace(counts))
        names = self.names(len(truth))
        mistakes = Mistakes(self.classes, truth, probabilities, names, self.samples)
        return [
            Section(text("reports.confusion"), confusion_section(counts, self.classes)),
            Section(text("reports.mistakes", number=count(wrong)), mistakes_section(mistakes)),
        ]

    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        truth, probabilities = np.asarray(self.truth), np.asarray(self.probabilities)
        return truth.astype(np.int64), probabilities.astype(np.float64)

    def _counts(self) -> NDArray[np.int64]:
        truth, probabilities = self._arrays()
        return confusion_counts(truth, probabilities.argmax(axis=1), len(self.classes))

    def _sentence(self, right: int, total: int) -> str:
        fields = {"right": count(right), "total": count(total)}
        match self.samples:
            case Pictures():
                return text("reports.right_images", **fields)
            case Rows():
                return text("reports.right_rows", **fields)
        return text("reports.right_samples", **fields)

    @staticmethod
    def _against_majority(right: int, by_chance: int, total: int, usual: str) -> str:
        share = percent(by_chance, total)
        if right > by_chance:
            return text("reports.above_majority", name=usual, share=share)
        return text("reports.below_majority", name=usual, share=share)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The range of true rates, in [0, 1], that `right` of `total` is compatible with at 95 %.

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    where p = right / n and z is the normal distribution's quantile of 0.975.

    Source: Wilson 1927, Journal of the American Statistical Association 22, p. 209.
    """
    rate, square = right / total, NORMAL_QUANTILE**2
    middle = rate + square / (2 * total)
    reach = NORMAL_QUANTILE * math.sqrt(rate * (1 - rate) / total + square / (4 * total * total))
    scale = 1 + square / total
    # At the ends the formula gives 0 and 1, but for rounding.
    low = (middle - reach) / scale if right > 0 else 0.0
    high = (middle + reach) / scale if right < total else 1.0
    return low, high


def _check_shapes(
    truth: NDArray[np.generic], probabilities: NDArray[np.generic], classes: int
) -> None:
    if probabilities.ndim != 2 or probabilities.shape[1] != classes:
        raise ShapeError(
            f"probabilities must be (n, {classes}), a column for each class, "
            f"got {probabilities.shape}"
        )
    if truth.shape != probabilities.shape[:1]:
        raise ShapeError(
            f"truth must be ({len(probabilities)},), a class for each row of probabilities, "
            f"got {truth.shape}"
        )
    if probabilities.size == 0:
        raise RangeError(f"a report needs classes and test samples, got {probabilities.shape}")


def _check_values(
    truth: NDArray[np.generic], probabilities: NDArray[np.generic], classes: int
) -> None:
    if truth.dtype.kind not in "iu":
        raise KindError(f"truth must be indices of classes, got {truth.dtype}")
    indices = truth.astype(np.int64)
    if indices.min() < 0 or indices.max() >= classes:
        raise RangeError(
            f"truth must be in 0 to {classes - 1}, got {indices.min()} to {indices.max()}"
        )
    values = probabilities.astype(np.float64)
    # Rounding in float16 lets the largest of a softmax end a little above 1.
    if not np.all((values >= 0) & (values <= 1.001)):
        raise RangeError(
            "probabilities must be in [0, 1] and none of them NaN, "
            f"got {np.nanmin(values)} to {np.nanmax(values)}, {int(np.isnan(values).sum())} NaN"
        )
