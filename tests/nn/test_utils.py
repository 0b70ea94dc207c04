import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    parameters_to_vector,
    vector_to_parameters,
)


def with_gradients(*gradients, dtype="float32"):
    parameters = []
    for gradient in gradients:
        parameter = nn.Parameter(np.zeros(np.shape(gradient), dtype))
        parameter.grad = lz.tensor(gradient, dtype=dtype)
        parameters.append(parameter)
    return parameters


@pytest.mark.parametrize(
    ("norm_type", "norm"),
    [(2, 13.0), (1, 19.0), (math.inf, 12.0), (3, (27 + 64 + 1728) ** (1 / 3))],
)
def test_the_norm_is_over_all_gradients_and_bounds_them(norm_type, norm):
    parameters = with_gradients([3.0, -4.0], [[12.0]], dtype="float64")
    found = clip_grad_norm_(parameters, 6.5, norm_type)
    np.testing.assert_allclose(found, norm, rtol=1e-15)
    scale = 6.5 / (norm + 1e-6)
    np.testing.assert_allclose(parameters[0].grad, [3 * scale, -4 * scale], rtol=1e-15)
    np.testing.assert_allclose(parameters[1].grad, [[12 * scale]], rtol=1e-15)


def test_gradients_within_the_bound_keep_their_bits(rng):
    gradient = rng.standard_normal(50).astype(np.float32)
    parameters = with_gradients(gradient)
    clip_grad_norm_(parameters, 100)
    np.testing.assert_array_equal(parameters[0].grad, gradient)


def test_one_parameter_and_a_generator_of_them_are_taken():
    model = nn.Linear(2, 1)
    model(np.ones((1, 2))).sum().backward()
    assert float(clip_grad_norm_(model.parameters(), 1.0)) == np.float32(math.sqrt(3))
    assert float(clip_grad_norm_(model.bias, 1.0)) < 1


def test_parameters_without_a_gradient_are_passed_over():
    parameter = nn.Parameter([1.0])
    norm = clip_grad_norm_([parameter], 1.0)
    clip_grad_value_([parameter], 1.0)
    assert float(norm) == 0
    assert norm.dtype == lz.float32
    assert parameter.grad is None


def test_a_parameter_named_twice_counts_once():
    (parameter,) = with_gradients([3.0, 4.0])
    assert float(clip_grad_norm_([parameter, parameter], 1.0)) == 5


def test_parameters_that_share_a_gradient_are_scaled_once():
    a, b = nn.Parameter([3.0]), nn.Parameter([5.0])
    (a + b).backward(np.array([4.0], np.float32))
    clip_grad_norm_([a, b], 1.0)
    # 1 / (sqrt(32) + 1e-6) of 4 each
    np.testing.assert_allclose([a.grad, b.grad], 1 / math.sqrt(2), rtol=1e-6)


def test_gradients_of_several_dtypes_keep_theirs():
    parameters = [
        *with_gradients([300.0], dtype="float16"),
        *with_gradients([400.0], dtype="float64"),
    ]
    assert float(clip_grad_norm_(parameters, 5.0)) == 500  # though 300^2 overflows float16
    assert [parameter.grad.dtype for parameter in parameters] == ["float16", "float64"]
    assert float(parameters[0].grad) == 3


def test_an_empty_gradient_adds_nothing():
    assert float(clip_grad_norm_(with_gradients(np.zeros((0, 3)), [2.0]), 1, math.inf)) == 2


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_norm_that_is_not_finite_is_refused_on_request(number):
    parameters = with_gradients([number, 1.0])
    with pytest.raises(lz.GradientError, match=r"norm of the gradients is (nan|inf)"):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad.tolist()[1] == 1
    assert not math.isfinite(float(clip_grad_norm_(parameters, 1.0)))
    assert math.isnan(parameters[0].grad.tolist()[0])


def test_clipping_is_traced_with_the_same_bits(rng):
    x = rng.standard_normal((8, 3)).astype(np.float32)
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    second.load_state_dict(first.state_dict())

    def step(model, x):
        (model(x) * 50).sum().backward()
        return clip_grad_norm_(model.parameters(), 1.0)

    norm = lz.trace(lambda x: step(first, x), x)(x)
    np.testing.assert_array_equal(norm, step(second, lz.tensor(x)))
    np.testing.assert_array_equal(first.weight.grad, second.weight.grad)


def test_looking_at_the_norm_in_a_trace_is_refused():
    parameters = with_gradients([1.0])
    with pytest.raises(lz.TraceError, match="no numbers to look at"):
        lz.trace(lambda: clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True))


def test_values_are_clipped_and_nan_stays():
    parameters = with_gradients([-3.0, 0.5, 3.0, math.nan])
    clip_grad_value_(parameters, 1.0)
    np.testing.assert_array_equal(parameters[0].grad, [-1.0, 0.5, 1.0, math.nan])


def test_parameters_go_to_a_vector_and_back():
    model = nn.Linear(3, 2)
    vector = parameters_to_vector(model.parameters())
    assert vector.shape == (8,)
    np.testing.assert_array_equal(vector[:6], model.weight.numpy().ravel())
    vector_to_parameters(vector * 2, model.parameters())
    np.testing.assert_array_equal(parameters_to_vector(model.parameters()), vector * 2)
    vector_to_parameters(np.arange(8.0), model.parameters())
    assert model.weight.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_vector_of_parameters_has_their_gradient():
    parameter = nn.Parameter([[1.0, 2.0]])
    parameters_to_vector([parameter]).square().sum().backward()
    assert parameter.grad.tolist() == [[2.0, 4.0]]


@pytest.mark.parametrize(
    ("attempt", "kind", "message"),
    [
        (lambda: clip_grad_norm_([], -1), lz.RangeError, "max_norm must be 0 or more, got -1"),
        (lambda: clip_grad_norm_([], 1, 0), lz.RangeError, "norm_type must be above 0, got 0"),
        (lambda: clip_grad_norm_([], 1, "inf"), lz.KindError, "norm_type is a number, got 'inf'"),
        (
            lambda: clip_grad_norm_(nn.Sequential(nn.Linear(3, 2)), 1),
            lz.KindError,
            r"got a module: pass its parameters\(\)",
        ),
        (
            lambda: clip_grad_norm_([3], 1),
            lz.KindError,
            r"model.parameters\(\) gives them; got int",
        ),
        (lambda: clip_grad_norm_(3, 1), lz.KindError, "parameters are several in a list, got 3"),
        (lambda: clip_grad_value_([], -1), lz.RangeError, "clip_value must be 0 or more"),
        (lambda: parameters_to_vector([]), lz.ShapeError, "one tensor at least"),
        (
            lambda: vector_to_parameters(np.ones(7), nn.Linear(3, 2).parameters()),
            lz.ShapeError,
            r"expects a vector of the 8 numbers of the parameters, got shape \(7,\)",
        ),
    ],
)
def test_errors_say_what_was_expected_and_what_came(attempt, kind, message):
    with pytest.raises(kind, match=message):
        attempt()
