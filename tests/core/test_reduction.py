"""Reductions, running sums and sorting against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import lunzi as lz
from lunzi.core.spec import DTYPES

shapes = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
numbers = st.floats(-10, 10, width=32)
hold = settings(deadline=None, derandomize=True, max_examples=80)


@st.composite
def reductions(draw, elements=numbers):
    """An array, some of its axes or None, and whether they are kept."""
    shape = draw(shapes)
    x = draw(arrays("float64", shape, elements=elements))
    axes = st.none()
    if shape:
        one = st.integers(-len(shape), len(shape) - 1)
        several = st.lists(st.integers(0, len(shape) - 1), unique=True).map(tuple)
        axes = st.one_of(axes, one, several)
    return x, draw(axes), draw(st.booleans())


@hold
@given(reductions())
def test_sums_and_products_agree_with_numpy(case):
    x, axis, keepdims = case
    for name in ("sum", "prod"):
        result = getattr(lz.tensor(x), name)(axis, keepdims)
        expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@hold
@given(reductions())
def test_mean_var_and_std_agree_with_numpy(case):
    x, axis, keepdims = case
    if not x.size:
        return
    for name in ("mean", "var", "std"):
        result = getattr(lz.tensor(x), name)(axis, keepdims=keepdims)
        expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


@hold
@given(reductions(st.sampled_from([0.0, 1.0, -2.0, np.nan, np.inf])))
def test_max_min_any_and_all_agree_with_numpy(case):
    x, axis, keepdims = case
    for name in ("any", "all"):
        result = getattr(lz.tensor(x), name)(axis, keepdims)
        np.testing.assert_array_equal(result, getattr(np, name)(x, axis=axis, keepdims=keepdims))
    for name in ("max", "min"):
        try:
            expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
        except ValueError:
            with pytest.raises(lz.ShapeError, match="of no numbers: the tensor has shape"):
                getattr(lz.tensor(x), name)(axis, keepdims)
        else:
            np.testing.assert_array_equal(getattr(lz.tensor(x), name)(axis, keepdims), expected)


@hold
@given(arrays("float64", shapes, elements=st.sampled_from([0.0, 1.0, 2.0, np.nan])), st.data())
def test_positions_of_extremes_agree_with_numpy(x, data):
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
    for name in ("argmax", "argmin"):
        for keepdims in (False, True):
            try:
                expected = getattr(np, name)(x, axis=axis, keepdims=keepdims)
            except ValueError:
                with pytest.raises(lz.ShapeError, match="of no numbers"):
                    getattr(lz.tensor(x), name)(axis, keepdims)
            else:
                result = getattr(lz.tensor(x), name)(axis, keepdims)
                assert result.dtype == "int64"
                np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_counts_do_not_wrap_around(dtype):
    x = np.ones((300, 2), dtype)
    expected = dtype if dtype.kind == "f" else "int64"
    for result in (lz.sum(x, 0), lz.cumulative_sum(x, 0)[-1]):
        assert result.dtype == expected
        assert result.tolist() == [300, 300]
    assert lz.prod(lz.full(8, 2, "uint8")).item() == 256
    assert lz.prod(lz.ones(8, dtype)).dtype == expected


def test_float16_is_summed_in_float32_and_rounded_once():
    x = lz.ones(5000, "float16")
    assert x.sum().dtype == "float16"
    assert x.sum().item() == 5000
    large = lz.full((2, 2000), 100, "float16")
    assert large.mean(1).tolist() == [100, 100]
    assert large.mean().dtype == "float16"
    spread = lz.tensor([-300.0, 300.0] * 500, "float16")
    assert spread.std().item() == 300
    assert spread.std().dtype == "float16"
    assert lz.zeros(100_000, "float16").logsumexp().item() == pytest.approx(11.51, abs=0.01)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_means_of_integers_are_float32(dtype):
    x = lz.tensor([0, 1, 1, 0], dtype)
    for name in ("mean", "var", "std"):
        assert getattr(x, name)().dtype == "float32"
    assert x.mean().item() == 0.5


def test_the_mean_of_nothing_is_nan():
    for name in ("mean", "var", "std"):
        assert np.isnan(getattr(lz.zeros((0,)), name)().item())
        assert getattr(lz.zeros((2, 0)), name)(1).shape == (2,)
    assert lz.zeros((0, 3)).sum(0).tolist() == [0, 0, 0]
    assert lz.zeros((0, 3)).prod(0).tolist() == [1, 1, 1]
    assert not lz.zeros((0,)).any().item()
    assert lz.zeros((0,)).all().item()


def test_the_variance_takes_a_correction_but_never_divides_by_less_than_zero():
    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(lz.var(x, correction=1), np.var(x, ddof=1))
    np.testing.assert_allclose(lz.std(x, correction=1), np.std(x, ddof=1))
    assert lz.var(x, correction=5).item() == np.inf


def test_flags_may_be_numpys():
    assert lz.ones((2, 3)).sum(0, np.True_).shape == (1, 3)


def test_reductions_pass_nan_on():
    x = lz.tensor([[1.0, np.nan], [2.0, 3.0]])
    for name in ("sum", "prod", "mean", "var", "max", "min", "logsumexp", "cumulative_sum"):
        values = getattr(x, name)(1).numpy()
        assert np.isnan(values[0]).any()
        assert not np.isnan(values[1]).any()


def test_the_product_has_the_right_gradient_where_factors_are_zero():
    for x, expected in [
        ([2.0, 3.0, 4.0], [12, 8, 6]),
        ([0.0, 3.0, 4.0], [12, 0, 0]),
        ([0.0, 3.0, 0.0, 2.0], [0, 0, 0, 0]),
        ([5.0], [1]),
    ]:
        tensor = lz.tensor(x, requires_grad=True)
        tensor.prod().backward()
        assert tensor.grad.tolist() == expected


def test_the_product_has_a_second_derivative_where_a_factor_is_zero():
    def slope(x):
        return lz.grad(lambda x: x.prod())(x)[0]

    assert lz.grad(slope)(lz.tensor([0.0, 3.0, 4.0])).tolist() == [0, 4, 3]


def test_equal_extremes_share_the_gradient():
    for name, expected in [("max", [0, 0.5, 0.5]), ("min", [1, 0, 0])]:
        x = lz.tensor([1.0, 3.0, 3.0], requires_grad=True)
        getattr(x, name)().backward()
        assert x.grad.tolist() == expected


@hold
@given(reductions())
def test_logsumexp_agrees_with_its_definition(case):
    x, axis, keepdims = case
    if not x.size:
        return
    result = lz.logsumexp(x, axis, keepdims)
    expected = np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_logsumexp_is_safe_for_large_and_infinite_numbers():
    assert lz.tensor([1e4, 1e4], "float64").logsumexp().item() == 1e4 + np.log(2)
    assert lz.tensor([-np.inf, 0.0]).logsumexp().item() == 0
    assert lz.tensor([-np.inf, -np.inf]).logsumexp().item() == -np.inf
    assert lz.tensor([np.inf, 0.0]).logsumexp().item() == np.inf
    x = lz.tensor([1.0, 2.0, -np.inf], "float64", requires_grad=True)
    x.logsumexp().backward()
    np.testing.assert_allclose(x.grad, np.exp(x.numpy() - x.logsumexp().item()))


@hold
@given(arrays("float32", array_shapes(max_dims=3, min_side=0, max_side=5), elements=numbers))
def test_running_sums_and_orders_agree_with_numpy(x):
    for axis in range(-x.ndim, x.ndim):
        np.testing.assert_allclose(
            lz.cumulative_sum(x, axis), np.cumsum(x, axis), rtol=1e-5, atol=1e-4
        )
        np.testing.assert_array_equal(lz.argsort(x, axis), np.argsort(x, axis, kind="stable"))
        np.testing.assert_array_equal(lz.sort(x, axis), np.sort(x, axis))
        falling = np.flip(np.sort(x, axis), axis)
        np.testing.assert_array_equal(lz.sort(x, axis, descending=True), falling)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_sorting_keeps_equal_numbers_in_order(dtype):
    x = np.array([1, 0, 1, 0, 1]).astype(dtype)
    assert lz.argsort(x).tolist() == [1, 3, 0, 2, 4]
    assert lz.argsort(x, descending=True).tolist() == [0, 2, 4, 1, 3]


def test_nan_comes_last_and_first_when_descending():
    x = lz.tensor([2.0, np.nan, 1.0])
    assert x.argsort().tolist() == [2, 0, 1]
    assert x.argsort(descending=True).tolist() == [1, 0, 2]


def test_sorting_moves_the_gradient_back():
    x = lz.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (x.sort() * lz.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert x.grad.tolist() == [30, 10, 20]


def test_topk_gives_the_largest_and_where_they_stood():
    x = lz.tensor([[1.0, 5.0, 3.0, 5.0], [4.0, 0.0, 9.0, 2.0]], requires_grad=True)
    values, places = x.topk(2)
    assert values.tolist() == [[5, 5], [9, 4]]
    assert places.tolist() == [[1, 3], [2, 0]]
    values.sum().backward()
    assert x.grad.tolist() == [[0, 1, 0, 1], [1, 0, 1, 0]]
    assert x.topk(1, axis=0)[0].tolist() == [[4, 5, 9, 5]]
    assert x.topk(0)[0].shape == (2, 0)


@pytest.mark.parametrize(
    ("reduce", "error", "text"),
    [
        (lambda x: x.topk(4), lz.PositionError, "topk of 4 along an axis of length 3"),
        (lambda x: x.topk(-1), lz.PositionError, "topk of -1"),
        (lambda x: x.topk(1.0), lz.KindError, "the count of topk must be a whole number"),
        (lambda x: x.sum(2), lz.PositionError, "there is no axis 2"),
        (lambda x: x.argmax((0, 1)), lz.KindError, "an axis must be a whole number"),
        (lambda x: x.cumulative_sum(5), lz.PositionError, "there is no axis 5"),
        (lambda x: x.sum(0, 1), lz.KindError, "keepdims is True or False, got 1"),
        (lambda x: x.prod(0, None), lz.KindError, "keepdims is True or False, got None"),
        (lambda x: x.argmax(0, 1), lz.KindError, "keepdims is True or False"),
        (lambda x: x.logsumexp(0, 1), lz.KindError, "keepdims is True or False"),
        (lambda x: x.sort(0, 1), lz.KindError, "descending is True or False"),
        (lambda x: x.var(correction="1"), lz.KindError, "made of numbers"),
        (lambda x: x.var(correction=[1]), lz.ShapeError, "the correction must be one number"),
        (lambda x: x[0, 0].sort(), lz.PositionError, "has no axes"),
    ],
)
def test_refuses_what_does_not_fit(reduce, error, text):
    with pytest.raises(error, match=text):
        reduce(lz.zeros((2, 3)))
