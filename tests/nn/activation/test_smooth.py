import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (functional.sigmoid, math.log(3), 3 / 4),
        (functional.tanh, math.log(3) / 2, 1 / 2),
        (functional.softsign, -3, -3 / 4),
        (functional.softplus, math.log(3), math.log(4)),
        (lambda x: functional.softplus(x, beta=2), math.log(3) / 2, math.log(4) / 2),
        (functional.logsigmoid, math.log(3), math.log(3 / 4)),
        (functional.silu, math.log(3), math.log(3) * 3 / 4),
        (functional.mish, math.log(2), math.log(2) * 4 / 5),  # tanh(ln 3) = (3 - 1/3) / (3 + 1/3)
        # Of a normal number 0.8413447460685429 lies below 1.
        (functional.gelu, 1.0, 0.8413447460685429),
        (
            lambda x: functional.gelu(x, "tanh"),
            1.0,
            (1 + math.tanh(math.sqrt(2 / math.pi) * 1.044715)) / 2,
        ),
    ],
)
def test_values_by_hand(function, x, expected):
    np.testing.assert_allclose(function(np.array(x)), expected, rtol=1e-14)


def test_softplus_is_linear_above_its_threshold():
    assert float(functional.softplus(np.array(3.0), threshold=2.9)) == 3.0
    assert float(functional.softplus(np.array(3.0), beta=2, threshold=5.9)) == 3.0
    assert float(functional.softplus(np.array(3.0), threshold=3.1)) > 3.0
    np.testing.assert_array_equal(functional.softplus([1000.0, -1000.0]), [1000.0, 0.0])


def test_logsigmoid_is_exact_where_the_sigmoid_rounds():
    np.testing.assert_array_equal(functional.logsigmoid([-1000.0, 1000.0]), [-1000.0, 0.0])
    # ln(1 + e^-40) is e^-40 to 17 digits, though 1 - e^-40 is 1 in float64.
    np.testing.assert_allclose(functional.logsigmoid(np.array(40.0)), -math.exp(-40), rtol=1e-15)


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        (functional.softplus, 0.5, 0.25),  # sigmoid and sigmoid (1 - sigmoid) at 0
        (functional.logsigmoid, 0.5, -0.25),
        (functional.mish, 0.6, None),  # tanh(ln 2)
        (functional.silu, 0.5, 0.5),
    ],
)
def test_derivatives_are_right_at_0_where_two_forms_meet(function, first, second):
    zero = np.array(0.0)
    np.testing.assert_allclose(lz.grad(function)(zero), first, rtol=1e-14)
    if second is not None:
        np.testing.assert_allclose(lz.grad(lz.grad(function))(zero), second, rtol=1e-14)


def test_the_approximation_of_gelu_is_within_5e_4():
    x = np.linspace(-8, 8, 1001)
    assert np.abs(functional.gelu(x).numpy() - functional.gelu(x, "tanh").numpy()).max() < 5e-4


@pytest.mark.parametrize("cls", [nn.SiLU, nn.Mish])
def test_the_inplace_of_pytorch_is_taken_and_changes_nothing(cls):
    assert float(cls(inplace=True)(lz.tensor(1.0))) == float(cls()(lz.tensor(1.0)))


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.GELU("erf"), "approximate is one of 'none', 'tanh'; got 'erf'"),
        (lambda: functional.gelu([1.0], "sigmoid"), "approximate is one of 'none', 'tanh'"),
        (lambda: nn.Softplus(beta=0), "beta must not be 0"),
        (lambda: functional.softplus([1.0], beta=0), "beta must not be 0"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(attempt, message):
    with pytest.raises(lz.RangeError, match=message):
        attempt()
