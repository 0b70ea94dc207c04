"""The report of a network that predicts a number."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.errors import RangeError, ShapeError
from lunzi.messages import text
from lunzi.report.blocks import Bar, cell, figure, head_cell, number_cell, paragraph, table
from lunzi.report.charts import histogram, scatter_chart
from lunzi.report.markup import Html, element, join
from lunzi.report.numerals import count, number, score
from lunzi.report.opening import Result
from lunzi.report.page import Section
from lunzi.report.pictures import Pictures
from lunzi.report.rows import Rows
from lunzi.report.run_report import RunReport

WORST = 10
MOST_POINTS = 5_000
DIGITS = 6  # of values that stand in the data


@dataclass(frozen=True)
class Errors:
    """How far numbers are from the truth.

        mae = mean |prediction - truth|
        rmse = sqrt(mean (prediction - truth)^2)
        r2 = 1 - sum (prediction - truth)^2 / sum (truth - mean(truth))^2

    r2 is NaN when all true values are the same.
    """

    mae: float
    rmse: float
    r2: float


@dataclass(frozen=True, kw_only=True)
class RegressionReport(RunReport):
    """A run whose network predicts a number; the other fields are those of RunReport.

    Args:
        target: the name of what is predicted, with its unit if it has one.
        truth: the true numbers of the test samples.
        predictions: the predicted ones.
        training_mean: the mean of the training targets, which the network is held against;
            the mean of `truth` if None.

    Shapes:
        truth, predictions (n,); samples and sample_names of length n

    Raises:
        ShapeError: when lengths or shapes do not fit together.
        RangeError: without samples, or for numbers that are NaN or infinite.
    """

    target: str
    truth: ArrayLike
    predictions: ArrayLike
    training_mean: float | None = None

    def __post_init__(self) -> None:
        truth, predictions = np.asarray(self.truth), np.asarray(self.predictions)
        if truth.ndim != 1 or truth.shape != predictions.shape:
            raise ShapeError(
                "truth and predictions must both be (n,), "
                f"got {truth.shape} and {predictions.shape}"
            )
        if truth.size == 0:
            raise RangeError("a report needs test samples, got none")
        for name, values in (("truth", truth), ("predictions", predictions)):
            if broken := int(np.sum(~np.isfinite(values.astype(np.float64)))):
                raise RangeError(f"{name} must be finite, {broken} of {len(values)} are not")
        self.check_samples(len(truth))

    def result(self) -> Result:
        truth, predictions = self._arrays()
        errors, baseline = measure(truth, predictions), measure(truth, self._mean_answers())
        code = "reports.above_mean" if errors.mae < baseline.mae else "reports.below_mean"
        largest = max(errors.mae, baseline.mae) or 1.0
        explained = number(100 * errors.r2) if errors.r2 > 0 else ""
        return Result(
            figure=number(errors.mae),
            of_what=text("reports.mean_error_on_test_data"),
            sentences=[
                text(
                    "reports.misses_by",
                    target=self.target,
                    error=number(errors.mae),
                    total=count(len(truth)),
                ),
                text(code, mean=number(self._mean(), 4), error=number(baseline.mae)),
                *([text("reports.explains", share=explained)] if explained else []),
            ],
            measures=text("reports.mae"),
            bars=[
                Bar(
                    text("reports.this_network"), number(errors.mae), errors.mae / largest, "right"
                ),
                Bar(
                    text("reports.always_mean"),
                    number(baseline.mae),
                    baseline.mae / largest,
                    "other",
                ),
            ],
        )

    def result_sections(self) -> list[Section]:
        return [
            Section(text("reports.errors"), self._errors_section()),
            Section(text("reports.worst"), self._worst_section()),
        ]

    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.asarray(self.truth, np.float64), np.asarray(self.predictions, np.float64)

    def _mean(self) -> float:
        truth, _ = self._arrays()
        return float(truth.mean()) if self.training_mean is None else self.training_mean

    def _mean_answers(self) -> NDArray[np.float64]:
        return np.full(len(self._arrays()[0]), self._mean())

    def _worst(self) -> list[int]:
        truth, predictions = self._arrays()
        order = np.argsort(-np.abs(predictions - truth), kind="stable")
        return [int(index) for index in order[:WORST]]

    def _errors_section(self) -> Html:
        truth, predictions = self._arrays()
        scatter = figure(text("reports.scatter"), self._scatter_note(len(truth)), self._scatter())
        residuals = figure(
            text("reports.residuals"),
            text("reports.residuals_note"),
            histogram(
                predictions - truth,
                label=text("reports.residuals"),
                x_name=text("reports.prediction_minus_truth"),
            ),
        )
        measures = figure(text("reports.measures"), "", self._measures_table())
        return join(element("div", scatter, residuals, class_="charts"), measures)

    def _scatter_note(self, total: int) -> str:
        ringed = min(WORST, total)
        if total <= MOST_POINTS:
            return text("reports.scatter_note", ringed=ringed)
        shown = count(MOST_POINTS)
        return text("reports.scatter_note_some", ringed=ringed, shown=shown, total=count(total))

    def _scatter(self) -> Html:
        truth, predictions = self._arrays()
        # Evenly through the file, and the worst ones besides.
        chosen = np.linspace(0, len(truth) - 1, min(len(truth), MOST_POINTS)).astype(np.int64)
        chosen = np.unique(np.append(chosen, self._worst()))
        ringed = np.flatnonzero(np.isin(chosen, self._worst()))
        return scatter_chart(
            truth[chosen],
            predictions[chosen],
            label=text("reports.scatter"),
            x_name=text("reports.true_value"),
            y_name=text("reports.predicted_value"),
            ringed=[int(index) for index in ringed],
        )

    def _measures_table(self) -> Html:
        truth, predictions = self._arrays()
        ours, mean = measure(truth, predictions), measure(truth, self._mean_answers())
        heads = [
            head_cell(text("reports.measure")),
            head_cell(text("reports.this_network"), "number"),
            head_cell(text("reports.always_mean"), "number"),
        ]
        rows = [
            [head_cell(name, row=True), number_cell(a), number_cell(b)]
            for name, a, b in (
                (text("reports.mae"), number(ours.mae), number(mean.mae)),
                (text("reports.rmse"), number(ours.rmse), number(mean.rmse)),
                (text("reports.r2"), score(ours.r2), score(mean.r2)),
            )
        ]
        return table(text("reports.measures"), heads, rows)

    def _worst_section(self) -> Html:
        truth, predictions = self._arrays()
        names = self.names(len(truth))
        heads = [
            head_cell(text("reports.sample")),
            head_cell(text("reports.truth"), "number"),
            head_cell(text("reports.prediction"), "number"),
            head_cell(text("reports.error"), "number"),
            *_sample_heads(self.samples),
        ]
        cells = [
            [
                head_cell(names[index], row=True),
                number_cell(number(truth[index], DIGITS)),
                number_cell(number(predictions[index], DIGITS)),
                number_cell(number(predictions[index] - truth[index], 4)),
                *_sample_cells(self.samples, index, names[index]),
            ]
            for index in self._worst()
        ]
        return join(
            paragraph(text("reports.worst_note"), kind="lead"),
            table(text("reports.worst"), heads, cells, kind="wide"),
        )


def measure(truth: NDArray[np.float64], predictions: NDArray[np.float64]) -> Errors:
    """The errors of predictions."""
    misses = predictions - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    square = float(np.sum(misses**2))
    return Errors(
        mae=float(np.mean(np.abs(misses))),
        rmse=math.sqrt(square / len(truth)),
        r2=1 - square / spread if np.ptp(truth) > 0 else math.nan,
    )


def _sample_heads(samples: Pictures | Rows | None) -> list[Html]:
    match samples:
        case Pictures():
            return [head_cell(text("reports.picture"))]
        case Rows():
            return samples.heads()
    return []


def _sample_cells(samples: Pictures | Rows | None, index: int, name: str) -> list[Html]:
    match samples:
        case Pictures():
            return [cell(samples.show(index, text("reports.sample_alt", name=name)))]
        case Rows():
            return samples.cells(index)
    return []
