"""Dropout of numbers and of channels."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.random import Generator
from lunzi.nn import functional


def test_numbers_are_left_out_or_enlarged_so_that_the_mean_stays():
    y = nn.Dropout(0.25, generator=Generator(0))(np.ones(4000))
    assert set(np.unique(y.numpy())) == {0, np.float64(1 / 0.75)}
    # 5 standard errors of 4,000 draws
    assert (y.numpy() == 0).mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / 4000))


def test_the_gradient_passes_where_the_number_did():
    x = lz.ones(100, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y)


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.Dropout1d, (4, 50, 6)), (nn.Dropout2d, (4, 50, 3, 2))]
)
def test_channels_are_left_out_whole(layer, shape):
    for x in (np.ones(shape), np.ones(shape[1:])):
        y = layer(generator=Generator(0))(x).numpy()
        channels = y.reshape(-1, 6)
        assert (channels == channels[:, :1]).all()
        assert 0 < channels[:, 0].mean() < 2


@pytest.mark.parametrize("layer", [nn.Dropout, nn.Dropout1d, nn.Dropout2d])
def test_after_eval_the_input_passes_as_it_is(layer):
    x = lz.ones((2, 3, 4))
    assert layer().eval()(x) is x


def test_the_two_ends_of_the_probability():
    x = lz.ones(10)
    assert functional.dropout(x, 0) is x
    np.testing.assert_array_equal(functional.dropout(x, 1), np.zeros(10))


def test_the_same_seed_gives_the_same_mask():
    lz.manual_seed(1)
    first = [functional.dropout(np.ones(50)).numpy() for _ in range(2)]
    lz.manual_seed(1)
    again = [functional.dropout(np.ones(50)).numpy() for _ in range(2)]
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_a_probability_lies_between_zero_and_one(p):
    with pytest.raises(lz.RangeError, match="p must be in"):
        nn.Dropout(p)


def test_channels_need_an_axis():
    with pytest.raises(lz.ShapeError, match="expects"):
        nn.Dropout2d()(np.ones((2, 3)))
