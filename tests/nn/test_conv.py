"""Convolutions and the transposed one."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional


def image(*rows):
    return np.array([[rows]], np.float32)


def test_a_filter_of_differences_slides_over_a_row():
    y = functional.conv1d([[[1, 4, 9, 16]]], lz.tensor([[[-1.0, 1.0]]]), lz.tensor([100.0]))
    np.testing.assert_array_equal(y, [[[103, 105, 107]]])


def test_each_place_of_the_output_is_the_sum_under_the_filter():
    x = image([1, 2, 3], [4, 5, 6], [7, 8, 9])
    filters = lz.tensor(image([1, 10], [100, 1000]))
    np.testing.assert_array_equal(functional.conv2d(x, filters), image([5421, 6532], [8754, 9865]))
    np.testing.assert_array_equal(functional.conv2d(x, filters, stride=2), image([5421]))
    np.testing.assert_array_equal(functional.conv2d(x, filters, dilation=2), image([9731]))
    np.testing.assert_array_equal(
        functional.conv2d(x, filters, padding=(1, 0)),
        image([2100, 3200], [5421, 6532], [8754, 9865], [87, 98]),
    )


def test_same_padding_keeps_the_lengths_with_the_odd_zero_behind():
    x = image([1, 2, 3])
    ones = lz.tensor(image([1, 1]))
    np.testing.assert_array_equal(functional.conv2d(x, ones, padding="same"), image([3, 5, 3]))
    np.testing.assert_array_equal(functional.conv2d(x, ones, padding="valid"), image([3, 5]))


def test_groups_keep_channels_apart():
    x = np.array([[[1.0, 2.0], [10.0, 20.0]]])
    weight = lz.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]])
    np.testing.assert_array_equal(
        functional.conv1d(x, weight, groups=2), [[[1, 2], [2, 4], [30, 60], [40, 80]]]
    )


def test_a_transposed_filter_spreads_each_number_and_overlaps_add_up():
    x = image([1, 10])
    weight = lz.tensor(image([1, 2, 3]))
    transpose = functional.conv_transpose2d
    np.testing.assert_array_equal(transpose(x, weight), image([1, 12, 23, 30]))
    np.testing.assert_array_equal(transpose(x, weight, stride=(1, 2)), image([1, 2, 13, 20, 30]))
    np.testing.assert_array_equal(transpose(x, weight, padding=(0, 1)), image([12, 23]))
    np.testing.assert_array_equal(
        transpose(x, weight, lz.tensor([0.5]), stride=(1, 2), output_padding=(0, 1)),
        image([1.5, 2.5, 13.5, 20.5, 30.5, 0.5]),
    )


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(groups, rng):
    x = lz.tensor(rng.standard_normal((2, 4, 7, 6)), requires_grad=True)
    weight = lz.tensor(rng.standard_normal((6, 4 // groups, 3, 2)))
    settings = {"stride": 2, "padding": 1, "groups": groups}
    y = functional.conv2d(x, weight, **settings)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    back = functional.conv_transpose2d(dy, weight, output_padding=(0, 0), **settings)
    np.testing.assert_allclose(back, x.grad[:, :, : back.shape[2], : back.shape[3]], atol=1e-12)


@pytest.mark.parametrize(
    ("function", "shape", "weight", "settings"),
    [
        (functional.conv1d, (2, 4, 9), (6, 2, 3), {"groups": 2, "stride": 2, "padding": 1}),
        (functional.conv2d, (2, 3, 6, 5), (4, 3, 3, 2), {"dilation": (2, 1), "padding": (1, 0)}),
        (functional.conv_transpose2d, (2, 3, 3, 2), (3, 2, 3, 2), {"stride": 2, "padding": 1}),
    ],
)
def test_gradients_agree_with_differences(function, shape, weight, settings, rng, gradients_agree):
    arrays = [rng.standard_normal(shape), rng.standard_normal(weight)]
    gradients_agree(lambda x, w: function(x, w, None, **settings), *arrays)


def test_neither_filters_nor_images_are_transposed_in_memory():
    layer = nn.Conv2d(3, 5, 3, padding=1)
    channels_last = np.zeros((2, 8, 8, 3), np.float32).transpose(0, 3, 1, 2)
    x = lz.tensor(channels_last, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert layer.weight.shape == (5, 3, 3, 3)
    for tensor, order in (
        (layer.weight, (2, 3, 1, 0)),
        (layer.weight.grad, (2, 3, 1, 0)),
        (y, (0, 2, 3, 1)),
    ):
        assert tensor.numpy().transpose(order).flags.c_contiguous


def test_one_sample_without_a_batch_axis_gives_one_sample():
    assert nn.Conv2d(3, 5, 3)(np.zeros((3, 8, 8))).shape == (5, 6, 6)
    assert nn.Conv1d(3, 5, 3)(np.zeros((3, 8))).shape == (5, 6)
    assert nn.ConvTranspose2d(3, 5, 3)(np.zeros((3, 8, 8))).shape == (5, 10, 10)


def test_the_output_padding_may_be_larger_than_the_padding_cut_off():
    layer = nn.ConvTranspose2d(1, 1, 1, stride=4, padding=0, output_padding=3, bias=False)
    assert layer(np.ones((1, 1, 2, 2))).shape == (1, 1, 8, 8)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv2d(3, 4, 3), (2, 5, 8, 8), "expects 3 channels on axis 1, got (2, 5, 8, 8) with 5"),
        (nn.Conv2d(3, 4, 3), (2, 8, 8, 3), "permute_dims(0, 3, 1, 2) gives (N, C, H, W)"),
        (nn.Conv1d(3, 4, 3), (2, 8, 3), "permute_dims(0, 2, 1) gives (N, C, L)"),
        (nn.Conv2d(1, 4, 3), (32, 28, 28), "on axis 0, got (32, 28, 28) with 32. For a batch"),
        (nn.Conv2d(3, 4, 3), (2, 8, 8), "expects 3 channels on axis 0, got (2, 8, 8) with 2"),
        (nn.Conv2d(1, 4, 3), (28, 28), "got 2 axes: (28, 28). A channel axis may be missing"),
        (nn.Conv2d(1, 4, 3), (1,) * 5, "expects (N, C, H, W), or (C, H, W) for one sample, got 5"),
        (nn.Conv2d(1, 4, 5), (1, 1, 4, 4), "a window that covers 5 x 5 does not fit in an input"),
        (nn.ConvTranspose2d(3, 4, 3), (2, 4, 8, 8), "expects 3 channels on axis 1"),
        (nn.ConvTranspose2d(1, 1, 2, padding=2), (1, 1, 2, 2), "padding (2, 2) leaves nothing"),
    ],
)
def test_inputs_that_do_not_fit_are_explained(layer, shape, message):
    with pytest.raises(lz.ShapeError, match=re.escape(message)):
        layer(np.zeros(shape))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: functional.conv2d(x, lz.zeros((3, 4, 2))), lz.ShapeError, "have 4 axes, got"),
        (
            lambda x: functional.conv2d(x, lz.zeros((3, 4, 2, 2)), lz.zeros((3, 1, 1))),
            lz.ShapeError,
            "one number for each of 3 outputs, got (3, 1, 1)",
        ),
        (
            lambda x: functional.conv2d(x, lz.zeros((3, 2, 2, 2)), groups=2),
            lz.RangeError,
            "the number of filters must be a multiple of groups: 3 is not one of 2",
        ),
        (
            lambda x: functional.conv_transpose2d(x, lz.zeros((4, 3, 2, 2)), groups=3),
            lz.RangeError,
            "the number of channels must be a multiple of groups: 4 is not one of 3",
        ),
        (
            lambda x: functional.conv2d(x, lz.zeros((3, 4, 2, 2)), groups=0),
            lz.RangeError,
            "groups must be 1 or more, got 0",
        ),
    ],
)
def test_filters_that_do_not_fit_are_explained(call, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        call(np.zeros((1, 4, 3, 3)))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: nn.Conv2d(0, 4, 3), lz.RangeError, "in_channels must be 1 or more, got 0"),
        (lambda: nn.Conv2d(1, 4, 0), lz.RangeError, "kernel_size must be 1 or more, got 0"),
        (lambda: nn.Conv2d(1, 4, (3, 3, 3)), lz.ShapeError, "kernel_size is one number or 2"),
        (lambda: nn.Conv2d(1, 4, "3"), lz.KindError, "kernel_size is a whole number, got '3'"),
        (lambda: nn.Conv2d(1, 4, 3, stride=0), lz.RangeError, "stride must be 1 or more"),
        (lambda: nn.Conv2d(1, 4, 3, padding=-1), lz.RangeError, "padding must be 0 or more"),
        (lambda: nn.Conv2d(1, 4, 3, padding="full"), lz.RangeError, 'whole number, "same" or'),
        (
            lambda: nn.Conv2d(1, 4, 3, 2, padding="same"),
            lz.RangeError,
            "needs stride 1, got (2, 2)",
        ),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), lz.RangeError, "in_channels must be a multiple of"),
        (lambda: nn.Conv2d(2, 3, 3, groups=2), lz.RangeError, "out_channels must be a multiple"),
        (lambda: nn.Conv2d(1, 4, 3, padding_mode="reflect"), lz.RangeError, 'is "zeros", got'),
        (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), lz.RangeError, "multiple of groups: 3 is"),
        (lambda: nn.ConvTranspose2d(1, 4, 3, output_padding=1), lz.RangeError, "below the stride"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="x"), lz.RangeError, "got 'x'"),
    ],
)
def test_wrong_arguments_are_named(make, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        make()
