"""Functions: the methods of Tensor for arrays and numbers too."""

import inspect

import numpy as np
import pytest

import lunzi as lz
from lunzi.core import functions

METHODS = [
    name
    for name, function in vars(functions).items()
    if hasattr(function, "__wrapped__") and hasattr(lz.Tensor, name)
]


def test_most_methods_have_a_function():
    assert len(METHODS) > 50


@pytest.mark.parametrize("name", METHODS)
def test_a_function_is_the_method_of_its_name(name):
    function = getattr(functions, name)
    method = getattr(lz.Tensor, name)
    assert inspect.unwrap(function) is method
    assert function.__doc__ == method.__doc__
    assert function.__doc__


@pytest.mark.parametrize("name", [name for name in METHODS if hasattr(np, name)])
def test_every_function_is_exported_under_numpys_name(name):
    assert getattr(lz, name) is getattr(functions, name)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("add", "__add__"),
        ("subtract", "__sub__"),
        ("multiply", "__mul__"),
        ("divide", "__truediv__"),
        ("floor_divide", "__floordiv__"),
        ("remainder", "__mod__"),
        ("pow", "__pow__"),
        ("less", "__lt__"),
        ("less_equal", "__le__"),
        ("greater", "__gt__"),
        ("greater_equal", "__ge__"),
        ("not_equal", "__ne__"),
        ("bitwise_and", "__and__"),
        ("bitwise_or", "__or__"),
        ("bitwise_xor", "__xor__"),
        ("bitwise_left_shift", "__lshift__"),
        ("bitwise_right_shift", "__rshift__"),
    ],
)
def test_operators_have_functions(name, symbol):
    a, b = np.array([6, 7]), np.array([2, 3])
    expected = getattr(lz.tensor(a), symbol)(b)
    for result in (
        getattr(lz, name)(a, b),
        getattr(lz, name)(lz.tensor(a), lz.tensor(b)),
        getattr(lz, name)([6, 7], lz.tensor(b)),
    ):
        np.testing.assert_array_equal(result, expected)


def test_python_numbers_take_the_dtype_of_the_tensor_beside_them():
    x = lz.ones(1, "float64")
    assert lz.multiply(0.1, x).item() == 0.1
    assert lz.maximum(0.1, x * 0).item() == 0.1
    assert lz.where(lz.tensor([True]), 0.1, x).item() == 0.1
    assert lz.add(1, lz.ones(1, "uint8")).dtype == "uint8"


def test_arrays_keep_their_dtype_beside_a_tensor():
    assert lz.take(np.ones(3), lz.tensor([0, 1])).dtype == "float64"
    assert lz.take([1.0, 2.0], lz.tensor([0, 1])).dtype == "float32"


def test_functions_of_plain_numbers():
    assert lz.exp(0).item() == 1
    assert lz.sum([[1, 2], [3, 4]], axis=0).tolist() == [4, 6]
    assert lz.logical_not([0, 1]).tolist() == [True, False]
    assert lz.astype([1.5], "int64").tolist() == [1]
    assert lz.negative(2).item() == -2
    assert lz.bitwise_invert(0).item() == -1


def test_a_function_passes_the_gradient():
    x = lz.tensor([1.0, 2.0], requires_grad=True)
    lz.sum(lz.square(x)).backward()
    assert x.grad.tolist() == [2, 4]
