"""Matrix products against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import lunzi as lz
from lunzi.core.contraction import Matmul
from lunzi.core.spec import DTYPES

SIGNATURE = np.matmul.signature


@settings(deadline=None, derandomize=True, max_examples=150)
@given(mutually_broadcastable_shapes(signature=SIGNATURE, max_dims=2, min_side=0, max_side=3))
def test_products_of_all_shapes_agree_with_numpy(shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes.input_shapes)
    x, y = lz.tensor(a, requires_grad=True), lz.tensor(b, requires_grad=True)
    result = x @ y
    assert result.shape == shapes.result_shape
    np.testing.assert_allclose(result, a @ b, rtol=1e-12, atol=1e-12)
    if result.size:
        weights = rng.standard_normal(result.shape)
        (result * weights).sum().backward()
        move = rng.standard_normal(a.shape)
        np.testing.assert_allclose(
            (x.grad * move).sum().item(), ((move @ b) * weights).sum(), rtol=1e-9, atol=1e-9
        )
        move = rng.standard_normal(b.shape)
        np.testing.assert_allclose(
            (y.grad * move).sum().item(), ((a @ move) * weights).sum(), rtol=1e-9, atol=1e-9
        )


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 3), max_size=3), st.lists(st.integers(1, 3), max_size=3))
def test_refuses_what_numpy_refuses(a, b):
    try:
        np.ones(a) @ np.ones(b)
    except ValueError:
        with pytest.raises(lz.ShapeError):
            lz.ones(a) @ lz.ones(b)
        with pytest.raises(lz.ShapeError):
            lz.trace(lambda x, y: x @ y, lz.Spec(a), lz.Spec(b))
    else:
        assert (lz.ones(a) @ lz.ones(b)).shape == (np.ones(a) @ np.ones(b)).shape


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ((2, 3), (4, 5), r"matmul of \(2, 3\) and \(4, 5\): .*3 and 4"),
        ((3,), (4,), "inner lengths differ, 3 and 4"),
        ((2, 3), (4,), "inner lengths differ, 3 and 4"),
        ((), (3,), r"a number has no axis; use \*"),
        ((2, 2, 3), (4, 3, 2), "do not fit together"),
    ],
)
def test_the_error_names_shapes_and_lengths(a, b, text):
    with pytest.raises(lz.ShapeError, match=text):
        lz.zeros(a) @ lz.zeros(b)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_dtype_stays(dtype):
    a = np.array([[1, 2], [0, 1]]).astype(dtype)
    result = lz.tensor(a) @ lz.tensor(a)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, a @ a)


def test_arrays_are_taken_on_both_sides_and_dtypes_meet():
    a, b = np.ones((2, 3)), lz.ones((3, 2))
    assert (a @ b).dtype == (b.T @ a.T).dtype == "float64"
    assert ([1.0, 2.0, 3.0] @ b).tolist() == [6, 6]
    assert lz.matmul([[1, 2]], [[3], [4]]).item() == 11


def test_a_stack_times_one_matrix_is_one_product():
    graph = lz.trace(lambda x, w: x @ w, lz.Spec((5, 4, 3)), lz.Spec((3, 2)))
    assert [node.shape for node in graph.nodes if node.op == Matmul()] == [(20, 2)]


def test_the_primitive_itself_takes_matrices():
    with pytest.raises(lz.ShapeError, match=r"matmul of \(3,\) and \(3, 2\)"):
        Matmul().infer(lz.Spec((3,)), lz.Spec((3, 2)))
