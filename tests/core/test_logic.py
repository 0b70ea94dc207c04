"""Comparisons, choice and bits."""

import operator

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.spec import DTYPES

COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
BITS = [operator.and_, operator.or_, operator.xor]
WHOLE = [dtype for dtype in DTYPES if dtype.kind in "iu"]


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_comparisons_agree_with_numpy(compare, dtype):
    a, b = np.array([0, 1, 1], dtype), np.array([1, 1, 0], dtype)
    for x, y in [(lz.tensor(a), lz.tensor(b)), (lz.tensor(a), b), (a, lz.tensor(b))]:
        result = compare(x, y)
        assert isinstance(result, lz.Tensor)
        assert result.dtype == "bool"
        np.testing.assert_array_equal(result, compare(a, b))
    np.testing.assert_array_equal(compare(lz.tensor(a), 1), compare(a, 1))
    np.testing.assert_array_equal(compare(1, lz.tensor(a)), compare(1, a))


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
def test_comparisons_of_two_tensors_can_be_traced(compare):
    graph = lz.trace(compare, lz.Spec((2,)), lz.Spec((2,)))
    a, b = np.float32([1, 2]), np.float32([2, 2])
    np.testing.assert_array_equal(graph(a, b), compare(a, b))


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda f: f.__name__)
def test_nan_is_unlike_all_numbers(compare):
    x = np.array([np.nan, 1.0])
    np.testing.assert_array_equal(compare(lz.tensor(x), lz.tensor(x)), compare(x, x))


@pytest.mark.parametrize("other", [None, "text", object()])
def test_is_equal_to_nothing_that_is_no_number(other):
    x = lz.ones(2)
    assert (x == other) is False
    assert (x != other) is True
    assert x not in [other]


def test_an_integer_out_of_range_is_refused_in_a_comparison():
    with pytest.raises(lz.RangeError, match="-1 does not fit in uint8"):
        lz.zeros(2, "uint8") == -1  # noqa: B015  # it raises


def test_where_chooses_and_broadcasts():
    condition = np.array([[True], [False]])
    a, b = np.float32([1, 2]), np.float32(9)
    np.testing.assert_array_equal(lz.where(condition, a, b), np.where(condition, a, b))


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        (1, 0, "int64"),
        (1.0, 0, "float32"),
        (1, 0.0, "float32"),
        (True, False, "bool"),
        (np.float64(1), 0, "float32"),
        (np.ones(2), 0, "float64"),
        (lz.ones(2, "float16"), 0.5, "float16"),
        (0.5, lz.ones(2, "float16"), "float16"),
        (0.1, lz.ones(2, "float64"), "float64"),
        (lz.ones(2, "int32"), lz.ones(2, "float32"), "float32"),
    ],
    ids=str,
)
def test_where_brings_both_to_one_dtype(a, b, dtype):
    result = lz.where(lz.tensor([True, False]), a, b)
    assert result.dtype == dtype
    assert result[0].item() == np.asarray(a, dtype).ravel()[0]


@pytest.mark.parametrize("condition", [np.array([1, 0]), np.array([0.5]), 1])
def test_refuses_a_condition_that_is_not_bool(condition):
    with pytest.raises(lz.KindError, match="the condition of where is bool, got"):
        lz.where(condition, 1, 2)
    with pytest.raises(lz.KindError, match="the condition of where is bool, got"):
        lz.trace(lambda x: x.where(1, 2), lz.as_tensor(condition))


def test_where_sends_the_gradient_to_the_chosen_one_alone():
    a = lz.tensor([1.0, 2.0], requires_grad=True)
    b = lz.tensor([3.0, 4.0], requires_grad=True)
    lz.where(np.array([True, False]), a, b).sum().backward()
    assert a.grad.tolist() == [1, 0]
    assert b.grad.tolist() == [0, 1]


@pytest.mark.parametrize(
    "bounds", [(0, 1), (None, 1), (0, None), (2, 1), (-0.5, 0.25), (np.array([0, 1, 0, 1]), 3)]
)
def test_clip_agrees_with_numpy(bounds):
    x = np.array([-1.0, 0.5, 2.0, np.nan])
    np.testing.assert_array_equal(lz.clip(x, *bounds), np.clip(x, *bounds))


def test_clip_without_bounds_changes_nothing():
    assert lz.tensor([1.0, 2.0]).clip().tolist() == [1, 2]


def test_the_gradient_of_clip_passes_where_the_value_is_kept():
    x = lz.tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
    x.clip(0, 1).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_kinds_of_numbers_are_told_apart():
    x = np.array([1.0, np.inf, -np.inf, np.nan])
    for name in ("isnan", "isinf", "isfinite", "logical_not"):
        np.testing.assert_array_equal(getattr(lz, name)(x), getattr(np, name)(x))
        np.testing.assert_array_equal(
            getattr(lz, name)(np.array([0, 2])), getattr(np, name)([0, 2])
        )


@pytest.mark.parametrize("operate", BITS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [*WHOLE, np.dtype("bool")], ids=str)
def test_bits_agree_with_numpy(operate, dtype):
    a, b = np.array([0, 1, 6, 7]).astype(dtype), np.array([1, 1, 3, 0]).astype(dtype)
    for x, y in [(lz.tensor(a), lz.tensor(b)), (lz.tensor(a), b), (a, lz.tensor(b))]:
        result = operate(x, y)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, operate(a, b))
    np.testing.assert_array_equal(operate(1, lz.tensor(b)), operate(1, b))


@pytest.mark.parametrize("dtype", [*WHOLE, np.dtype("bool")], ids=str)
def test_inverted_bits_agree_with_numpy(dtype):
    x = np.array([0, 1, 6]).astype(dtype)
    assert (~lz.tensor(x)).dtype == dtype
    np.testing.assert_array_equal(~lz.tensor(x), ~x)


@pytest.mark.parametrize("operate", [operator.lshift, operator.rshift], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_shifts_agree_with_numpy(operate, dtype):
    a, b = np.array([1, 6, 7], dtype), np.array([0, 2, 3], dtype)
    np.testing.assert_array_equal(operate(lz.tensor(a), lz.tensor(b)), operate(a, b))
    np.testing.assert_array_equal(operate(lz.tensor(a), 2), operate(a, 2))
    np.testing.assert_array_equal(operate(16, lz.tensor(b)), operate(16, b))


@pytest.mark.parametrize(
    "operate", [lambda x: x & 1, lambda x: x | x, lambda x: ~x, lambda x: x ^ x]
)
def test_floats_have_no_bits(operate):
    with pytest.raises(lz.KindError, match="takes integers and truth values, got float32"):
        operate(lz.ones(2))


@pytest.mark.parametrize("x", [lz.ones(2), lz.tensor([True])], ids=str)
def test_only_integers_are_shifted(x):
    with pytest.raises(lz.KindError, match="takes integers, got"):
        x << x


def test_negating_unsigned_integers_wraps_around():
    assert (-lz.tensor([1], "uint8")).item() == 255
