import inspect
import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.random import Generator
from lunzi.nn import init

RANDOM = [
    function
    for name, function in vars(init).items()
    if name.endswith("_")
    and inspect.isfunction(function)
    and "generator" in inspect.signature(function).parameters
]
FILLERS = [
    *RANDOM,
    init.ones_,
    init.zeros_,
    init.eye_,
    lambda tensor: init.constant_(tensor, 3),
]


def test_the_random_ones_are_found():
    assert {function.__name__ for function in RANDOM} >= {"normal_", "orthogonal_"}
    assert len(RANDOM) == 8


@pytest.mark.parametrize("function", FILLERS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_parameter_is_filled_in_place_and_given_back(function, dtype):
    parameter = nn.Parameter(np.full((4, 6), 9.0, dtype).T)
    memory = parameter.payload
    assert function(parameter) is parameter
    assert parameter.payload is memory
    assert parameter.dtype == dtype
    assert parameter.requires_grad
    assert not (memory == 9).any()


@pytest.mark.parametrize("function", RANDOM)
def test_a_seed_gives_the_same_numbers_again(function):
    first = function(lz.zeros((3, 5)), generator=Generator(7))
    again = function(lz.zeros((3, 5)), generator=Generator(7))
    other = function(lz.zeros((3, 5)), generator=Generator(8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("function", RANDOM)
def test_the_default_generator_is_that_of_manual_seed(function):
    lz.manual_seed(3)
    first = function(lz.zeros((3, 5)))
    np.testing.assert_array_equal(first, function(lz.zeros((3, 5)), generator=Generator(3)))


@pytest.mark.parametrize("function", RANDOM)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_empty_tensor_stays_empty(function, shape):
    assert function(lz.zeros(shape)).shape == shape


@pytest.mark.parametrize(
    ("fill", "mean", "std", "bounds"),
    [
        (lambda t: init.uniform_(t, -1, 3), 1, 4 / math.sqrt(12), (-1, 3)),
        (lambda t: init.normal_(t, 2, 0.5), 2, 0.5, None),
        # The standard deviation of a normal number cut at 2: sqrt(1 - 4 phi(2) / 0.9545)
        (lambda t: init.trunc_normal_(t, 1, 0.5, 0, 2), 1, 0.5 * 0.8796, (0, 2)),
        # (1000, 500) has 500 inputs and 1000 outputs
        (init.xavier_uniform_, 0, math.sqrt(2 / 1500), math.sqrt(6 / 1500)),
        (lambda t: init.xavier_normal_(t, 3), 0, 3 * math.sqrt(2 / 1500), None),
        (init.kaiming_uniform_, 0, math.sqrt(2 / 500), math.sqrt(6 / 500)),
        (lambda t: init.kaiming_uniform_(t, math.sqrt(5)), 0, None, 1 / math.sqrt(500)),
        (lambda t: init.kaiming_normal_(t, mode="fan_out"), 0, math.sqrt(2 / 1000), None),
        (lambda t: init.kaiming_normal_(t, nonlinearity="linear"), 0, math.sqrt(1 / 500), None),
    ],
)
def test_mean_deviation_and_bounds_are_those_of_the_formula(fill, mean, std, bounds):
    numbers = fill(lz.zeros((1000, 500))).numpy()
    low, high = bounds if isinstance(bounds, tuple) else (-(bounds or math.inf), bounds or math.inf)
    if std is None:
        std = high / math.sqrt(3)  # of even numbers
    # Of 500,000 numbers the mean is known to std / 700 and the deviation to a part in 1,000.
    assert abs(numbers.mean() - mean) < 5 * std / 700
    assert abs(numbers.std() / std - 1) < 5e-3
    assert low <= numbers.min()
    assert numbers.max() <= high
    if math.isfinite(high):
        assert high - numbers.max() < 0.01 * (high - low)


def test_fans_count_the_elements_of_a_filter():
    tensor = lz.zeros((8, 4, 3, 5))
    init.xavier_uniform_(tensor)
    bound = math.sqrt(6 / ((8 + 4) * 15))
    assert 0.95 * bound < float(tensor.abs().max()) <= bound


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (3, 2, 2, 2), (20, 2, 3)])
def test_the_shorter_side_of_an_orthogonal_matrix_is_orthonormal(shape):
    tensor = init.orthogonal_(lz.zeros(shape, "float64"), gain=2)
    matrix = tensor.numpy().reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-14)


def test_orthogonal_matrices_are_spread_evenly():
    # Without the signs of the diagonal of R, the first number of Q would be negative always.
    first = [float(init.orthogonal_(lz.zeros((2, 2)))[0, 0]) for _ in range(100)]
    assert 30 < sum(number > 0 for number in first) < 70


def test_dirac_filters_give_their_input_back():
    layer = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    init.dirac_(layer.weight)
    x = np.arange(2 * 4 * 5 * 5, dtype=np.float32).reshape(2, 4, 5, 5)
    np.testing.assert_array_equal(layer(x), x)


def test_dirac_filters_of_groups_give_the_inputs_of_each_group():
    weight = init.dirac_(lz.zeros((4, 1, 3)), groups=2).numpy()
    np.testing.assert_array_equal(weight[:, 0, 1], [1, 0, 1, 0])
    assert weight.sum() == 2


def test_eye_fills_the_diagonal():
    assert init.eye_(lz.zeros((2, 3))).tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("linear",), 1),
        (("sigmoid",), 1),
        (("tanh",), 5 / 3),
        (("relu",), math.sqrt(2)),
        (("leaky_relu",), math.sqrt(2 / 1.0001)),
        (("leaky_relu", 1), 1),
        (("selu",), 0.75),
    ],
)
def test_gains_by_hand(arguments, expected):
    assert init.calculate_gain(*arguments) == expected


def test_a_traced_function_may_draw_initial_values():
    x = lz.zeros((4, 4))
    run = lz.trace(lambda: init.trunc_normal_(x))
    run()
    assert (x != 0).all()


MATRIX = lz.zeros((2, 2))


@pytest.mark.parametrize(
    ("attempt", "kind", "message"),
    [
        (lambda: init.zeros_(np.ones(3)), lz.KindError, "go into a tensor, got ndarray"),
        (lambda: init.kaiming_uniform_(lz.zeros(5)), lz.ShapeError, r"shape \(5,\).*use zeros_"),
        (lambda: init.xavier_normal_(lz.zeros(())), lz.ShapeError, "two axes or more"),
        (lambda: init.orthogonal_(lz.zeros(5)), lz.ShapeError, "orthogonal_ needs two axes"),
        (lambda: init.eye_(lz.zeros(5)), lz.ShapeError, "eye_ fills matrices"),
        (lambda: init.dirac_(MATRIX), lz.ShapeError, "dirac_ fills the filters"),
        (lambda: init.dirac_(lz.zeros((3, 1, 3)), 2), lz.RangeError, "multiple of groups"),
        (lambda: init.kaiming_normal_(MATRIX, mode="in"), lz.RangeError, "mode is one of 'fan_in'"),
        (lambda: init.uniform_(None), lz.KindError, "go into a tensor, got NoneType"),
        (lambda: init.uniform_(MATRIX, "a"), lz.KindError, "a is a number, got 'a'"),
        (lambda: init.normal_(MATRIX, generator=0), lz.KindError, r"generator is a .* got 0"),
        (lambda: init.calculate_gain("swish"), lz.RangeError, "nonlinearity is one of .*'swish'"),
        (lambda: init.uniform_(MATRIX, 1, -1), lz.RangeError, "a must be at most b, got a=1, b=-1"),
        (lambda: init.normal_(MATRIX, std=-1), lz.RangeError, "std must be 0 or more"),
        (lambda: init.trunc_normal_(MATRIX, std=0), lz.RangeError, "std is above 0"),
        (lambda: init.trunc_normal_(MATRIX, a=2, b=1), lz.RangeError, "a below b"),
        (lambda: init.trunc_normal_(MATRIX, std=0.02, a=1, b=2), lz.RangeError, "next to nothing"),
        (
            lambda: init.uniform_(lz.zeros(3, "int64")),
            lz.KindError,
            "numbers are floating, got dtype int64",
        ),
    ],
)
def test_errors_say_what_was_expected_and_what_came(attempt, kind, message):
    with pytest.raises(kind, match=message):
        attempt()
