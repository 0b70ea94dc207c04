"""Arithmetic and functions of single numbers, against NumPy and Python."""

import math
import operator

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.elementwise import FloorDivide, Negative, Subtract
from lunzi.core.spec import DTYPES, is_floating
from lunzi.core.tensor import bind

ARITHMETIC = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow,
]  # fmt: skip
FLOATING = [dtype for dtype in DTYPES if is_floating(dtype)]
WHOLE = [dtype for dtype in DTYPES if dtype.kind in "iu"]


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [*FLOATING, *WHOLE], ids=str)
def test_operators_agree_with_numpy(operate, dtype):
    a, b = np.array([7, 5, 6], dtype), np.array([2, 3, 4], dtype)
    expected = operate(a, b)
    if operate is operator.truediv and dtype in WHOLE:
        expected = operate(a.astype("float32"), b.astype("float32"))
    for result in (operate(lz.tensor(a), lz.tensor(b)), operate(lz.tensor(a), b)):
        assert result.dtype == expected.dtype
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(operate(a, lz.tensor(b)), expected)


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda f: f.__name__)
def test_operators_take_python_numbers_on_both_sides(operate):
    x = np.array([2.0, 3.0])
    np.testing.assert_array_equal(operate(lz.tensor(x), 3), operate(x, 3))
    np.testing.assert_array_equal(operate(3, lz.tensor(x)), operate(3, x))
    np.testing.assert_array_equal(operate([3.0, 4.0], lz.tensor(x)), operate([3.0, 4.0], x))


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        (lz.tensor([1, 2]), lz.tensor([2, 4]), "float32"),
        (lz.tensor([1, 2]), 2, "float32"),
        (1, lz.tensor([1, 2]), "float32"),
        (lz.tensor([True]), lz.tensor([True]), "float32"),
        (lz.tensor([1, 2]), lz.tensor([2.0], "float64"), "float64"),
        (lz.tensor([1.0], "float16"), 2, "float16"),
        (lz.tensor([1]), np.float64(2), "float32"),
        (lz.tensor([1]), np.array([2.0]), "float64"),
    ],
    ids=str,
)
def test_division_is_floating(a, b, dtype):
    assert (a / b).dtype == dtype


def test_an_integer_divided_by_float64_is_not_rounded_to_float32_first():
    assert (lz.tensor([2**24 + 1]) / lz.tensor([1.0], "float64")).item() == 2**24 + 1


def test_an_integer_divided_by_a_tensor_passes_its_gradient():
    x = lz.tensor([2.0, 4.0], requires_grad=True)
    (lz.tensor([1, 2]) / x).sum().backward()
    assert x.grad.tolist() == [-0.25, -0.125]


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_an_integer_divided_by_zero_gives_zero(dtype):
    x, zero = lz.tensor([5, 0], dtype), lz.tensor(0, dtype)
    assert (x // zero).tolist() == [0, 0]
    assert (x % zero).tolist() == [0, 0]


def test_floats_divided_by_zero_are_infinite_or_nan_without_a_warning():
    x = lz.tensor([1.0, -1.0, 0.0])
    np.testing.assert_array_equal(x / 0, [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(lz.tensor([0.0, -1.0]).log(), [-np.inf, np.nan])
    assert math.isnan(lz.tensor(-1.0).sqrt().item())
    assert lz.tensor(1000.0).exp().item() == np.inf


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 2.0, 2.5, -1.0, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_of_numbers_agree_with_numpy(exponent, dtype):
    x = np.array([1, 2, 5], dtype)
    result = lz.tensor(x) ** exponent
    assert result.dtype == dtype
    np.testing.assert_allclose(result, x.astype("float64") ** exponent, rtol=1e-6)


def test_a_power_may_be_a_tensor_or_an_array():
    x = lz.tensor([2.0, 3.0], "float64", requires_grad=True)
    n = lz.tensor([2.0, 2.0], "float64", requires_grad=True)
    y = x**n
    assert y.tolist() == [4, 9]
    y.sum().backward()
    np.testing.assert_allclose(x.grad, [4, 6])
    np.testing.assert_allclose(n.grad, [4 * math.log(2), 9 * math.log(3)])
    assert (x ** np.array([3, 1])).tolist() == [8, 3]
    assert (lz.tensor(3.0) ** lz.tensor(2.0, requires_grad=True)).requires_grad


def test_a_squared_integer_with_a_float_exponent_is_floating():
    assert (lz.tensor([3]) ** 2.0).dtype == "float32"
    assert (lz.tensor([3]) ** 2).dtype == "int64"
    assert (lz.tensor([True]) ** 2).dtype == "int64"
    assert (lz.tensor([4]) ** 0.5).tolist() == [2]
    assert (lz.tensor([4]) ** -1).tolist() == [0.25]


def test_the_gradient_of_a_power_is_right_at_zero():
    for exponent, expected in [(0, 0), (1, 1), (2, 0), (3, 0)]:
        x = lz.tensor(0.0, "float64", requires_grad=True)
        (x ** lz.tensor(float(exponent), "float64")).backward()
        assert x.grad.item() == expected
    exponent = lz.tensor(2.0, requires_grad=True)
    (lz.tensor(0.0) ** exponent).backward()
    assert exponent.grad.item() == 0


def test_equal_inputs_share_the_gradient_of_maximum_and_minimum():
    for method in ("maximum", "minimum"):
        a = lz.tensor([1.0, 2.0, 3.0], requires_grad=True)
        b = lz.tensor([2.0, 2.0, 2.0], requires_grad=True)
        getattr(a, method)(b).sum().backward()
        assert a.grad[1].item() == b.grad[1].item() == 0.5
        assert (a.grad + b.grad).tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", ["maximum", "minimum"])
def test_nan_wins_in_maximum_and_minimum(method):
    x = lz.tensor([np.nan, 1.0])
    np.testing.assert_array_equal(getattr(x, method)(0), getattr(np, method)(x.numpy(), 0))


FUNCTIONS = [
    "exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "abs", "sign", "floor", "ceil",
    "round", "square", "reciprocal",
]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", FLOATING, ids=str)
def test_functions_agree_with_numpy(name, dtype, rng):
    x = rng.uniform(0.1, 3, (2, 3)).astype(dtype)
    result = getattr(lz.tensor(x), name)()
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, getattr(np, name)(x))
    np.testing.assert_array_equal(getattr(lz, name)(x), result)


@pytest.mark.parametrize("name", ["exp", "log1p", "sqrt", "tanh", "sigmoid", "erf", "reciprocal"])
@pytest.mark.parametrize("dtype", [*WHOLE, np.dtype("bool")], ids=str)
def test_integers_become_float32_where_the_result_is_no_integer(name, dtype):
    assert getattr(lz.ones(2, dtype), name)().dtype == "float32"


@pytest.mark.parametrize("name", ["floor", "ceil", "round"])
def test_rounding_leaves_integers_as_they_are(name):
    x = lz.tensor([2**53 + 1, -3])
    result = getattr(x, name)()
    assert result is not x
    assert result.dtype == "int64"
    assert result.tolist() == [2**53 + 1, -3]


def test_rounding_goes_to_the_even_one_and_keeps_signed_zero():
    assert lz.tensor([0.5, 1.5, 2.5, -0.5]).round().tolist() == [0, 2, 2, 0]
    assert np.signbit(lz.tensor([-0.5, -0.0]).ceil().numpy()).all()


def test_sigmoid_is_exact_at_its_ends():
    x = lz.tensor([-1e4, -30.0, 0.0, 30.0, 1e4], "float64")
    expected = [0, math.exp(-30) / (1 + math.exp(-30)), 0.5, 1 / (1 + math.exp(-30)), 1]
    np.testing.assert_allclose(x.sigmoid(), expected, rtol=1e-15)


def test_absolute_value_and_sign_of_zero():
    x = lz.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    abs(x).sum().backward()
    assert x.grad.tolist() == [-1, 0, 1]
    assert x.sign().tolist() == [-1, 0, 1]


@pytest.mark.parametrize("operate", [operator.neg, operator.pos, operator.abs])
def test_unary_operators_agree_with_numpy(operate):
    x = np.array([-1.5, 0.0, 2.0], "float32")
    np.testing.assert_array_equal(operate(lz.tensor(x)), operate(x))


def test_a_positive_sign_makes_a_copy():
    x = lz.tensor([1.0])
    (+x).assign([5.0])
    assert x.item() == 1


@pytest.mark.parametrize(
    "operate",
    [
        lambda x: x - x,
        lambda x: -x,
        lambda x: x // x,
        lambda x: x % x,
        lambda x: x**x,
        lambda x: x.sign(),
    ],
)
def test_arithmetic_that_truth_values_lack_is_refused(operate):
    with pytest.raises(lz.KindError, match="takes numbers, not truth values, got bool"):
        operate(lz.tensor([True, False]))
    with pytest.raises(lz.KindError, match="takes numbers, not truth values, got bool"):
        lz.trace(operate, lz.Spec((2,), "bool"))


def test_truth_values_add_as_or_and_multiply_as_and():
    a, b = lz.tensor([True, True, False]), lz.tensor([True, False, False])
    assert (a + b).tolist() == [True, True, False]
    assert (a * b).tolist() == [True, False, False]
    assert (a * 2).tolist() == [2, 2, 0]


def test_whole_powers_of_integers_are_exact_and_negative_ones_refused():
    assert (lz.tensor([3]) ** 39).item() == 3**39
    assert (2 ** lz.tensor([10])).item() == 1024
    with pytest.raises(lz.RangeError, match="negative integer powers"):
        lz.tensor([2]) ** -2


def test_a_primitive_takes_inputs_of_one_dtype():
    a, b = lz.Spec((2,), "float32"), lz.Spec((2,), "float64")
    with pytest.raises(lz.KindError, match=r"Subtract\(\) takes inputs of one dtype"):
        Subtract().infer(a, b)
    with pytest.raises(lz.KindError, match=r"Negative\(\) takes numbers"):
        bind(Negative(), lz.tensor(True))
    with pytest.raises(lz.KindError, match=r"FloorDivide\(\) takes numbers"):
        bind(FloorDivide(), lz.tensor(True), lz.tensor(True))


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_casts_agree_with_numpy(source, target):
    x = np.array([0, 1, 3], source)
    result = lz.tensor(x).astype(target)
    assert result.dtype == target
    np.testing.assert_array_equal(result, x.astype(target))


def test_a_cast_is_always_a_copy_and_keeps_the_memory_order():
    x = lz.Tensor(np.ones((2, 3), "float32").T)
    for result in (x.astype("float32"), x.copy()):
        assert not np.shares_memory(result.numpy(), x.numpy())
        assert result.numpy().strides == x.numpy().strides


def test_a_cast_passes_its_gradient_in_the_input_dtype():
    x = lz.tensor([1.0, 2.0], "float16", requires_grad=True)
    (x.astype("float64") * 3).sum().backward()
    assert x.grad.dtype == "float16"
    assert x.grad.tolist() == [3, 3]


def test_refuses_to_cast_to_an_unknown_dtype():
    with pytest.raises(lz.KindError, match=r"tensors come in .*got complex64"):
        lz.ones(2).astype("complex64")


def test_the_gradient_of_erf_is_the_bell_curve():
    x = lz.tensor([-1.0, 0.0, 0.5], "float64", requires_grad=True)
    x.erf().sum().backward()
    np.testing.assert_allclose(x.grad, 2 / math.sqrt(math.pi) * np.exp(-(x.numpy() ** 2)))


@pytest.mark.parametrize("wrong", [None, "1", object(), {}, 1j])
def test_refuses_to_compute_with_what_is_no_number(wrong):
    x = lz.ones(2)
    for operate in (operator.add, operator.mul, operator.truediv, operator.matmul, operator.lt):
        with pytest.raises(lz.KindError, match="a tensor is made of numbers"):
            operate(x, wrong)
