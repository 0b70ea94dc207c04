import math

import numpy as np
import pytest

from lunzi.core.errors import ShapeError
from lunzi.train import MAE, R2, RMSE

OUTPUT, TARGET = np.array([1.0, 2.0, 5.0, 4.0]), np.array([1.0, 4.0, 4.0, 7.0])


def gathered(metric, output, target, parts=2):
    for part in np.array_split(np.arange(len(target)), parts):
        metric.update(np.asarray(output)[part], np.asarray(target)[part])
    return metric.value()


def test_worked_examples():
    # Errors 0, 2, -1 and 3; the targets have mean 4 and spread 9 + 0 + 0 + 9.
    assert gathered(MAE(), OUTPUT, TARGET) == 1.5
    assert gathered(RMSE(), OUTPUT, TARGET) == math.sqrt(3.5)
    assert gathered(R2(), OUTPUT, TARGET) == pytest.approx(1 - 14 / 18, rel=1e-15)


@pytest.mark.parametrize("kind", [MAE, RMSE, R2])
def test_a_column_meets_a_row_but_nothing_else_does(kind):
    expected = gathered(kind(), OUTPUT, TARGET)
    assert gathered(kind(), OUTPUT[:, None], TARGET) == expected
    assert gathered(kind(), OUTPUT, TARGET[:, None]) == expected
    for shape in ((2, 2), (4, 2)):
        with pytest.raises(ShapeError, match="outputs of shape"):
            kind().update(np.zeros(shape), np.zeros((2, 2, 2)))
    with pytest.raises(ShapeError):
        kind().update(np.zeros((2, 3)), np.zeros((3, 2)))


@pytest.mark.parametrize("kind", [MAE, RMSE, R2])
def test_before_the_first_batch_there_is_no_figure(kind):
    metric = kind()
    assert math.isnan(metric.value())
    metric.update(np.zeros((0, 2)), np.zeros((0, 2)))
    assert math.isnan(metric.value())
    metric.update(OUTPUT, TARGET)
    metric.reset()
    assert math.isnan(metric.value())


def test_errors_are_better_low_and_r2_high():
    assert (MAE.higher_is_better, RMSE.higher_is_better, R2.higher_is_better) == (
        False,
        False,
        True,
    )


def test_r2_of_equal_targets_is_not_known():
    assert math.isnan(gathered(R2(), OUTPUT, np.ones(4)))


def test_r2_stays_exact_far_from_zero(rng):
    target = rng.standard_normal(1000)
    output = target + 0.1 * rng.standard_normal(1000)
    near = gathered(R2(), output, target, 7)
    far = gathered(R2(), output + 1e7, target + 1e7, 7)
    # 1e7 leaves 9 places behind the point, and squares would leave 2.
    assert far == pytest.approx(near, abs=1e-8)


def test_r2_refuses_batches_of_other_widths():
    metric = R2()
    metric.update(np.zeros((3, 2)), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="earlier batches had 2 targets a sample, this one 3"):
        metric.update(np.zeros((3, 3)), np.ones((3, 3)))


def test_float32_is_summed_in_float64():
    output = np.full(10_000, 0.1, np.float32)
    assert gathered(MAE(), output, np.zeros(10_000, np.float32), 3) == pytest.approx(
        float(np.float32(0.1)), rel=1e-14
    )


@pytest.mark.parametrize("shape", [(60,), (60, 1), (60, 3)])
def test_agrees_with_scikit_learn(rng, shape):
    sklearn = pytest.importorskip("sklearn.metrics")
    target = rng.standard_normal(shape) * 3 + 5
    output = target + rng.standard_normal(shape)
    for kind, score in ((MAE, sklearn.mean_absolute_error), (R2, sklearn.r2_score)):
        found = gathered(kind(), output, target, 4)
        assert found == pytest.approx(score(target, output), rel=1e-12)
    if len(shape) == 1:
        found = gathered(RMSE(), output, target, 4)
        assert found == pytest.approx(sklearn.root_mean_squared_error(target, output), rel=1e-12)
