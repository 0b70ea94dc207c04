import math

import numpy as np
import pytest

import lunzi as lz
from lunzi.nn.functional import huber_loss, l1_loss, mse_loss, smooth_l1_loss

ZEROS = np.zeros(4)
ERRORS = np.array([-3.0, -0.5, 0.0, 2.0])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (mse_loss, [9, 0.25, 0, 4]),
        (l1_loss, [3, 0.5, 0, 2]),
        (huber_loss, [3 - 0.5, 0.125, 0, 2 - 0.5]),
        (lambda *pair, reduction: huber_loss(*pair, reduction, 2.0), [2 * (3 - 1), 0.125, 0, 2]),
        (smooth_l1_loss, [3 - 0.5, 0.125, 0, 2 - 0.5]),
        (
            lambda *pair, reduction: smooth_l1_loss(*pair, reduction=reduction, beta=2.0),
            [3 - 1, 0.0625, 0, 1],
        ),
    ],
)
def test_values_by_hand(function, expected):
    assert function(ERRORS, ZEROS, reduction="none").tolist() == expected
    assert function(ZEROS, ERRORS, reduction="none").tolist() == expected
    assert float(function(ERRORS, ZEROS, reduction="mean")) == np.mean(expected)


def test_the_gradient_of_the_huber_loss_is_the_error_within_its_bound():
    x = lz.tensor([-math.inf, -1e30, -1.0, 0.25, 1.0, 7.0], requires_grad=True)
    huber_loss(x, np.zeros(6), "sum").backward()
    assert x.grad.tolist() == [-1.0, -1.0, -1.0, 0.25, 1.0, 1.0]


def test_targets_are_converted_to_the_dtype_of_the_predictions():
    loss = mse_loss(np.array([1.0, 2.0], np.float32), np.array([1.5, 2.0]))
    assert loss.dtype == lz.float32
    assert float(loss) == 0.125
    assert mse_loss([1, 2], [3, 2]).dtype == lz.float32
