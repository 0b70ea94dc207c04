"""Embedding."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional

TABLE = [[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]]


def test_gives_the_row_of_each_index():
    y = functional.embedding([[2, 0]], lz.tensor(TABLE))
    np.testing.assert_array_equal(y, [[[20, 21], [0, 1]]])


def test_gradients_of_one_row_used_twice_add_up():
    layer = nn.Embedding(3, 2)
    layer(np.array([1, 1, 0])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [2, 2], [0, 0]])


@pytest.mark.parametrize("padding_idx", [2, -1])
def test_the_paddings_row_starts_at_zero_and_gets_no_gradient(padding_idx):
    layer = nn.Embedding(3, 2, padding_idx)
    assert layer.padding_idx == 2
    y = layer(np.array([2, 1]))
    np.testing.assert_array_equal(y[0], [0, 0])
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[0, 0], [1, 1], [0, 0]])


def test_takes_no_indices_at_all():
    assert nn.Embedding(3, 2)(np.zeros((0, 4), int)).shape == (0, 4, 2)


@pytest.mark.parametrize("index", [3, -1])
def test_an_index_outside_the_table_is_named_with_the_tables_length(index):
    message = f"index {index} is outside the table, which has 3 rows: 0 to 2"
    with pytest.raises(lz.PositionError, match=re.escape(message)):
        nn.Embedding(3, 2)(np.array([1, index]))


def test_a_table_has_rows():
    with pytest.raises(lz.ShapeError, match=r"the table is \(rows, features\), got \(3,\)"):
        nn.functional.embedding([1], lz.zeros(3))


def test_indices_that_are_no_whole_numbers_are_refused():
    with pytest.raises(lz.KindError, match="expects whole numbers as indices, got float32"):
        nn.Embedding(3, 2)([1.0, 2.0])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 2), lz.RangeError, "num_embeddings must be 1 or more"),
        ((3, 2.0), lz.KindError, "embedding_dim is a whole number"),
        ((3, 2, 3), lz.RangeError, "padding_idx must be below the 3 rows of the table, got 3"),
        ((3, 2, -4), lz.RangeError, "padding_idx must be -3 or more, got -4"),
    ],
)
def test_wrong_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        nn.Embedding(*arguments)
