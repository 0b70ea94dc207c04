"""Tensor: what it is made of, how it prints, and how it meets Python and NumPy."""

import copy
import math
import operator
import pickle

import numpy as np
import pytest
import safetensors.numpy

import lunzi as lz
from lunzi.core.spec import DTYPES

# Making one


def test_uses_the_memory_of_an_array():
    array = np.ones((2, 3), "float32")
    assert np.shares_memory(lz.Tensor(array).numpy(), array)
    assert lz.Tensor(array.T).numpy().strides == array.T.strides


@pytest.mark.parametrize("value", [[1, 2], 1.5, True, [[0.5]], np.float64(3), range(2)])
def test_takes_numbers_as_tensor_does(value):
    assert lz.Tensor(value).spec == lz.tensor(value).spec
    np.testing.assert_array_equal(lz.Tensor(value), lz.tensor(value))


def test_copies_another_tensor():
    x = lz.tensor([1.0], requires_grad=True)
    assert not np.shares_memory(lz.Tensor(x).numpy(), x.numpy())
    assert lz.as_tensor(x) is x
    assert lz.as_tensor(x, "float64").dtype == "float64"
    assert lz.as_tensor(x, "float32") is x


@pytest.mark.parametrize(
    "payload", [np.ones(2, "int8"), np.ones(2, "complex64"), np.ones(2, ">f4"), np.array(["a"])]
)
def test_refuses_an_array_of_another_dtype(payload):
    with pytest.raises(lz.KindError, match="tensors come in"):
        lz.Tensor(payload)


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype.kind != "f"], ids=str)
def test_only_floating_tensors_have_gradients(dtype):
    text = f"only floating tensors have gradients, this one is {dtype}"
    with pytest.raises(lz.KindError, match=text):
        lz.tensor([1], dtype, requires_grad=True)
    with pytest.raises(lz.KindError, match=text):
        lz.Tensor(np.ones(1, dtype), requires_grad=True)
    with pytest.raises(lz.KindError, match=text):
        lz.ones(1, dtype).requires_grad_()


def test_a_numpy_scalar_from_a_reduction_is_an_array_again():
    assert type(lz.ones(3).sum().numpy()) is np.ndarray


def test_knows_shape_dtype_and_size():
    x = lz.zeros((2, 3), "float16")
    assert (x.shape, x.dtype, x.ndim, x.size) == ((2, 3), "float16", 2, 6)
    assert x.spec == lz.Spec((2, 3), "float16")


# Numbers to look at


def test_numbers_are_shown_but_not_lent():
    x = lz.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x)[0] = 5
    assert x.tolist() == [1, 2]


def test_python_numbers_come_out():
    assert type(lz.tensor(2.5).item()) is float
    assert type(lz.tensor([3]).item()) is int
    assert type(lz.tensor(True).item()) is bool
    assert float(lz.tensor([[2.5]])) == 2.5
    assert int(lz.tensor(2.9)) == 2
    assert bool(lz.tensor([0.0])) is False
    assert [10, 20, 30][lz.tensor(1)] == 20
    assert math.floor(lz.tensor(2.5)) == 2
    assert lz.tensor([[1, 2]]).tolist() == [[1, 2]]
    assert f"{lz.tensor(3.14159):.2f}" == "3.14"
    assert f"{lz.tensor([1])}" == "tensor([1], dtype=int64)"


@pytest.mark.parametrize(
    ("look", "error", "text"),
    [
        (lambda x: x.item(), lz.ShapeError, r"item\(\) is for one number"),
        (float, lz.ShapeError, r"item\(\) is for one number, the tensor has shape \(2,\)"),
        (bool, lz.ShapeError, r"use any\(\) or all\(\)"),
        (lambda x: bool(x[:0]), lz.ShapeError, "is not one value"),
        (lambda x: range(3)[x[0]], lz.KindError, "a tensor of float32 is no index"),
        (lambda x: len(x[0]), lz.KindError, "a tensor of one number has no length"),
        (lambda x: list(x[0]), lz.KindError, "a tensor of one number has no length"),
        (lambda x: f"{x:.2f}", lz.ShapeError, r"item\(\) is for one number"),
    ],
)
def test_refuses_to_show_several_numbers_as_one(look, error, text):
    with pytest.raises(error, match=text):
        look(lz.tensor([1.0, 2.0]))


# Printing


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (lz.tensor([1.5, 2.0]), "tensor([1.5, 2. ], dtype=float32)"),
        (lz.tensor(3), "tensor(3, dtype=int64)"),
        (lz.tensor([[True], [False]]), "tensor([[ True],\n        [False]], dtype=bool)"),
        (lz.zeros((0, 2)), "tensor([], dtype=float32, shape=(0, 2))"),
        (lz.ones(1, requires_grad=True), "tensor([1.], dtype=float32, requires_grad=True)"),
        (lz.ones(1, requires_grad=True) * 2, "tensor([2.], dtype=float32, from Multiply())"),
        (lz.ones((1, 1), requires_grad=True).sum(0),
         "tensor([1.], dtype=float32, from Sum(axes=(0,), keepdims=False))"),
    ],
)  # fmt: skip
def test_prints_numbers_dtype_and_origin(x, text):
    assert repr(x) == text
    assert str(x) == text


def test_a_long_tensor_prints_short():
    assert len(repr(lz.zeros(100_000))) < 100


# Python


def test_is_hashed_by_identity_and_compared_by_element():
    x, y = lz.tensor([1.0]), lz.tensor([1.0])
    assert len({x, y, x}) == 2
    assert {x: "first"}[x] == "first"
    assert (x == y).tolist() == [True]


def test_a_leaf_is_copied_deeply_with_memory_of_its_own():
    x = lz.Tensor(np.ones((2, 3), "float32").T, requires_grad=True)
    (x * 2).sum().backward()
    for duplicate in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x))):
        assert type(duplicate) is lz.Tensor
        assert duplicate.requires_grad
        assert duplicate.grad is None
        assert duplicate.is_leaf
        duplicate.assign(5)
        assert x.tolist() == [[1, 1]] * 3
    assert copy.deepcopy(x).numpy().strides == x.numpy().strides
    both = copy.deepcopy([x, x])
    assert both[0] is both[1]


def test_a_view_is_copied_into_a_tensor_that_can_be_assigned():
    x = lz.tensor([1.0, 2.0, 3.0])
    duplicate = copy.deepcopy(x[1:])
    duplicate.assign(0)
    assert x.tolist() == [1, 2, 3]
    assert pickle.loads(pickle.dumps(x.detach())).tolist() == [1, 2, 3]


def test_a_tensor_from_another_process_is_no_younger_than_what_is_made_of_it():
    x = lz.tensor([1.0], requires_grad=True)
    for _ in range(3):
        x.assign(2)
    data = pickle.dumps(x)
    y = pickle.loads(data)
    assert y.version == 0
    (y * y).sum().backward()
    assert y.grad.tolist() == [4]


class Named(lz.Tensor):
    """A subclass with an attribute of its own, as a buffer is."""

    def __init__(self, name, owner):
        super().__init__(np.ones(2), requires_grad=True)
        self.name = name
        self.owner = owner


def test_a_subclass_is_copied_deeply_with_its_attributes():
    owner = {}
    owner["x"] = Named("scale", owner)
    duplicate = copy.deepcopy(owner)
    assert type(duplicate["x"]) is Named
    assert duplicate["x"].name == "scale"
    assert duplicate["x"].owner is duplicate
    assert duplicate["x"].requires_grad
    again = pickle.loads(pickle.dumps(Named("scale", None)))
    assert (type(again), again.name, again.tolist()) == (Named, "scale", [1, 1])


def test_a_computed_tensor_is_not_copied_deeply():
    y = lz.tensor([1.0], requires_grad=True) * 2
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(lz.GradientError, match="only leaves can be copied deeply"):
            duplicate(y)


@pytest.mark.parametrize(
    "change",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv,
     operator.imod, operator.ipow, operator.imatmul],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_operators_in_place_make_new_tensors_but_refuse_to_lose_a_parameter(change):
    x = before = lz.ones((2, 2))
    y = lz.full((2, 2), 2.0)
    assert change(x, y) is not before
    assert before.tolist() == [[1, 1], [1, 1]]
    w = lz.ones((2, 2), requires_grad=True)
    with pytest.raises(lz.GradientError, match=r"change its numbers with w\.assign"):
        change(w, y)
    with lz.no_grad(), pytest.raises(lz.GradientError, match=r"w \S+= \.\.\. would put"):
        change(w, y)
    computed = w * 1
    assert change(computed, y).requires_grad


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (operator.iand, 2),
        (operator.ior, 7),
        (operator.ixor, 5),
        (operator.ilshift, 48),
        (operator.irshift, 0),
    ],
)
def test_bits_are_changed_in_place_as_new_tensors(change, expected):
    x = lz.tensor([6])
    assert change(x, 3).tolist() == [expected]
    assert x.tolist() == [6]


# NumPy


def test_becomes_an_array_by_its_protocol():
    x = lz.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.asarray(x, "float64").dtype == "float64"
    assert not np.shares_memory(np.array(x), x.numpy())
    np.array(x)[0] = 5
    assert x.tolist() == [1, 2]
    with pytest.raises(lz.KindError, match="cannot be seen as float64 without a copy"):
        np.asarray(x, "float64", copy=False)


UFUNCS = [
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "maximum",
    "minimum", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
]  # fmt: skip
ONE_INPUT = [
    "exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "sign", "floor", "ceil",
    "square", "reciprocal", "isnan", "isinf", "isfinite", "logical_not", "rint", "absolute",
    "negative",
]  # fmt: skip


@pytest.mark.parametrize("name", UFUNCS)
def test_numpys_functions_of_two_numbers_are_the_tensors_own(name):
    a, b = np.array([3.0, 5.0]), np.array([2.0, 5.0])
    function = getattr(np, name)
    for x, y in [(lz.tensor(a), lz.tensor(b)), (a, lz.tensor(b)), (lz.tensor(a), b)]:
        result = function(x, y)
        assert type(result) is lz.Tensor
        np.testing.assert_array_equal(result, function(a, b))


@pytest.mark.parametrize("name", ONE_INPUT)
def test_numpys_functions_of_one_number_are_the_tensors_own(name):
    x = np.array([0.5, 1.5])
    result = getattr(np, name)(lz.tensor(x))
    assert type(result) is lz.Tensor
    np.testing.assert_array_equal(result, getattr(np, name)(x))


def test_numpys_functions_of_bits_and_matrices_are_the_tensors_own():
    a, b = np.array([[6, 5], [4, 3]]), np.array([[1, 2], [2, 1]])
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "matmul"):
        result = getattr(np, name)(a, lz.tensor(b))
        assert type(result) is lz.Tensor
        np.testing.assert_array_equal(result, getattr(np, name)(a, b))
    np.testing.assert_array_equal(np.invert(lz.tensor(a)), np.invert(a))


def test_numpys_functions_pass_the_gradient():
    x = lz.tensor([1.0, 2.0], "float64", requires_grad=True)
    (np.exp(x) * np.array([1.0, 10.0]) + np.float64(3) * x).sum().backward()
    np.testing.assert_allclose(x.grad, np.exp([1, 2]) * [1, 10] + 3)


def test_numbers_of_formulas_cannot_be_made_others():
    x = lz.ones(2, requires_grad=True)
    y = x * 0.5
    with pytest.raises(lz.StateError, match="memory is read-only"):
        y.origin.inputs[1].assign(7)
    assert (x * 0.5).tolist() == [0.5, 0.5]
    assert np.signbit((x * -0.0).numpy()).all()
    assert not np.signbit((x * 0.0).numpy()).any()


def test_a_numpy_number_is_weak_on_both_sides():
    x = lz.tensor([0.5])
    assert (np.float64(0.1) * x).dtype == (x * np.float64(0.1)).dtype == "float32"


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.hypot(x, x),
        lambda x: np.add.reduce(x),
        lambda x: np.add(x, x, out=np.zeros(2)),
        lambda x: np.add(x, 1, dtype="float64"),
        lambda x: operator.iadd(np.zeros(2), x),
    ],
)
def test_other_numpy_functions_of_elements_are_refused(call):
    with pytest.raises(lz.KindError, match="does not take tensors here: use lunzi's function"):
        call(lz.tensor([1.0, 2.0]))


def test_numpys_other_functions_see_arrays():
    x = lz.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.sum(x) == 10
    np.testing.assert_array_equal(np.mean(x, axis=0), [2, 3])
    np.testing.assert_array_equal(np.concatenate([x, x]), np.concatenate([x.numpy()] * 2))
    assert np.array_equal(x, x.numpy())
    assert np.allclose(x, x * 1.0)
    assert np.argmax(x, axis=1).tolist() == [1, 1]
    assert np.shape(x) == (2, 2)
    assert np.clip(x, 2, 3).tolist() == [[2, 2], [3, 3]]


@pytest.mark.parametrize(
    "call", [np.sum, np.mean, lambda x: np.concatenate([x, x]), np.linalg.norm]
)
def test_numpys_other_functions_do_not_quietly_end_a_gradient(call):
    with pytest.raises(lz.KindError, match="does not take tensors that need a gradient"):
        call(lz.tensor([1.0, 2.0], requires_grad=True))


# Other libraries


def test_other_libraries_get_a_copy_into_which_they_may_write():
    x = lz.tensor([1.0, 2.0])
    array = np.from_dlpack(x)
    assert array.tolist() == [1, 2]
    assert not np.shares_memory(array, x.numpy())
    assert x.__dlpack_device__() == (1, 0)


def test_memory_is_lent_read_only_where_a_copy_is_refused():
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        return  # it cannot ask
    x = lz.tensor([1.0, 2.0])
    array = np.from_dlpack(x, copy=False)
    assert np.shares_memory(array, x.numpy())
    assert not array.flags.writeable


def test_is_written_by_libraries_that_take_arrays():
    x = lz.tensor([[1.0, 2.0]])
    data = safetensors.numpy.save({"x": np.asarray(x)})
    np.testing.assert_array_equal(safetensors.numpy.load(data)["x"], x)
