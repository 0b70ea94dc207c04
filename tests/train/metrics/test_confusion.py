import math

import numpy as np
import pytest

from lunzi.core.errors import RangeError, ShapeError, StateKeyError
from lunzi.train import F1, ConfusionMatrix, Precision, Recall

GUESSES = np.array([0, 0, 1, 1, 2, 2, 2, 0])
TRUTH = np.array([0, 1, 1, 1, 2, 0, 2, 0])
SCORES = np.eye(3)[GUESSES]


def gathered(metric, scores=SCORES, truth=TRUTH, parts=3):
    for part in np.array_split(np.arange(len(truth)), parts):
        metric.update(np.asarray(scores)[part], np.asarray(truth)[part])
    return metric


def test_rows_are_true_classes_and_columns_predicted_ones():
    metric = gathered(ConfusionMatrix(3))
    assert metric.counts.tolist() == [[2, 0, 1], [1, 2, 0], [0, 0, 2]]
    assert metric.value() == 0.75


def test_precision_recall_and_f1_of_each_class():
    precision, recall, f1 = gathered(ConfusionMatrix(3)).per_class()
    np.testing.assert_allclose(precision, [2 / 3, 1, 2 / 3])
    np.testing.assert_allclose(recall, [2 / 3, 2 / 3, 1])
    np.testing.assert_allclose(f1, [2 / 3, 0.8, 0.8])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Precision(3), (2 / 3 + 1 + 2 / 3) / 3),
        (Recall(3), (2 / 3 + 2 / 3 + 1) / 3),
        (F1(3), (2 / 3 + 0.8 + 0.8) / 3),
        (Precision(3, of=1), 1),
        (Recall(3, of=1), 2 / 3),
        (F1(3, of=2), 0.8),
    ],
)
def test_scores_are_of_one_class_or_the_mean_of_all(metric, expected):
    assert gathered(metric).value() == pytest.approx(expected)


def test_classes_that_never_occur_do_not_count():
    metric = gathered(F1(5), np.eye(5)[[0, 0, 1, 1]], [0, 1, 1, 1], parts=1)
    assert metric.value() == pytest.approx((2 / 3 + 0.8) / 2)
    _, recall, _ = metric.per_class()
    assert recall.tolist() == [1, pytest.approx(2 / 3), 0, 0, 0]


@pytest.mark.parametrize("metric", [ConfusionMatrix(3), F1(3), F1(3, of=1)])
def test_before_the_first_batch_there_is_no_figure(metric):
    assert math.isnan(metric.value())
    gathered(metric).reset()
    assert math.isnan(metric.value())


def test_a_single_output_tells_two_classes_apart():
    metric = ConfusionMatrix(2)
    metric.update(np.array([[2.0], [-1.0], [3.0]]), np.array([[1.0], [1.0], [0.0]]))
    assert metric.counts.tolist() == [[0, 1], [1, 1]]
    metric = Recall(2, of=1, threshold=0.5)
    metric.update(np.array([0.7, 0.2]), np.array([1, 1]))
    assert metric.value() == 0.5


def test_a_state_goes_on():
    metric, other = gathered(F1(3)), F1(3)
    other.load_state_dict(metric.state_dict())
    assert other.value() == metric.value()
    metric.update(SCORES, TRUTH)
    assert other.counts.sum() == 8


@pytest.mark.parametrize("state", [F1(4).state_dict(), {}, {"counts": np.zeros((3, 3))}])
def test_the_state_of_another_metric_is_refused(state):
    with pytest.raises(StateKeyError, match="the state of F1 has"):
        F1(3).load_state_dict(state)


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda: ConfusionMatrix(1), RangeError, "2 classes or more, got 1"),
        (lambda: F1(3, of=3), RangeError, r"of is a class in \[0, 3\) or 'macro', got 3"),
        (lambda: F1(3, of="micro"), RangeError, "got 'micro'"),
        (lambda: gathered(F1(2)), ShapeError, r"F1\(2\) got outputs of shape \(3, 3\)"),
        (
            lambda: gathered(ConfusionMatrix(3), truth=TRUTH + 1, parts=1),
            RangeError,
            r"classes lie in \[0, 3\), got 1 to 3",
        ),
        (lambda: gathered(ConfusionMatrix(3), truth=TRUTH - 1), RangeError, "got -1 to 0"),
    ],
)
def test_what_does_not_fit_is_explained(action, error, message):
    with pytest.raises(error, match=message):
        action()


@pytest.mark.parametrize("samples", [5, 300])
def test_agrees_with_scikit_learn(rng, samples):
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, truth = rng.standard_normal((samples, 6)), rng.integers(0, 6, samples)
    guess = scores.argmax(axis=1)
    matrix = gathered(ConfusionMatrix(6), scores, truth)
    assert (matrix.counts == sklearn.confusion_matrix(truth, guess, labels=range(6))).all()
    options = {"average": "macro", "zero_division": 0}
    scorers = {
        Precision: sklearn.precision_score,
        Recall: sklearn.recall_score,
        F1: sklearn.f1_score,
    }
    for kind, scorer in scorers.items():
        found = gathered(kind(6), scores, truth).value()
        assert found == pytest.approx(scorer(truth, guess, **options), rel=1e-14)
        of_two = gathered(kind(6, of=2), scores, truth).value()
        expected = scorer(truth, guess, labels=[2], average=None, zero_division=0)[0]
        assert of_two == pytest.approx(expected, rel=1e-14)
