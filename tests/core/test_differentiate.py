"""grad and value_and_grad: gradients as functions, nested and beside parameters."""

import numpy as np
import pytest

import lunzi as lz


def cube(x):
    return (x**3).sum()


def test_the_gradient_is_a_function():
    assert lz.grad(cube)(2.0).item() == 12
    assert lz.grad(cube)([1.0, 2.0]).tolist() == [3, 12]
    assert lz.grad(cube)(np.array([1.0, 2.0])).dtype == "float64"


def test_the_value_comes_with_it():
    value, gradient = lz.value_and_grad(cube)(lz.tensor([1.0, 2.0]))
    assert value.item() == 9
    assert gradient.tolist() == [3, 12]
    assert not value.requires_grad
    assert not gradient.requires_grad


def test_gradients_nest_to_any_order():
    expected = [8.0, 12.0, 12.0, 6.0, 0.0]  # x^3 at 2, and its derivatives
    function = lambda x: x**3  # noqa: E731  # it is replaced by its derivative below
    for value in expected:
        assert function(lz.tensor(2.0)).item() == value
        function = lz.grad(function)


def test_arguments_are_chosen_by_their_place():
    def function(x, y, scale=1.0):
        return (x * y * scale).sum()

    x, y = lz.tensor([1.0, 2.0]), lz.tensor([3.0, 4.0])
    assert lz.grad(function)(x, y).tolist() == [3, 4]
    assert lz.grad(function, 1)(x, y).tolist() == [1, 2]
    assert lz.grad(function, -1)(x, y).tolist() == [1, 2]
    assert lz.grad(function, np.int64(1))(x, y, scale=2.0).tolist() == [2, 4]
    dx, dy = lz.grad(function, (0, 1))(x, y)
    assert (dx.tolist(), dy.tolist()) == ([3, 4], [1, 2])
    (dy,) = lz.grad(function, [1])(x, y)
    assert dy.tolist() == [1, 2]


def test_the_same_tensor_in_two_places_has_two_gradients():
    x = lz.tensor([2.0], requires_grad=True)
    dx, dy = lz.grad(lambda a, b: (a * a * b).sum(), (0, 1))(x, x)
    assert (dx.item(), dy.item()) == (8, 4)


def test_an_argument_read_elsewhere_does_not_count():
    x = lz.tensor([2.0], requires_grad=True)
    assert lz.grad(lambda a: (a * x).sum())(x).tolist() == [2]


def test_slots_and_tapes_stay_as_they_are():
    x, w = lz.tensor([2.0], requires_grad=True), lz.tensor([3.0], requires_grad=True)
    hidden = w * w
    lz.grad(lambda a: (a * hidden).sum())(x)
    assert x.grad is None
    assert w.grad is None
    hidden.sum().backward()
    assert w.grad.tolist() == [6]


def test_an_argument_that_does_not_count_has_gradient_zero():
    x, y = lz.ones((2, 2)), lz.ones(3)
    dx, dy = lz.grad(lambda x, y: x.sum(), (0, 1))(x, y)
    assert dx.tolist() == [[1, 1], [1, 1]]
    assert dy.tolist() == [0, 0, 0]
    assert lz.grad(lambda x: lz.ones(()))(x).tolist() == [[0, 0], [0, 0]]


def test_the_meaning_is_kept():
    assert lz.grad(cube).__name__ == "cube"
    assert lz.value_and_grad(cube).__name__ == "cube"


def test_a_gradient_is_taken_under_no_grad_too():
    with lz.no_grad():
        value, gradient = lz.value_and_grad(cube)(lz.tensor([2.0]))
        assert gradient.tolist() == [12]
        assert not value.requires_grad
        assert not lz.is_grad_enabled()


# Beside parameters: double backward through closures


def test_the_gradient_of_a_parameter_passes_through_an_inner_gradient():
    w = lz.tensor(3.0, "float64", requires_grad=True)
    slope = lz.grad(lambda x: w * x * x)(lz.tensor(2.0, "float64"))  # 2 w x
    slope.backward()
    assert slope.item() == 12
    assert w.grad.item() == 4


def test_the_value_beside_an_inner_gradient_passes_its_gradient_too():
    w = lz.tensor(3.0, "float64", requires_grad=True)
    value, slope = lz.value_and_grad(lambda x: w * x * x)(lz.tensor(2.0, "float64"))
    (value + slope).backward()
    assert w.grad.item() == 4 + 4


def test_a_gradient_penalty_by_hand():
    # Critic f(x) = w . tanh(x); penalty (|df/dx| - 1)^2, as in Gulrajani et al. 2017.
    w = lz.tensor([3.0, 4.0], "float64", requires_grad=True)
    x = lz.tensor([0.1, -0.2], "float64")
    slope = lz.grad(lambda x: (w * x.tanh()).sum())(x)
    norm = (slope * slope).sum().sqrt()
    ((norm - 1) ** 2).backward()
    factor = 1 - np.tanh(x.numpy()) ** 2
    inner = w.numpy() * factor
    length = np.sqrt((inner**2).sum())
    np.testing.assert_allclose(slope, inner)
    np.testing.assert_allclose(w.grad, 2 * (length - 1) * inner * factor / length)


def test_a_gradient_of_a_parameter_links_back_to_it():
    w = lz.tensor([1.0, 2.0], requires_grad=True)
    slope = lz.grad(cube)(w)
    slope.sum().backward()
    assert w.grad.tolist() == [6, 12]


def test_functions_of_a_detached_parameter_are_not_recorded():
    w = lz.tensor([1.0, 2.0], requires_grad=True)
    value, slope = lz.value_and_grad(cube)(w.detach())
    assert not value.requires_grad
    assert not slope.requires_grad


def test_a_hessian_by_rows():
    def function(x):
        return x[0] ** 2 * x[1] + x[1] ** 3

    x = lz.tensor([2.0, 3.0], "float64")
    rows = [lz.grad(lambda x, row=row: lz.grad(function)(x)[row])(x).tolist() for row in range(2)]
    assert rows == [[6, 4], [4, 18]]


@pytest.mark.parametrize(
    ("function", "arguments", "error", "text"),
    [
        (lambda x: x, ([1.0, 2.0],), lz.GradientError, r"of one number, this one gave \(2,\)"),
        (lambda x: 3.0, (1.0,), lz.GradientError, "this one gave float"),
        (lambda x: (x, x), (1.0,), lz.GradientError, "this one gave tuple"),
        (lambda: lz.ones(()), (), lz.PositionError, "argnums=0 with 0 arguments"),
        (lambda x: x, (1,), lz.KindError, "only floating tensors have gradients"),
        (lambda x: x, ("a",), lz.KindError, "made of numbers"),
    ],
)
def test_refuses_what_has_no_gradient(function, arguments, error, text):
    with pytest.raises(error, match=text):
        lz.grad(function)(*arguments)


@pytest.mark.parametrize("argnums", [1.0, "0", None, (0, 0.5)])
def test_refuses_places_that_are_no_whole_numbers(argnums):
    with pytest.raises(lz.KindError, match="argnums must be a whole number"):
        lz.grad(cube, argnums)
