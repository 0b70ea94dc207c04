import numpy as np
import pytest

from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.report import ClassificationReport, Pictures, Rows
from lunzi.report.classification import wilson_interval


def report(**options):
    fields = {
        "title": "Animals",
        "classes": ["cat", "dog"],
        "truth": [0, 0, 0, 1],
        "probabilities": [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]],
    }
    return ClassificationReport(**(fields | options))


def test_the_result_is_the_accuracy_in_one_sentence(parse):
    document = parse(report().page().html())
    assert document.texts("p", "figure") == ["75%accuracy on the test data"]
    (first,) = document.texts("p", "first")
    assert first == "The network named the right class for 3 of 4 test samples."
    assert document.texts("title")[0] == "Animals · 75%"


def test_the_result_is_held_against_the_most_frequent_class():
    _, against, _ = report().result().sentences
    assert against == (
        "That is no better than always answering “cat”, the most frequent class, which is right "
        "75% of the time."
    )


def test_the_most_frequent_class_is_that_of_the_training_data_if_known():
    _, against, _ = report(majority=1).result().sentences
    assert against == (
        "Always answering “dog”, the most frequent class, would be right 25% of the time."
    )
    assert [bar.share for bar in report(majority=1).result().bars] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("samples", "word"),
    [(Pictures(np.zeros((4, 2, 2))), "images"), (Rows([], [[]] * 4), "rows"), (None, "samples")],
)
def test_the_sentence_names_what_was_classified(samples, word):
    assert report(samples=samples).result().sentences[0].endswith(f"of 4 test {word}.")


def test_the_sections_follow_each_other(parse):
    history = [{"epoch": 1, "loss": 1.0}]
    facts = {"history": history}
    assert parse(report(**facts).page().html()).texts("h2") == [
        "How it learned",
        "What it confuses",
        "All mistakes: 1",
    ]


def test_samples_are_counted_from_one_unless_they_have_names(parse):
    assert "3" in parse(report().page().html()).texts("th")
    named = report(sample_names=["line 2", "line 3", "line 4", "line 5"])
    assert "line 4" in parse(named.page().html()).texts("th")


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # From the table of Brown, Cai and DasGupta 2001, Statistical Science 16, p. 101, and by hand.
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (886, 899, 0.9754, 0.9915),
    ],
)
def test_the_interval_agrees_with_known_values(right, total, low, high):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"probabilities": [[1.0]] * 4}, ShapeError, r"must be \(n, 2\).*got \(4, 1\)"),
        ({"probabilities": [0.5] * 4}, ShapeError, r"must be \(n, 2\).*got \(4,\)"),
        ({"truth": [0, 1]}, ShapeError, r"truth must be \(4,\).*got \(2,\)"),
        ({"truth": [[0], [0], [0], [1]]}, ShapeError, r"truth must be \(4,\).*got \(4, 1\)"),
        ({"truth": [0.0, 0.0, 0.0, 1.0]}, KindError, "indices of classes, got float64"),
        ({"truth": [0, 0, 0, 2]}, RangeError, "in 0 to 1, got 0 to 2"),
        ({"truth": [0, 0, 0, -1]}, RangeError, "in 0 to 1, got -1 to 0"),
        ({"probabilities": [[np.nan, 1.0]] * 4}, RangeError, "4 NaN"),
        ({"probabilities": [[2.0, -1.0]] * 4}, RangeError, "got -1.0 to 2.0"),
        ({"truth": [], "probabilities": np.empty((0, 2))}, RangeError, "needs classes and test"),
        ({"majority": 2}, RangeError, "majority must be the index of a class, got 2"),
        ({"samples": Rows([], [])}, ShapeError, "4 samples expected, one a prediction, got 0"),
        ({"sample_names": ["a"]}, ShapeError, "4 sample_names expected, one a prediction, got 1"),
    ],
)
def test_refuses_what_does_not_fit_together(options, error, said):
    with pytest.raises(error, match=said):
        report(**options)
