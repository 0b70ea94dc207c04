import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional

THREE = np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]])


def test_softmax_by_hand():
    np.testing.assert_allclose(
        functional.softmax(THREE, 1), [[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 2 / 4]], rtol=1e-15
    )
    np.testing.assert_allclose(
        functional.softmax(THREE, 0), [[1 / 2, 2 / 3, 5 / 7], [1 / 2, 1 / 3, 2 / 7]], rtol=1e-15
    )


def test_log_softmax_is_the_logarithm_of_softmax():
    np.testing.assert_allclose(
        functional.log_softmax(THREE, 1), np.log(functional.softmax(THREE, 1)), rtol=1e-14
    )


def test_log_softmax_keeps_its_digits_beside_large_inputs():
    # e^0 + e^0 = 2; ln 2 beside 10^8 is less than half a unit of its last digit in float32.
    np.testing.assert_allclose(functional.log_softmax([1e8, 1e8]), [-math.log(2)] * 2, rtol=1e-7)
    np.testing.assert_array_equal(functional.log_softmax([-1000.0, 0.0]), [-1000.0, 0.0])


def test_softmax_does_not_depend_on_a_shift():
    x = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(functional.softmax(x), functional.softmax(x + 1024))


def test_what_is_masked_by_minus_infinity_gets_no_share_and_no_gradient():
    x = lz.tensor([[0.0, -math.inf, 0.0]], requires_grad=True)
    y = functional.softmax(x)
    assert y.tolist() == [[0.5, 0.0, 0.5]]
    (y * lz.tensor([1.0, 2.0, 3.0])).sum().backward()
    # dx = y (dy - sum(y dy)), and sum(y dy) = 2
    assert x.grad.tolist() == [[-0.5, 0.0, 0.5]]


def test_glu_by_hand():
    x = np.array([[3.0, 4.0, 0.0, math.log(3)]])
    np.testing.assert_allclose(functional.glu(x), [[1.5, 3.0]], rtol=1e-15)
    np.testing.assert_allclose(nn.GLU(0)(x.T), [[1.5], [3.0]], rtol=1e-15)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.Softmax()(np.ones((2, 3, 4), "f")), r"Softmax: dim= is missing: .*\(2, 3, 4\)"),
        (
            lambda: functional.log_softmax(np.ones((2, 3, 4))),
            "dim=1 for channels, dim=-1 for the last",
        ),
        (lambda: functional.softmax(THREE, 2), "there is no axis 2"),
        (lambda: functional.softmax(np.ones((2, 0))), "of no numbers"),
        (lambda: functional.glu(THREE), "length 3, which is not 2 equal parts"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(attempt, message):
    with pytest.raises(lz.LunziError, match=message):
        attempt()
