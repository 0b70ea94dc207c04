import math

import numpy as np
import pytest

from lunzi.core.advice import LunziWarning
from lunzi.core.errors import RangeError, ShapeError
from lunzi.train import Accuracy, TopK

SCORES = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 5.0], [1.0, 2.0, 9.0], [4.0, 0.0, 1.0]])


def accuracy(output, target, **arguments):
    metric = Accuracy(**arguments)
    metric.update(np.asarray(output), np.asarray(target))
    return metric.value()


def test_accuracy_is_the_share_that_is_right():
    assert accuracy(SCORES, [0, 1, 0, 0]) == 0.75  # of equal scores the first counts


def test_accuracy_gathers_batches_by_their_size():
    metric = Accuracy()
    metric.update(SCORES[:1], np.array([0]))
    metric.update(SCORES[1:], np.array([0, 0, 1]))
    assert metric.value() == 0.25


def test_before_the_first_batch_there_is_no_figure():
    assert math.isnan(Accuracy().value())
    assert math.isnan(TopK(2).value())


def test_reset_forgets():
    metric = Accuracy()
    metric.update(SCORES, np.zeros(4, np.int64))
    metric.reset()
    assert math.isnan(metric.value())


def test_targets_may_be_probabilities_or_columns_or_floats():
    one_hot = np.eye(3)[[0, 1, 0, 0]]
    assert accuracy(SCORES, one_hot) == 0.75
    assert accuracy(SCORES, [[0], [1], [0], [0]]) == 0.75
    assert accuracy(SCORES, [0.0, 1.0, 0.0, 0.0]) == 0.75


def test_classes_may_stand_at_many_places():
    scores = np.stack([SCORES, SCORES[::-1]])  # (2, 4 classes, 3 places)
    truth = scores.argmax(axis=1)
    truth[0, 0] += 1
    assert accuracy(scores, truth) == pytest.approx(5 / 6)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_single_output_is_a_logit(shape):
    output = np.array([2.0, -1.0, 0.5, -3.0]).reshape(shape)
    assert accuracy(output, np.array([1, 0, 0, 1.0]).reshape(shape)) == 0.5
    assert accuracy(output, [1, 0, 0, 1]) == 0.5


def test_a_single_output_may_be_a_probability():
    assert accuracy([0.9, 0.2, 0.6], [1, 0, 0], threshold=0.5) == pytest.approx(2 / 3)


def test_probabilities_that_are_taken_for_logits_are_warned_of():
    with pytest.warns(LunziWarning, match=r"threshold=0\.5"):
        accuracy([0.9, 0.2, 0.6], [1, 0, 0])


def test_top_k_looks_at_the_k_largest():
    def top(k):
        metric = TopK(k)
        metric.update(SCORES, np.array([2, 2, 0, 1]))
        return metric.value()

    assert [top(1), top(2), top(3)] == [0, 0.5, 1]


def test_top_k_of_classes_at_many_places():
    metric = TopK(1)
    scores = np.stack([SCORES, SCORES[::-1]])
    metric.update(scores, scores.argmax(axis=1))
    assert metric.value() == 1


@pytest.mark.parametrize(
    ("action", "error", "message"),
    [
        (lambda: accuracy(SCORES, [0, 1]), ShapeError, r"have targets of shape \(4,\), got \(2,\)"),
        (lambda: accuracy(SCORES, np.zeros((4, 2))), ShapeError, r"got \(4, 2\)"),
        (lambda: accuracy(np.zeros((2, 3, 5)), [[0], [1]]), ShapeError, r"of shape \(2, 5\)"),
        (lambda: accuracy(SCORES, np.ones((4, 3))), RangeError, "multi-label"),
        (lambda: accuracy(SCORES, [0.5, 1, 0, 0]), RangeError, "whole numbers, got fractions"),
        (lambda: TopK(0), RangeError, "k must be 1 or more, got 0"),
        (
            lambda: TopK(5).update(SCORES, np.zeros(4)),
            ShapeError,
            r"the top 5 needs 5 classes at least on axis 1, got outputs of shape \(4, 3\)",
        ),
        (lambda: TopK(1).update(SCORES[0], np.zeros(3)), ShapeError, r"shape \(3,\)"),
    ],
)
def test_what_does_not_fit_is_explained(action, error, message):
    with pytest.raises(error, match=message):
        action()


def test_agrees_with_scikit_learn(rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, truth = rng.standard_normal((200, 7)), rng.integers(0, 7, 200)
    assert accuracy(scores, truth) == sklearn.accuracy_score(truth, scores.argmax(axis=1))
    for k in (1, 3, 6):
        metric = TopK(k)
        for part in np.array_split(np.arange(200), 3):
            metric.update(scores[part], truth[part])
        assert metric.value() == sklearn.top_k_accuracy_score(truth, scores, k=k)
