"""Pooling."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional

SQUARE = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]], np.float32)


def test_keeps_the_largest_of_each_window():
    np.testing.assert_array_equal(functional.max_pool1d([[[3, 1, 2, 5, 4]]], 2), [[[3, 5]]])
    np.testing.assert_array_equal(functional.max_pool2d(SQUARE, 2), [[[[5]]]])
    np.testing.assert_array_equal(functional.max_pool2d(SQUARE, 2, 1), [[[[5, 6], [8, 9]]]])
    np.testing.assert_array_equal(functional.max_pool2d(SQUARE, 2, 1, dilation=2), [[[[9]]]])


def test_a_last_window_may_reach_beyond_the_end():
    np.testing.assert_array_equal(
        functional.max_pool2d(SQUARE, 2, ceil_mode=True), [[[[5, 6], [8, 9]]]]
    )
    np.testing.assert_array_equal(
        functional.avg_pool2d(SQUARE, 2, ceil_mode=True), [[[[3, 4.5], [7.5, 9]]]]
    )


def test_a_window_that_would_begin_behind_the_input_is_left_out():
    x = [[[1.0, 2.0, 3.0, 4.0]]]
    assert functional.max_pool1d(x, 2, 3, 1, ceil_mode=True).shape == (1, 1, 2)
    assert functional.max_pool1d(x, 1, 3, ceil_mode=True).shape == (1, 1, 2)
    assert functional.max_pool1d(x, 1, 4, ceil_mode=True).shape == (1, 1, 1)


def test_padding_is_never_the_largest():
    x = np.full((1, 1, 3, 3), -5.0)
    np.testing.assert_array_equal(
        functional.max_pool2d(x, 2, padding=1), np.full((1, 1, 2, 2), -5.0)
    )


@pytest.mark.parametrize("stride", [2, 1], ids=["blocks", "overlapping"])
def test_equal_largest_numbers_share_the_gradient_equally(stride):
    x = lz.tensor([[[1.0, 1.0], [1.0, 0.0]]], requires_grad=True)
    functional.max_pool2d(x, 2, stride).backward([[[6.0]]])
    np.testing.assert_array_equal(x.grad, [[[2, 2], [2, 0]]])


def test_nan_stays_nan():
    assert np.isnan(functional.max_pool1d([[[1.0, np.nan]]], 2).numpy()).all()


def test_means_count_the_padding_unless_told_otherwise():
    x = [[[2.0, 4.0]]]
    np.testing.assert_array_equal(functional.avg_pool1d(x, 2, padding=1), [[[1, 2]]])
    np.testing.assert_array_equal(
        functional.avg_pool1d(x, 2, padding=1, count_include_pad=False), [[[2, 4]]]
    )
    np.testing.assert_array_equal(
        functional.avg_pool2d(SQUARE, 2, divisor_override=1), [[[[1 + 2 + 4 + 5]]]]
    )


def test_adaptive_means_cut_the_image_into_equal_or_overlapping_parts():
    adaptive = functional.adaptive_avg_pool2d
    np.testing.assert_array_equal(adaptive(SQUARE, 1), [[[[5]]]])
    np.testing.assert_array_equal(adaptive(SQUARE, (None, 1)), [[[[2], [5], [8]]]])
    # Of 3 rows, part 0 is rows 0 and 1, part 1 rows 1 and 2.
    np.testing.assert_allclose(adaptive(SQUARE, 2), [[[[3, 4], [6, 7]]]])
    np.testing.assert_allclose(adaptive(SQUARE, (1, 4))[0, 0, 0], [4, 4.5, 5.5, 6])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.MaxPool1d(3, 2, 1), (2, 3, 8)),
        (nn.MaxPool2d(2), (2, 3, 5, 4)),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), (2, 3, 6, 5)),
        (nn.AvgPool1d(2), (2, 3, 7)),
        (nn.AvgPool2d(3, 2, 1, True, False), (2, 3, 6, 5)),
        (nn.AdaptiveAvgPool2d((2, 3)), (2, 3, 5, 6)),
    ],
)
def test_gradients_agree_with_differences(layer, shape, rng, gradients_agree):
    gradients_agree(layer, rng.permutation(int(np.prod(shape))).reshape(shape) / 10)


def test_the_memory_order_of_the_input_is_kept():
    x = np.zeros((2, 8, 8, 3), np.float32).transpose(0, 3, 1, 2)
    for layer in (nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2)):
        assert layer(x).numpy().transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.MaxPool2d(2), (2, 3), "expects (N, C, H, W), or (C, H, W) for one sample, got 2 axes"),
        (nn.MaxPool2d(3), (1, 1, 2, 2), "a window that covers 3 x 3 does not fit in an input of"),
        (nn.AvgPool1d(3), (1, 1, 2), "does not fit in an input of 2, padding included"),
        (nn.AdaptiveAvgPool2d(2), (3,), "expects (N, C, H, W)"),
        (nn.AdaptiveAvgPool2d(2), (1, 3, 0, 4), "with places on each axis, got (1, 3, 0, 4)"),
    ],
)
def test_inputs_that_do_not_fit_are_explained(layer, shape, message):
    with pytest.raises(lz.ShapeError, match=re.escape(message)):
        layer(np.zeros(shape))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: nn.MaxPool2d(0), lz.RangeError, "kernel_size must be 1 or more"),
        (
            lambda: nn.MaxPool2d(2, padding=2),
            lz.RangeError,
            "padding must be half a window at most",
        ),
        (lambda: nn.AvgPool2d(2, divisor_override=0), lz.RangeError, "divisor_override must be 1"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), lz.ShapeError, "one number or two"),
        (lambda: nn.AdaptiveAvgPool2d(0), lz.RangeError, "output_size must be 1 or more"),
        (lambda: nn.MaxPool2d(2, 2, 0, 1, True), TypeError, "positional arguments"),
    ],
)
def test_wrong_arguments_are_named(make, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        make()
