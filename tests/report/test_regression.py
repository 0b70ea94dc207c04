import math

import numpy as np
import pytest

from lunzi.core.errors import RangeError, ShapeError
from lunzi.report import Pictures, RegressionReport, Rows
from lunzi.report.regression import measure


def report(**options):
    fields = {
        "title": "Houses",
        "target": "price",
        "truth": [1.0, 2.0, 3.0, 6.0],
        "predictions": [1.0, 2.0, 4.0, 5.0],
    }
    return RegressionReport(**(fields | options))


def test_errors_by_hand():
    errors = measure(np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 2.0, 4.0, 5.0]))
    assert errors.mae == (0 + 0 + 1 + 1) / 4
    assert errors.rmse == math.sqrt((0 + 0 + 1 + 1) / 4)
    assert errors.r2 == 1 - (1 + 1) / (4 + 1 + 0 + 9)


def test_constant_truth_has_no_coefficient_of_determination():
    assert math.isnan(measure(np.full(3, 0.1), np.array([0.1, 0.2, 0.3])).r2)


def test_the_result_is_the_mean_error_in_one_sentence(parse):
    document = parse(report().page().html())
    assert document.texts("p", "figure") == ["0.5mean absolute error on the test data"]
    assert document.texts("p", "first") == [
        "Over 4 test rows, the predicted “price” is off by 0.5 on average."
    ]


def test_the_result_is_held_against_the_mean():
    _, against, explained = report().result().sentences
    # The mean is 3; it misses by 2, 1, 0 and 3.
    assert against == "Always answering 3, the mean, would be off by 1.5."
    assert explained == "The network explains 85.7% of the variance (R²)."
    assert [bar.share for bar in report().result().bars] == [0.5 / 1.5, 1.0]


def test_the_mean_is_that_of_the_training_data_if_known():
    _, against, _ = report(training_mean=2.0).result().sentences
    assert against == "Always answering 2, the mean, would be off by 1.5."


def test_a_network_that_is_no_better_than_the_mean_is_told_so():
    sentences = report(predictions=[9.0, 9.0, 9.0, 9.0]).result().sentences
    assert len(sentences) == 2
    assert sentences[1].startswith("That is no better than always answering 3, the mean")


def test_the_worst_predictions_are_listed(parse):
    rows = Rows(["town"], [["A"], ["B"], ["C"], ["D"]])
    document = parse(report(samples=rows).page().html())
    worst = document.texts("tr")[-4:]
    assert worst == ["3341C", "465−1D", "1110A", "2220B"]


def test_pictures_may_be_the_samples(parse):
    document = parse(report(samples=Pictures(np.zeros((4, 2, 2)))).page().html())
    assert [image.attributes["alt"] for image in document.all("img")] == [
        "Sample 3",
        "Sample 4",
        "Sample 1",
        "Sample 2",
    ]


def test_the_measures_stand_beside_those_of_the_mean(parse):
    rows = parse(report().page().html()).texts("tr")
    assert "Mean absolute error0.51.5" in rows
    assert "Coefficient of determination R²0.8570.000" in rows


def test_the_worst_are_ringed(parse, rng):
    truth = rng.normal(size=100)
    document = parse(report(truth=truth, predictions=truth + rng.normal(size=100)).page().html())
    assert len(document.all("circle", "ring")) == 10


def test_of_very_many_points_some_are_drawn_and_all_of_the_worst(parse, rng):
    truth = rng.normal(size=20_000)
    predictions = truth.copy()
    predictions[[11, 17]] += 5
    document = parse(report(truth=truth, predictions=predictions).page().html())
    notes = " ".join(document.texts("span", "note"))
    assert "Drawn: 5,000 of 20,000." in notes
    drawn = sum(path.attributes["d"].count("M") for path in document.all("path", "dots"))
    assert 5_000 <= drawn <= 5_010


def test_perfect_predictions_can_be_shown(parse):
    document = parse(report(predictions=[1.0, 2.0, 3.0, 6.0]).page().html())
    assert document.texts("p", "figure") == ["0mean absolute error on the test data"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"truth": [1.0]}, ShapeError, r"must both be \(n,\), got \(1,\) and \(4,\)"),
        ({"truth": [[1.0]] * 4, "predictions": [[1.0]] * 4}, ShapeError, r"got \(4, 1\)"),
        ({"truth": [], "predictions": []}, RangeError, "needs test samples, got none"),
        ({"truth": [1.0, math.nan, 1.0, 1.0]}, RangeError, "truth must be finite, 1 of 4"),
        ({"predictions": [math.inf] * 4}, RangeError, "predictions must be finite, 4 of 4"),
        ({"samples": Rows([], [])}, ShapeError, "4 samples expected"),
    ],
)
def test_refuses_what_does_not_fit_together(options, error, said):
    with pytest.raises(error, match=said):
        report(**options)
