"""Linear and Identity."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional


def test_adds_products_with_each_row_of_the_weight():
    layer = nn.Linear(2, 3)
    layer.load_state_dict({"weight": [[1, 2], [3, 4], [5, 6]], "bias": [10, 20, 30]})
    y = layer(np.array([[1, -1], [2, 0]]))
    np.testing.assert_array_equal(y, [[1 - 2 + 10, 3 - 4 + 20, 5 - 6 + 30], [12, 26, 40]])


def test_gradients_of_weight_bias_and_input_are_the_products_on_paper():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": [[3, 4]], "bias": [0]})
    x = lz.tensor([[1.0, 2.0], [10.0, 20.0]], requires_grad=True)
    layer(x).backward([[1.0], [2.0]])
    np.testing.assert_array_equal(layer.weight.grad, [[1 + 2 * 10, 2 + 2 * 20]])
    np.testing.assert_array_equal(layer.bias.grad, [1 + 2])
    np.testing.assert_array_equal(x.grad, [[3, 4], [6, 8]])


def test_the_memory_of_the_weight_is_that_of_in_by_out_and_so_is_its_gradients():
    layer = nn.Linear(5, 3)
    layer(np.ones((4, 5), np.float32)).sum().backward()
    assert layer.weight.shape == (3, 5)
    assert layer.weight.numpy().T.flags.c_contiguous
    assert layer.weight.grad.numpy().T.flags.c_contiguous


def test_the_same_seed_draws_the_same_initial_values():
    layers = [(lz.manual_seed(3), nn.Linear(4, 2))[1] for _ in range(2)]
    np.testing.assert_array_equal(layers[0].weight, layers[1].weight)
    before = layers[0].weight.numpy().copy()
    layers[0].reset_parameters()
    assert (layers[0].weight.numpy() != before).all()


def test_works_without_a_bias_and_on_a_single_vector():
    layer = nn.Linear(2, 3, bias=False)
    assert layer.bias is None
    assert layer(np.ones(2)).shape == (3,)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((64, 10), "expects 4 features on the last axis, got (64, 10) with 10"),
        ((2, 2, 2), "got (2, 2, 2) with 2. A Flatten may be missing before it"),
        ((), "expects 4 features on the last axis, got a single number"),
    ],
)
def test_wrong_features_are_an_error_that_names_the_layer_and_the_shape(shape, message):
    model = nn.Sequential(nn.Identity(), nn.Linear(4, 3))
    with pytest.raises(lz.ShapeError, match=re.escape(message)) as caught:
        model(np.zeros(shape))
    assert str(caught.value).startswith("1 (Linear): expects")


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((-1, 3), lz.RangeError, "in_features must be 1 or more, got -1"),
        ((2, 0), lz.RangeError, "out_features must be 1 or more, got 0"),
        ((2.5, 3), lz.KindError, "in_features is a whole number, got 2.5"),
        ((2, True), lz.KindError, "out_features is a whole number, got True"),
    ],
)
def test_wrong_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        nn.Linear(*arguments)


def test_the_function_takes_any_tensors():
    y = functional.linear([1.0, 2.0], lz.tensor([[3.0, 4.0]]))
    np.testing.assert_array_equal(y, [11])


def test_weights_may_be_arrays_and_integers_do_not_cut_the_input():
    y = functional.linear([[0.5, 0.25]], np.array([[1, 2], [3, 4]]), [1, 1])
    np.testing.assert_array_equal(y, [[2, 3.5]])


def test_weights_and_biases_of_other_axes_are_refused():
    x = np.zeros((3, 2))
    with pytest.raises(lz.ShapeError, match=r"weight is \(outputs, features\), got \(2,\)"):
        functional.linear(x, lz.zeros(2))
    # (3, 1) would broadcast, to one number a sample.
    with pytest.raises(lz.ShapeError, match=r"one number for each of 4 outputs, got \(3, 1\)"):
        functional.linear(x, lz.zeros((4, 2)), lz.zeros((3, 1)))


def test_identity_gives_back_what_it_got_and_forgets_its_arguments():
    x = lz.tensor([1.0])
    assert nn.Identity(3, bias=False)(x) is x
    assert nn.Identity(3, bias=False).config() == {}
