"""Cells: worked examples by hand, first states, and what they refuse."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn

CELLS = [nn.RNNCell, nn.GRUCell, nn.LSTMCell]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def with_weights(cell, **numbers):
    for name, parameter in cell.named_parameters():
        parameter.assign(np.reshape(numbers[name], parameter.shape))
    return cell


def test_a_recurrent_cell_by_hand():
    numbers = {"weight_ih": [0.5], "weight_hh": [2.0], "bias_ih": [0.1], "bias_hh": [0.2]}
    h = with_weights(nn.RNNCell(1, 1), **numbers)([[3.0]], [[0.25]])
    assert h.item() == pytest.approx(math.tanh(0.5 * 3 + 2 * 0.25 + 0.3), rel=1e-6)
    relu = with_weights(nn.RNNCell(1, 1, nonlinearity="relu"), **numbers)
    assert relu([[-3.0]], [[0.25]]).item() == 0
    assert relu([[3.0]], [[0.25]]).item() == pytest.approx(2.3)


def test_a_gated_unit_by_hand():
    cell = with_weights(
        nn.GRUCell(1, 1),
        weight_ih=[0.5, -0.5, 1.0], weight_hh=[1.0, 2.0, -1.0],
        bias_ih=[0.1, 0.2, 0.3], bias_hh=[0.0, -0.1, 0.4],
    )  # fmt: skip
    x, h = 2.0, 0.5
    r = sigmoid(0.5 * x + 0.1 + 1.0 * h)
    z = sigmoid(-0.5 * x + 0.2 + 2.0 * h - 0.1)
    n = math.tanh(1.0 * x + 0.3 + r * (-1.0 * h + 0.4))
    assert cell([[x]], [[h]]).item() == pytest.approx((1 - z) * n + z * h, rel=1e-6)


def test_a_long_short_term_memory_by_hand():
    cell = with_weights(
        nn.LSTMCell(1, 1, bias=False), weight_ih=[0.5, -0.5, 1.0, 0.2], weight_hh=[1, 2, -1, 0.3]
    )
    x, h, c = 2.0, 0.5, -1.0
    i, f = sigmoid(0.5 * x + h), sigmoid(-0.5 * x + 2 * h)
    g, o = math.tanh(x - h), sigmoid(0.2 * x + 0.3 * h)
    new_h, new_c = cell([[x]], ([[h]], [[c]]))
    assert new_c.item() == pytest.approx(f * c + i * g, rel=1e-6)
    assert new_h.item() == pytest.approx(o * math.tanh(f * c + i * g), rel=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_the_state_is_0_where_none_is_given(kind, rng):
    cell, x = kind(3, 4), rng.standard_normal((2, 3))
    zeros = lz.zeros((2, 4))
    given = cell(x, (zeros, zeros) if kind is nn.LSTMCell else zeros)
    for a, b in zip(lz_leaves(cell(x)), lz_leaves(given), strict=True):
        np.testing.assert_array_equal(a, b)


def lz_leaves(output):
    return output if isinstance(output, tuple) else (output,)


def test_a_gated_unit_may_have_no_biases(rng):
    cell, other = nn.GRUCell(3, 4, bias=False), nn.GRUCell(3, 4)
    zeros = {"bias_ih": np.zeros(12), "bias_hh": np.zeros(12)}
    other.load_state_dict({**cell.state_dict(), **zeros})
    x, h = rng.standard_normal((2, 3)), rng.standard_normal((2, 4))
    np.testing.assert_array_equal(cell(x, h), other(x, h))


@pytest.mark.parametrize("kind", CELLS)
def test_weights_lie_in_memory_as_the_products_read_them(kind):
    cell = kind(3, 4)
    assert cell.weight_ih.T.numpy().flags.c_contiguous
    assert cell.weight_hh.T.numpy().flags.c_contiguous


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_is_made_again_from_its_configuration(kind):
    cell = kind(3, 4, bias=False)
    assert cell.config()["bias"] is False
    assert repr(kind(**cell.config())) == repr(cell)
    assert repr(cell) == f"{kind.__name__}(input_size=3, hidden_size=4, bias=False)"
    assert list(cell.state_dict()) == ["weight_ih", "weight_hh"]


@pytest.mark.parametrize("kind", CELLS)
def test_multiply_adds_are_those_of_both_products(kind):
    gates = {nn.RNNCell: 1, nn.GRUCell: 3, nn.LSTMCell: 4}[kind]
    assert kind(3, 4).summary((5, 3)).multiply_adds == 5 * gates * 4 * (3 + 4)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.GRUCell(3, 4)(np.zeros((2, 5))), lz.ShapeError, "expects 3 features .* got"),
        (lambda: nn.GRUCell(3, 4)(np.zeros((6, 2, 3))), lz.ShapeError,
         r"takes one step, \(B, 3\) or \(3,\), got \(6, 2, 3\): a layer such as GRU takes a seq"),
        (lambda: nn.GRUCell(3, 4)(np.zeros((2, 3)), np.zeros((2, 3))), lz.ShapeError,
         r"the state hx is \(2, 4\) here, got \(2, 3\)"),
        (lambda: nn.LSTMCell(3, 4)(np.zeros((2, 3)), np.zeros((2, 4))), lz.KindError,
         r"hx is a pair \(h, c\), each \(2, 4\), got ndarray"),
        (lambda: nn.LSTMCell(3, 4)(np.zeros((2, 3)), (np.zeros((2, 4)),)), lz.KindError, "a pair"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="sigmoid"), lz.RangeError, "one of 'tanh', 'relu'"),
        (lambda: nn.RNNCell(0, 4), lz.RangeError, "input_size must be 1 or more, got 0"),
        (lambda: nn.GRUCell(3, 4, 1), lz.KindError, "bias is True or False, got 1"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
