"""Sliding windows against NumPy's, and what keeps them inside the memory of the input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

import lunzi as lz
from lunzi.core.tensor import bind
from lunzi.core.windows import OverlapAdd, Windows

small = st.integers(1, 3)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 8), small, small, small), min_size=1, max_size=2))
def test_windows_agree_with_numpy(axes):
    lengths, sizes, strides, dilations = (tuple(each) for each in zip(*axes, strict=True))
    x = np.arange(2 * np.prod(lengths), dtype="float64").reshape(2, *lengths)
    reach = [dilation * (size - 1) + 1 for size, dilation in zip(sizes, dilations, strict=True)]
    if any(need > length for need, length in zip(reach, lengths, strict=True)):
        with pytest.raises(lz.ShapeError, match="does not fit on an axis of length"):
            lz.sliding_windows(x, sizes, strides, dilations)
        return
    last = tuple(range(1, 1 + len(axes)))
    expected = sliding_window_view(x, reach, last)
    expected = expected[(slice(None), *(slice(None, None, step) for step in strides))]
    expected = expected[(..., *(slice(None, None, step) for step in dilations))]
    tensor = lz.tensor(x, requires_grad=True)
    result = lz.sliding_windows(tensor, sizes, strides, dilations)
    np.testing.assert_array_equal(result, expected)
    result.sum().backward()
    uses = np.bincount(expected.astype(int).ravel(), minlength=x.size).reshape(x.shape)
    np.testing.assert_array_equal(tensor.grad, uses)


def test_one_stride_and_dilation_may_stand_for_all_axes():
    x = np.arange(50.0).reshape(1, 5, 10)
    np.testing.assert_array_equal(
        lz.sliding_windows(x, (2, 2), 2, 3), lz.sliding_windows(x, (2, 2), (2, 2), (3, 3))
    )
    assert lz.sliding_windows(np.arange(4.0), 2).tolist() == [[0, 1], [1, 2], [2, 3]]


def test_windows_look_at_the_memory_of_the_input():
    x = lz.tensor(np.arange(6.0))
    windows = lz.sliding_windows(x, 3)
    assert np.shares_memory(windows.numpy(), x.numpy())
    x.assign(0)
    with pytest.raises(lz.StateError, match="was assigned since"):
        windows.numpy()


def test_windows_of_any_memory_order_agree(rng):
    x = rng.standard_normal((4, 3, 5))
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        turned = lz.Tensor(np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order)))
        np.testing.assert_array_equal(
            lz.sliding_windows(turned, (2, 2)), lz.sliding_windows(x, (2, 2))
        )


@pytest.mark.parametrize(
    ("op", "error", "text"),
    [
        (Windows((4,), (1,), (1,)), lz.ShapeError, "a window of 4 does not fit"),
        (Windows((2,), (1,), (3,)), lz.ShapeError, "a window of 4 does not fit"),
        (Windows((0,), (1,), (1,)), lz.RangeError, "are 1 or more"),
        (Windows((2,), (0,), (1,)), lz.RangeError, "are 1 or more"),
        (Windows((2,), (1,), (-1,)), lz.RangeError, "are 1 or more"),
        (Windows((1, 1, 1), (1, 1, 1), (1, 1, 1)), lz.ShapeError, "windows over 3 axes"),
        (Windows((2,), (1, 1), (1,)), lz.ShapeError, "one size, stride and dilation for each"),
        (OverlapAdd((4,), (2,), (1,), (1,)), lz.ShapeError, "takes windows of shape"),
        (OverlapAdd((3,), (2,), (0,), (1,)), lz.RangeError, "are 1 or more"),
    ],
    ids=str,
)
def test_refuses_windows_that_would_reach_outside(op, error, text):
    x = lz.zeros((2, 3))
    with pytest.raises(error, match=text):
        bind(op, x)
    with pytest.raises(error, match=text):
        lz.trace(lambda x: bind(op, x), x)


def test_what_overlaps_is_added():
    windows = lz.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert bind(OverlapAdd((3,), (2,), (1,), (1,)), windows).tolist() == [1, 5, 4]
    assert bind(OverlapAdd((5,), (2,), (2,), (1,)), windows).tolist() == [1, 2, 3, 4, 0]


def test_a_stride_that_no_machine_can_step_is_an_error_of_ours():
    with pytest.raises(lz.RangeError, match="too large"):
        lz.sliding_windows(lz.ones(4), 2, 10**30)
