"""Numbers from outside: which dtype they take, that they are copied, and what is refused."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.arrays import as_array, weak
from lunzi.core.spec import DTYPES, bool_, float16, float32, float64, int64, uint8


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        ([1, 2.5], "float32"),
        ([], "float32"),
        ([np.float64(1)], "float32"),
        (1, "int64"),
        ([[1, 2]], "int64"),
        (range(3), "int64"),
        (True, "bool"),
        ([True, False], "bool"),
        ([True, 2], "int64"),
        (np.float64(1), "float64"),
        (np.float16(1), "float16"),
        (np.ones(2), "float64"),
        (np.ones(2, ">f4"), "float32"),
        (np.ones(2, ">i8"), "int64"),
        (np.array([-128, 127], "int8"), "int32"),
        (np.array([-32768, 32767], ">i2"), "int32"),
        (np.array([0, 65535], "uint16"), "int32"),
        (np.array([0, 2**63 - 1], "uint64"), "int64"),
        (np.int16(3), "int32"),
    ],
)
def test_numbers_have_a_dtype_of_their_own(value, dtype):
    result = lz.tensor(value)
    assert result.dtype == dtype
    assert result.shape == np.shape(value)
    np.testing.assert_array_equal(result, value)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_dtype_may_be_given(dtype):
    assert lz.tensor([0, 1], dtype).dtype == dtype
    assert lz.tensor([0.0, 1.0], dtype).dtype == dtype
    assert lz.tensor(lz.tensor([True, False]), dtype).dtype == dtype


def test_floating_numbers_are_cut_toward_zero_for_an_integer_dtype():
    assert lz.tensor([1.9, -1.9], "int64").tolist() == [1, -1]


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        ([300], "uint8", "300 does not fit in uint8"),
        ([-1], "uint32", "-1 does not fit"),
        ([2**40], "int32", "does not fit in int32"),
        ([1e20], "int64", "does not fit in int64"),
        ([0.0, float("nan")], "int32", "nan does not fit"),
        (np.array([256.0, 2.0]), "uint8", r"256\.0 does not fit"),
        (np.array([2**63], "uint64"), None, "9223372036854775808 does not fit in int64"),
    ],
)
def test_refuses_a_number_that_an_integer_dtype_cannot_hold(value, dtype, text):
    with pytest.raises(lz.RangeError, match=text):
        lz.tensor(value, dtype)


@pytest.mark.parametrize("value", ["text", None, [None], 1j, object(), {"a": 1}, np.array("a")])
def test_refuses_what_is_not_made_of_numbers(value):
    with pytest.raises(lz.KindError, match="a tensor is made of numbers, got "):
        lz.tensor(value)


@pytest.mark.parametrize("dtype", ["longdouble", "complex64"])
def test_refuses_an_array_of_another_dtype(dtype):
    with pytest.raises(lz.KindError, match=r"tensors come in|a tensor is made of numbers"):
        lz.tensor(np.ones(2, dtype))


def test_refuses_lists_of_unequal_lengths():
    with pytest.raises(lz.ShapeError, match="nested lists of equal lengths"):
        lz.tensor([[1, 2], [3]])


def test_an_array_is_copied_so_that_its_later_change_cannot_reach_a_gradient():
    array = np.array([1.0, 2.0])
    x = lz.tensor([3.0, 4.0], "float64", requires_grad=True)
    losses = [
        (x * array).sum(),
        (array * x).sum(),
        np.multiply(array, x).sum(),
        lz.multiply(array, x).sum(),
        (lz.as_tensor(array) * x).sum(),
        lz.concat([x * lz.as_tensor(array)]).sum(),
    ]
    array[:] = 100
    for loss in losses:
        x.grad = None
        loss.backward()
        assert x.grad.tolist() == [1, 2]


def test_a_tensor_is_copied_without_its_origin():
    x = lz.tensor([1.0], requires_grad=True)
    y = lz.tensor(x * 2)
    assert not y.requires_grad
    assert y.tolist() == [2]


def test_a_list_may_hold_tensors_of_numbers():
    assert lz.tensor([lz.tensor(1.0), lz.tensor(2.0)]).tolist() == [1, 2]


@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
@pytest.mark.parametrize("value", [0.1, [0.1], 3, True, [3], np.float64(0.1), np.float32(0.1)])
def test_beside_a_floating_tensor_numbers_take_its_dtype(value, dtype):
    x = lz.ones(1, dtype)
    for result in (x + value, value + x, x.maximum(value), lz.add(value, x), lz.add(x, value)):
        assert result.dtype == dtype
    exact = np.asarray(value, dtype) + np.ones(1, dtype)
    np.testing.assert_array_equal(x + value, exact)
    np.testing.assert_array_equal(lz.add(value, x), exact)


@pytest.mark.parametrize(
    ("value", "dtype"), [(2, "int64"), (2.5, "float32"), (True, "bool"), ([2], "int64")]
)
def test_beside_bool_numbers_keep_their_kind(value, dtype):
    assert (lz.tensor([True]) + value).dtype == dtype


def test_beside_an_integer_a_floating_number_is_float32():
    assert (lz.tensor([1, 2]) * 0.5).dtype == float32
    assert (lz.tensor([1], "uint8") + 1).dtype == uint8
    assert weak(2, bool_).dtype == int64


def test_an_array_keeps_its_dtype_beside_a_tensor():
    assert (lz.ones(2) * np.ones(2)).dtype == float64
    assert (np.ones(2) * lz.ones(2)).dtype == float64
    assert (lz.ones(2) * np.ones(2, "int64")).dtype == float32


@pytest.mark.parametrize(("value", "dtype"), [(300, "uint8"), (-1, "uint32"), (2**40, "int32")])
def test_refuses_a_python_integer_that_the_dtype_cannot_hold(value, dtype):
    with pytest.raises(lz.RangeError, match=f"{value} does not fit in {dtype}"):
        lz.zeros(1, dtype) + value


def test_refuses_an_integer_beyond_every_float():
    with pytest.raises(lz.RangeError, match="does not fit in float32"):
        lz.ones(1) * 10**400


def test_a_new_array_is_made_each_time():
    array = np.ones(3, "float32")
    assert not np.shares_memory(as_array(array), array)
    x = lz.tensor(array)
    assert not np.shares_memory(as_array(x), x.numpy())
