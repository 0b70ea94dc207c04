"""Flatten and Unflatten."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn


def test_axes_become_one_in_c_order_whatever_the_memory():
    x = np.arange(12).reshape(2, 3, 2)
    np.testing.assert_array_equal(nn.Flatten()(x), x.reshape(2, 6))
    np.testing.assert_array_equal(nn.Flatten(0, -2)(x), x.reshape(6, 2))
    np.testing.assert_array_equal(nn.Flatten()(x.transpose(0, 2, 1))[0], [0, 2, 4, 1, 3, 5])


def test_one_axis_becomes_several():
    x = np.arange(12).reshape(2, 6)
    np.testing.assert_array_equal(nn.Unflatten(1, (2, 3))(x), x.reshape(2, 2, 3))
    np.testing.assert_array_equal(nn.Unflatten(-1, (3, -1))(x), x.reshape(2, 3, 2))
    np.testing.assert_array_equal(nn.Unflatten(0, [1, 2])(x), x.reshape(1, 2, 6))
    assert nn.Unflatten(1, 6)(x).shape == (2, 6)


@pytest.mark.parametrize("sizes", [(4, 2), (4, -1), (-1, -1), (0, -1)])
def test_an_axis_that_cannot_be_divided_up_is_named(sizes):
    message = f"expects an axis 1 that {sizes} divides up, got (2, 6) with 6"
    with pytest.raises(lz.ShapeError, match=re.escape(message)):
        nn.Unflatten(1, sizes)(np.zeros((2, 6)))


def test_missing_axes_and_wrong_arguments_are_refused():
    with pytest.raises(lz.PositionError, match="there is no axis 1"):
        nn.Flatten()(np.zeros(3))
    with pytest.raises(lz.PositionError, match="there is no axis 2"):
        nn.Unflatten(2, (1, 1))(np.zeros((2, 6)))
    with pytest.raises(lz.KindError, match="start_dim is a whole number"):
        nn.Flatten(1.5)
    with pytest.raises(lz.RangeError, match="unflattened_size must be -1 or more"):
        nn.Unflatten(1, (2, -3))
