import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional

X = np.array([-4.0, -1.0, 0.0, 2.0, 8.0])


def gradient(function, x):
    tensor = lz.tensor(x, requires_grad=True)
    function(tensor).sum().backward()
    return tensor.grad.numpy()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (functional.relu, [0, 0, 0, 2, 8]),
        (lambda x: functional.leaky_relu(x, 0.5), [-2, -0.5, 0, 2, 8]),
        (lambda x: functional.elu(x, 2.0), [2 * np.expm1(-4), 2 * np.expm1(-1), 0, 2, 8]),
        (lambda x: functional.celu(x, 2.0), [2 * np.expm1(-2), 2 * np.expm1(-0.5), 0, 2, 8]),
        (functional.relu6, [0, 0, 0, 2, 6]),
        (functional.hardtanh, [-1, -1, 0, 1, 1]),
        (lambda x: functional.hardtanh(x, -2, 4), [-2, -1, 0, 2, 4]),
        (functional.hardsigmoid, [0, 2 / 6, 3 / 6, 5 / 6, 1]),
        (functional.hardswish, [0, -2 / 6, 0, 10 / 6, 8]),
    ],
)
def test_values_by_hand(function, expected):
    np.testing.assert_allclose(function(X), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (functional.relu, 0),
        (lambda x: functional.leaky_relu(x, 0.5), 0.5),
        (lambda x: functional.elu(x, 2.0), 2),
        (lambda x: functional.celu(x, 2.0), 1),
        (functional.relu6, 0),
        (functional.hardsigmoid, 1 / 6),
        (functional.hardswish, 0.5),
    ],
)
def test_the_gradient_at_0_is_that_of_one_side(function, expected):
    assert gradient(function, [0.0]) == np.float32(expected)


def test_the_gradient_of_hardtanh_is_0_at_its_bounds():
    np.testing.assert_array_equal(gradient(functional.hardtanh, [-1.0, 0.5, 1.0]), [0, 1, 0])


def test_relu_gives_a_positive_zero_and_keeps_integers():
    assert not np.signbit(functional.relu([-0.0, -1.0]).numpy()).any()
    assert functional.relu([-2, 3]).tolist() == [0, 3]
    assert functional.relu([-2, 3]).dtype == lz.int64


def test_selu_keeps_mean_0_and_variance_1(rng):
    # Standard normal numbers are its fixed point; of 10^6 both are known to about 0.002.
    y = functional.selu(rng.standard_normal(1_000_000))
    assert abs(float(y.mean())) < 0.01
    assert abs(float(y.var()) - 1) < 0.01


def test_selu_is_a_scaled_elu():
    np.testing.assert_allclose(
        nn.SELU()(X), 1.0507009873554805 * functional.elu(X, 1.6732632423543772)
    )


def test_prelu_has_one_slope_for_each_channel():
    module = nn.PReLU(2)
    module.weight.assign([0.5, 2.0])
    x = lz.tensor(np.array([[[-1.0, 3.0], [-1.0, -2.0]]], np.float32))  # (1, 2, 2)
    y = module(x)
    assert y.tolist() == [[[-0.5, 3.0], [-2.0, -4.0]]]
    y.sum().backward()
    assert module.weight.grad.tolist() == [-1.0, -3.0]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4)])
def test_prelu_with_one_slope_takes_any_shape(shape):
    assert nn.PReLU()(-np.ones(shape, np.float32)).shape == shape


def test_prelu_takes_an_array_of_float64_into_its_own_dtype():
    y = nn.PReLU(init=0.5)(np.array([-2.0]))
    assert y.dtype == lz.float32
    assert y.tolist() == [-1.0]


@pytest.mark.parametrize(
    "cls", [nn.ReLU, nn.ReLU6, nn.SELU, nn.Hardsigmoid, nn.Hardswish, nn.LeakyReLU, nn.ELU]
)
def test_the_inplace_of_pytorch_is_taken_and_changes_nothing(cls):
    x = lz.tensor(X)
    module = cls(inplace=True)
    np.testing.assert_array_equal(module(x), cls()(x))
    np.testing.assert_array_equal(x, X)
    assert "inplace" not in repr(module)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.PReLU(3)(np.ones((2, 4), "f")), "PReLU: expects 3 channels on axis 1"),
        (lambda: nn.PReLU(3)(np.ones(3, "f")), r"got \(3,\)"),
        (lambda: nn.PReLU(0), "num_parameters must be 1 or more"),
        (lambda: nn.CELU(0), "alpha must be above 0, got 0"),
        (lambda: functional.celu(X, -1), "alpha must be above 0, got -1"),
        (lambda: nn.Hardtanh(1, 1), "min_val must be below max_val, got 1 and 1"),
        (lambda: functional.hardtanh(X, 2, 1), "min_val must be below max_val"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(attempt, message):
    with pytest.raises(lz.LunziError, match=message):
        attempt()
