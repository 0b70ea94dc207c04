"""Memory for numbers that stay: where it begins, and in which order it is."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.core.memory import PAGE, PAIR_OF_LINES, zeros_apart

LARGE = (40, 64)


def place(array):
    return array.ctypes.data % PAGE


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_large_zeros_begin_at_a_cache_line(dtype):
    arrays = [zeros_apart(LARGE, np.dtype(dtype)) for _ in range(8)]
    assert all(place(array) % PAIR_OF_LINES == 0 for array in arrays)
    assert not any(array.any() for array in arrays)
    assert all(array.dtype == dtype and array.flags.writeable for array in arrays)


def test_arrays_that_follow_each_other_begin_at_different_places():
    arrays = [zeros_apart(LARGE, np.dtype("float32")) for _ in range(8)]
    assert len(set(map(place, arrays))) == 8


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), LARGE])
def test_shape_and_memory_order_stay(shape):
    array = np.empty(shape, np.float32).T
    made = zeros_apart(array.shape, array.dtype, array)
    assert (made.shape, made.strides) == (array.shape, array.strides)


def test_what_is_not_dense_becomes_dense():
    array = np.empty((80, 128), np.float32)[::2, ::2]
    made = zeros_apart(array.shape, array.dtype, array)
    assert made.shape == LARGE
    assert made.flags.c_contiguous


def test_parameters_and_the_state_of_optimizers_begin_at_a_cache_line():
    layer = nn.Linear(64, 40)
    optimizer = optim.Adam(layer.parameters())
    state = optimizer.state[layer.weight]
    arrays = [layer.weight.payload, state["exp_avg"].payload, state["exp_avg_sq"].payload]
    assert all(place(array) % PAIR_OF_LINES == 0 for array in arrays)
    assert all(array.strides == layer.weight.payload.strides for array in arrays)
    network = lz.NeuralNetwork(64, 40, 1)
    assert place(network.weights1) % PAIR_OF_LINES == 0


@pytest.mark.parametrize("number", [0.0, -0.0, 2.5, np.nan])
def test_full_like_fills_large_memory(number):
    made = lz.full_like(np.empty(LARGE, np.float32), number).numpy()
    np.testing.assert_array_equal(made, np.full(LARGE, number, np.float32))
    np.testing.assert_array_equal(np.signbit(made), np.signbit(np.full(LARGE, number)))
