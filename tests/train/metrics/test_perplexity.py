import math

import numpy as np
import pytest

from lunzi.core.errors import RangeError, ShapeError
from lunzi.train import Perplexity


def perplexity(output, target, parts=1, **arguments):
    metric = Perplexity(**arguments)
    for part in np.array_split(np.arange(len(target)), parts):
        metric.update(np.asarray(output)[part], np.asarray(target)[part])
    return metric.value()


def test_it_is_the_number_of_equally_likely_classes():
    assert perplexity(np.zeros((3, 4)), [0, 1, 2]) == pytest.approx(4, rel=1e-15)


def test_worked_example():
    # Probabilities 3/4 and 1/4 of the true classes: the root of 16/3.
    logits = np.log([[1.0, 3.0], [3.0, 1.0]])
    assert perplexity(logits, [1, 1], parts=2) == pytest.approx(math.sqrt(16 / 3), rel=1e-15)


def test_ignored_targets_do_not_count():
    logits = np.log([[1.0, 3.0], [9.0, 1.0], [3.0, 1.0]])
    assert perplexity(logits, [1, -100, 1]) == pytest.approx(math.sqrt(16 / 3))
    assert perplexity(logits, [1, 0, 1], ignore_index=0) == pytest.approx(math.sqrt(16 / 3))
    assert math.isnan(perplexity(logits, [-100] * 3))


def test_classes_may_stand_at_many_places(rng):
    logits, truth = rng.standard_normal((2, 5, 3)), rng.integers(0, 5, (2, 3))
    rows = logits.transpose(0, 2, 1).reshape(-1, 5)
    assert perplexity(logits, truth) == pytest.approx(perplexity(rows, truth.ravel()), rel=1e-14)


def test_large_logits_do_not_overflow_and_hopeless_ones_are_infinite():
    assert perplexity(np.array([[1e4, 0.0]]), [0]) == 1
    assert perplexity(np.array([[1e4, 0.0]]), [1]) == math.inf


def test_before_the_first_batch_there_is_no_figure():
    assert math.isnan(Perplexity().value())


@pytest.mark.parametrize(
    ("output", "target", "error", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 1), int), ShapeError, r"got \(2, 3\) and \(2, 1\)"),
        (np.zeros(3), np.zeros(3, int), ShapeError, r"got \(3,\) and \(3,\)"),
        (np.zeros((2, 3)), np.array([0, 3]), RangeError, r"lie in \[0, 3\), got 0 to 3"),
        (np.zeros((2, 3)), np.array([0, -1]), RangeError, "got -1 to 0"),
        (np.zeros((2, 3)), np.array([0, 0.5]), RangeError, "whole numbers"),
    ],
)
def test_what_does_not_fit_is_explained(output, target, error, message):
    with pytest.raises(error, match=message):
        perplexity(output, target)


def test_agrees_with_scikit_learn(rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    logits, truth = rng.standard_normal((80, 6)), rng.integers(0, 6, 80)
    weights = np.exp(logits)
    shares = weights / weights.sum(axis=1, keepdims=True)
    expected = math.exp(sklearn.log_loss(truth, shares, labels=range(6)))
    assert perplexity(logits, truth, parts=4) == pytest.approx(expected, rel=1e-12)
