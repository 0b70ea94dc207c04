"""New tensors: their shapes, dtypes and numbers, and what is refused."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.spec import DTYPES


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (2, 3), (0, 2)])
def test_one_number_everywhere(shape, dtype):
    for result, number in [
        (lz.zeros(shape, dtype), 0),
        (lz.ones(shape, dtype), 1),
        (lz.full(shape, 1, dtype), 1),
    ]:
        assert result.spec == lz.Spec(shape, dtype)
        np.testing.assert_array_equal(result, np.full(shape, number))


def test_the_dtype_of_full_follows_the_number():
    assert lz.full(2, 1.5).dtype == "float32"
    assert lz.full(2, 3).dtype == "int64"
    assert lz.full(2, True).dtype == "bool"
    assert lz.full((1, 2), np.float64(0.1)).tolist() == [[0.1, 0.1]]
    assert lz.zeros(3).spec == lz.Spec((3,), "float32")


def test_a_new_tensor_may_need_a_gradient():
    assert lz.zeros(2, requires_grad=True).requires_grad
    assert lz.ones(2, requires_grad=True).is_leaf
    with pytest.raises(lz.KindError, match="only floating tensors have gradients"):
        lz.zeros(2, "int64", requires_grad=True)


def test_likeness_is_of_shape_dtype_and_memory_order():
    x = lz.Tensor(np.ones((2, 3), "float16").T)
    for result in (lz.zeros_like(x), lz.ones_like(x), lz.full_like(x, 2)):
        assert result.spec == x.spec
        assert result.numpy().strides == x.numpy().strides
    assert lz.zeros_like(x, "int32").dtype == "int32"
    assert lz.ones_like([[1.0, 2.0]]).tolist() == [[1, 1]]
    graph = lz.trace(lambda x: lz.full_like(x, 3), lz.Spec((2,), "float16"))
    assert graph(x[0, :2].copy()).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("bounds", "dtype"),
    [
        ((5,), "int64"),
        ((2, 5), "int64"),
        ((5, 2), "int64"),
        ((5, 0, -2), "int64"),
        ((0.0, 1.0, 0.1), "float32"),
        ((3.0,), "float32"),
        ((0, 2, 0.5), "float32"),
        ((np.int32(3),), "int64"),
        ((True,), "int64"),
    ],
)
def test_ranges_agree_with_numpy(bounds, dtype):
    result = lz.arange(*bounds)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.arange(*bounds).astype(dtype))


def test_steps_of_a_range_do_not_gather_rounding():
    assert lz.arange(0, 1000, 0.1)[9999].item() == np.float32(999.9)
    assert lz.arange(3, dtype="float16").dtype == "float16"
    assert lz.arange(256, dtype="uint8")[-1].item() == 255
    assert lz.arange(np.uint8(250), 260).tolist() == list(range(250, 260))
    assert lz.arange(lz.tensor(3)).tolist() == [0, 1, 2]


def test_equal_distances_include_both_ends():
    np.testing.assert_array_equal(lz.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1])
    assert lz.linspace(0, 0.1, 7, "float64")[-1].item() == 0.1
    assert lz.linspace(0, 1, 0).shape == (0,)
    assert lz.linspace(3, 7, 1).tolist() == [3]


def test_the_diagonal_of_ones():
    np.testing.assert_array_equal(lz.eye(3), np.eye(3))
    np.testing.assert_array_equal(lz.eye(2, 4, "int64"), np.eye(2, 4))
    assert lz.eye(0).shape == (0, 0)


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 5])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (2, 3, 2)])
def test_triangles_agree_with_numpy(shape, k, rng):
    x = rng.standard_normal(shape)
    np.testing.assert_array_equal(lz.tril(x, k), np.tril(x, k))
    np.testing.assert_array_equal(lz.triu(x, k), np.triu(x, k))


def test_triangles_pass_the_gradient_of_what_they_keep():
    x = lz.ones((2, 2), requires_grad=True)
    lz.tril(x).sum().backward()
    assert x.grad.tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: lz.zeros((2, -1)), lz.ShapeError, "must not be negative"),
        (lambda: lz.zeros(2.5), lz.KindError, "a length in a shape must be a whole number"),
        (lambda: lz.zeros("ab"), lz.KindError, "must be a whole number"),
        (lambda: lz.zeros(2, "float99"), lz.KindError, "tensors come in"),
        (lambda: lz.full(2, "a"), lz.KindError, "made of numbers"),
        (lambda: lz.full(2, [1, 2]), lz.ShapeError, "full takes one number"),
        (lambda: lz.full(2, 300, "uint8"), lz.RangeError, "300 does not fit in uint8"),
        (lambda: lz.full(2, float("nan"), "int64"), lz.RangeError, "nan does not fit"),
        (lambda: lz.full_like(lz.zeros(2, "uint8"), -1), lz.RangeError, "-1 does not fit"),
        (lambda: lz.arange(0, 5, 0), lz.RangeError, "a step that is not 0"),
        (lambda: lz.arange(float("inf")), lz.RangeError, "finite bounds"),
        (lambda: lz.arange(0, 1, float("nan")), lz.RangeError, "finite bounds"),
        (lambda: lz.arange("5"), lz.KindError, "made of numbers, got str"),
        (lambda: lz.arange(None), lz.KindError, "made of numbers, got NoneType"),
        (lambda: lz.arange(1j), lz.KindError, "made of numbers, got complex"),
        (lambda: lz.arange(300, dtype="uint8"), lz.RangeError, "does not fit in uint8"),
        (lambda: lz.linspace(0, 1, -1), lz.RangeError, "a count of 0 or more, got -1"),
        (lambda: lz.linspace(0, 1, 2.5), lz.KindError, "must be a whole number"),
        (lambda: lz.linspace(0, [1, 2], 2), lz.ShapeError, "a bound must be one number"),
        (lambda: lz.eye(-1), lz.ShapeError, "must not be negative"),
        (lambda: lz.eye(2.5), lz.KindError, "must be a whole number"),
        (lambda: lz.tril([1.0, 2.0]), lz.ShapeError, "a triangle is cut from matrices"),
        (lambda: lz.full_like([1.0], [1, 2]), lz.ShapeError, "full_like must be one number"),
        (lambda: lz.triu(lz.eye(2), None), lz.KindError, "a diagonal must be a whole number"),
        (lambda: lz.triu(lz.eye(2), 0.5), lz.KindError, "a diagonal must be a whole number"),
    ],
)
def test_refuses_what_cannot_be_made(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: lz.zeros((10**8, 10**8)),
        lambda: lz.zeros((10**30,)),
        lambda: lz.arange(10**17),
        lambda: lz.linspace(0, 1, 10**17),
        lambda: lz.eye(10**8),
        lambda: lz.zeros((1, 1)).broadcast_to(10**7, 10**7) + 1,
    ],
)
def test_says_what_there_is_no_room_for(make):
    with pytest.raises(lz.OutOfMemoryError) as caught:
        make()
    assert isinstance(caught.value, MemoryError)


def test_tensors_of_other_libraries_are_copied():
    array = np.arange(3.0)
    x = lz.from_dlpack(array)
    array[0] = 7
    assert x.tolist() == [0, 1, 2]
    assert lz.from_dlpack(lz.tensor([1, 2])).tolist() == [1, 2]


@pytest.mark.parametrize("source", [[1, 2], None, 3.0])
def test_says_what_is_no_tensor_of_another_library(source):
    with pytest.raises(lz.KindError, match=f"from_dlpack of {type(source).__name__}: "):
        lz.from_dlpack(source)


def test_foreign_dtypes_are_widened_or_refused():
    assert lz.from_dlpack(np.ones(2, "int8")).dtype == "int32"
    with pytest.raises(lz.KindError, match="a tensor is made of numbers"):
        lz.from_dlpack(np.ones(2, "complex64"))


def test_diagonals_far_outside_keep_all_or_nothing():
    x = lz.ones((2, 3))
    assert lz.tril(x, 10**30).tolist() == lz.triu(x, -(10**30)).tolist() == x.tolist()
    assert not lz.tril(x, -(10**30)).any()
    assert not lz.triu(x, 10**30).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda flag: lz.zeros(2, requires_grad=flag),
        lambda flag: lz.tensor([1.0], requires_grad=flag),
        lambda flag: lz.Tensor(np.ones(1), flag),
        lambda flag: lz.zeros(2).requires_grad_(flag),
    ],
)
@pytest.mark.parametrize("flag", ["no", 1, None, np.zeros(2)], ids=str)
def test_whether_a_gradient_is_wanted_is_true_or_false(make, flag):
    with pytest.raises(lz.KindError, match="requires_grad is True or False, got"):
        make(flag)
