"""Reading by index, held against NumPy: values, gradients, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    array_shapes,
    arrays,
    basic_indices,
    integer_array_indices,
)

import lunzi as lz
from lunzi.core.indexing import AddAlongAxis, FromStart, ScatterAdd, Take
from lunzi.core.tensor import bind

hold = settings(deadline=None, derandomize=True, max_examples=150)
shapes = array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def numbered(shape):
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def check(x, key):
    """x[key] is NumPy's, traced too, and its gradient counts how often each place is read."""
    expected = x[key]
    tensor = lz.tensor(x, requires_grad=True)
    result = tensor[key]
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(lz.trace(lambda x: x[key], x)(x), expected)
    if result.size:
        result.sum().backward()
        uses = np.bincount(expected.astype(int).ravel(), minlength=x.size)
        np.testing.assert_array_equal(tensor.grad, uses.reshape(x.shape))


@hold
@given(shapes, st.data())
def test_basic_indices_mean_what_they_mean_in_numpy(shape, data):
    key = data.draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    check(numbered(shape), key)


@hold
@given(shapes, st.data())
def test_integer_arrays_mean_what_they_mean_in_numpy(shape, data):
    check(numbered(shape), data.draw(integer_array_indices(shape)))


@st.composite
def mixed_keys(draw, shape):
    """Integers, slices, None, ..., index arrays and masks beside each other."""
    key, axis, side = [], 0, draw(st.integers(1, 3))
    while axis < len(shape):
        length = shape[axis]
        kind = draw(st.sampled_from(["integer", "slice", "array", "mask", "new", "stop"]))
        if kind == "stop":
            break
        if kind == "new":
            key.append(None)
            continue
        if kind == "integer":
            key.append(draw(st.integers(-length, length - 1)))
        elif kind == "slice":
            key.append(draw(st.slices(length)))
        elif kind == "array":
            places = st.integers(-length, length - 1)
            one = draw(st.sampled_from([(), (1,), (side,), (2, 1), (2, side)]))
            key.append(draw(arrays("int64", one, elements=places)))
        elif axis + 2 <= len(shape) and draw(st.booleans()):
            mask = np.zeros(shape[axis : axis + 2], bool)
            mask.flat[draw(st.permutations(range(mask.size)))[:side]] = True
            key.append(mask)
            axis += 1
        else:
            mask = np.zeros(length, bool)
            mask[draw(st.permutations(range(length)))[:side]] = True
            key.append(mask)
        axis += 1
    # Dots stand for the axes that are not named: anywhere if there are none, else at the end.
    if draw(st.booleans()):
        key.insert(draw(st.integers(0, len(key))) if axis == len(shape) else len(key), Ellipsis)
    return tuple(key)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(shapes, st.data())
def test_mixed_keys_mean_what_they_mean_in_numpy(shape, data):
    key = data.draw(mixed_keys(shape))
    x = numbered(shape)
    try:
        x[key]
    except IndexError:
        with pytest.raises(lz.LunziError):
            lz.tensor(x)[key]
    else:
        check(x, key)


@pytest.mark.parametrize(
    "key",
    [
        (..., np.array([True, False, True, True])),
        (..., np.array([0, 2]), slice(None)),
        (..., np.eye(3, 4, dtype=bool)),
        (0, ..., np.array([1, 1])),
        (slice(None), None, np.array([[0, 1], [2, 0]])),
        (None, np.array([[True, True, False]] * 2), ..., 0),
        (None, np.array([0, 1]), ..., np.array([1, 1]), 0),
        (np.array([0, 1]), slice(None), np.array([2, 3])),
        (np.array([0, 1]), None, np.array([2, 1])),
        (1, slice(None, None, -1), [0, 3]),
        ([1, 0],),
        ((0, 1),),
        ([[0], [1]], [0, 2]),
        (range(2),),
        ([],),
        (np.zeros((0, 2), int),),
        ([True, False],),
        (np.int64(1), np.uint8(2)),
        np.array(1),
        (slice(5, None, -2),),
        (slice(3, 1),),
        (slice(np.int64(0), np.int64(2)),),
        (),
        ...,
        None,
        slice(None),
        slice(None, None, -1),
        (-1, -1, -1),
    ],
    ids=str,
)
def test_keys_of_many_kinds(key):
    check(numbered((2, 3, 4)), key)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "uint64"])
def test_index_arrays_come_in_any_integer_dtype(dtype):
    x = numbered((300, 2))
    check(x, np.array([0, 1, 100], dtype))
    check(x, (np.array([0, 1, 100], dtype), np.array([0, 1, 1], dtype)))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint32", "int64"])
def test_tensors_are_indices_too(dtype):
    x, rows, columns = (
        numbered((300, 3)),
        lz.tensor([0, 299 % 256], dtype),
        lz.tensor([1, 2], dtype),
    )
    np.testing.assert_array_equal(lz.tensor(x)[rows], x[rows.numpy()])
    np.testing.assert_array_equal(lz.tensor(x)[rows, columns], x[rows.numpy(), columns.numpy()])
    mask = lz.tensor(x) > 500
    np.testing.assert_array_equal(lz.tensor(x)[mask], x[x > 500])
    assert x.tolist()[lz.tensor(2)] == x[2].tolist()


def test_flat_positions_of_small_index_dtypes_do_not_wrap_around():
    x = lz.zeros((60_000, 60_000 // 1000))
    rows = lz.tensor([59_999], "int32")
    assert x[rows, lz.tensor([59], "uint8")].shape == (1,)


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (3, lz.PositionError, r"index 3 is outside axis 0 of shape \(3, 4\)"),
        ((0, -5), lz.PositionError, r"index -5 is outside axis 1"),
        ([0, 3], lz.PositionError, "index 3 is out of bounds"),
        (([0, 1], [0, 4]), lz.PositionError, "index 4 is outside an axis of length 4"),
        (([0, -4], [0, 0]), lz.PositionError, "index -4 is outside an axis of length 3"),
        ((0, 0, 0), lz.PositionError, "3 indices for a tensor of shape"),
        ((..., 0, ...), lz.PositionError, "only one ..."),
        (slice(0, 3, 0), lz.PositionError, "the step of a slice must not be 0"),
        (([0, 1, 2], [0, 1]), lz.ShapeError, "do not fit together"),
        (np.ones(4, bool), lz.ShapeError, r"a bool mask of shape \(4,\) cannot select"),
        (np.ones((3, 3), bool), lz.ShapeError, r"a bool mask of shape \(3, 3\)"),
        (1.5, lz.KindError, "a tensor is indexed by integers, slices"),
        ("0", lz.KindError, "got str"),
        (True, lz.KindError, "got bool"),
        (np.array(True), lz.KindError, "a single truth value is no index"),
        (lz.tensor(True), lz.KindError, "a single truth value is no index"),
        ([0.5], lz.KindError, "indices are whole numbers, got float32"),
        (np.array([1.0]), lz.KindError, "indices are whole numbers, got float64"),
        (np.zeros(0), lz.KindError, "indices are whole numbers, got float64"),
        (lz.tensor([1.0]), lz.KindError, "indices are whole numbers, got float32"),
        (slice(0.5, 2), lz.KindError, "a bound of a slice must be a whole number, got 0.5"),
        ([[0, 1], [0]], lz.ShapeError, "nested lists of equal lengths"),
        ([slice(0, 1)], lz.KindError, "a tensor is made of numbers"),
    ],
    ids=str,
)
def test_refuses_keys_that_mean_nothing(key, error, text):
    with pytest.raises(error, match=text):
        lz.zeros((3, 4))[key]


def test_a_mask_whose_numbers_are_not_known_yet_is_refused_in_a_trace():
    with pytest.raises(lz.TraceError, match=r"test_indexing\.py:\d+: "):
        lz.trace(lambda x: x[x > 0], lz.Spec((3,)))
    graph = lz.trace(lambda x: x[np.array([True, False, True])], lz.Spec((3,)))
    assert graph(np.float32([1, 2, 3])).tolist() == [1, 3]


def test_a_traced_index_is_checked_when_the_graph_runs():
    x, index = numbered((3, 4)), lz.Spec((1,), "int64")
    graph = lz.trace(lambda x, i, j: x[i, j], x, index, index)
    assert graph(x, np.array([-1]), np.array([-1])).tolist() == [11]
    with pytest.raises(lz.PositionError, match=r"test_indexing\.py:\d+: .*index 4 is outside"):
        graph(x, np.array([0]), np.array([4]))
    graph = lz.trace(lambda x, i: x[i], lz.Spec((3,)), index)
    with pytest.raises(lz.PositionError, match=r"test_indexing\.py:\d+: Take"):
        graph(x[:, 0].copy(), np.array([3]))


def test_reading_everything_is_a_tensor_of_its_own():
    x = lz.tensor([1.0, 2.0])
    for key in (slice(None), ..., (), (slice(None), ...)):
        y = x[key]
        assert y is not x
        with pytest.raises(lz.StateError, match="looks at the memory of another one"):
            y.assign([0.0, 0.0])


def test_rows_are_walked_and_unpacked():
    x = lz.tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    (a, b), _ = x
    assert (a.item(), b.item()) == (1, 2)
    assert len(x) == 2
    assert 3 in x
    assert 7 not in x


def test_elements_are_not_set():
    x = lz.zeros((2, 2))
    with pytest.raises(lz.KindError, match=r"use x\.assign"):
        x[0] = 1
    with pytest.raises(lz.KindError, match=r"use x\.assign"):
        x[0] += 1


# take, take_along_axis and their adjoints


@hold
@given(shapes, st.data())
def test_take_agrees_with_numpy(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    length = shape[axis]
    places = st.integers(-length, length - 1)
    indices = data.draw(arrays("int64", array_shapes(min_dims=0, max_dims=2), elements=places))
    x = numbered(shape)
    tensor = lz.tensor(x, requires_grad=True)
    result = tensor.take(indices, axis)
    expected = np.take(x, indices, axis)
    np.testing.assert_array_equal(result, expected)
    assert result.shape == expected.shape
    result.sum().backward()
    uses = np.bincount(expected.astype(int).ravel(), minlength=x.size).reshape(shape)
    np.testing.assert_array_equal(tensor.grad, uses)


@hold
@given(shapes, st.data())
def test_take_along_axis_agrees_with_numpy(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    taken = list(shape)
    taken[axis] = data.draw(st.integers(0, 4))
    places = st.integers(-shape[axis], shape[axis] - 1)
    indices = data.draw(arrays("int64", taken, elements=places))
    x = numbered(shape)
    tensor = lz.tensor(x, requires_grad=True)
    result = tensor.take_along_axis(indices, axis)
    expected = np.take_along_axis(x, indices, axis)
    np.testing.assert_array_equal(result, expected)
    result.sum().backward()
    uses = np.bincount(expected.astype(int).ravel(), minlength=x.size).reshape(shape)
    np.testing.assert_array_equal(tensor.grad, uses)


@pytest.mark.parametrize(
    ("read", "error", "text"),
    [
        (lambda x: x.take([4], 1), lz.PositionError, "index 4 is out of bounds"),
        (lambda x: x.take([-5], 1), lz.PositionError, "index -5 is out of bounds"),
        (lambda x: x.take([0], 2), lz.PositionError, "there is no axis 2"),
        (lambda x: x.take([0.5]), lz.KindError, "indices are whole numbers"),
        (lambda x: x.take([True]), lz.KindError, "indices are whole numbers, got bool"),
        (lambda x: x.take(x), lz.KindError, "indices are whole numbers, got float32"),
        (lambda x: x.take("a"), lz.KindError, "made of numbers"),
        (lambda x: x.take_along_axis([0]), lz.ShapeError, "must have the lengths of the tensor"),
        (lambda x: x.take_along_axis([[0]], 1), lz.ShapeError, r"indices \(1, 1\)"),
        (lambda x: x.take_along_axis([[9]] * 3, 1), lz.PositionError, "index 9"),
        (lambda x: x.take_along_axis(x), lz.KindError, "whole numbers, got float32"),
    ],
)
def test_refuses_to_take_what_is_not_there(read, error, text):
    with pytest.raises(error, match=text):
        read(lz.zeros((3, 4)))


def test_one_place_may_be_taken():
    x = lz.tensor([[1, 2], [3, 4]])
    assert x.take(1).tolist() == [3, 4]
    assert x.take(-1, axis=1).tolist() == [2, 4]
    assert lz.take([1.0, 2.0], lz.tensor([1, 0])).tolist() == [2, 1]


def test_rows_with_one_index_are_added_up():
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    result = bind(ScatterAdd(0, 4), lz.tensor(rows), lz.tensor([2, -2, 0]))
    assert result.tolist() == [[3, 30], [0, 0], [3, 30], [0, 0]]


@pytest.mark.parametrize("index", [4, -5])
def test_nothing_is_added_outside_an_axis(index):
    with pytest.raises(lz.PositionError):
        bind(ScatterAdd(0, 4), lz.ones(1), lz.tensor([index]))
    with pytest.raises(lz.PositionError):
        bind(AddAlongAxis(0, 4), lz.ones(1), lz.tensor([index]))


def test_the_adjoints_take_one_value_for_each_index():
    values, indices = lz.Spec((3, 2)), lz.Spec((2,), "int64")
    for op in (ScatterAdd(0, 4), AddAlongAxis(0, 4)):
        with pytest.raises(lz.ShapeError, match="takes one value for each index"):
            op.infer(values, indices)
        with pytest.raises(lz.KindError, match="indices are whole numbers, got float32"):
            op.infer(values, values)
    with pytest.raises(lz.KindError, match="indices are whole numbers, got float32"):
        Take(0).infer(values, values)


def test_an_index_is_counted_from_the_start():
    counted = bind(FromStart(3), lz.tensor([0, -1, 2, -3], "int32"))
    assert counted.dtype == "int64"
    assert counted.tolist() == [0, 2, 2, 0]


def test_indexing_can_be_differentiated_twice():
    def cubes_of_chosen(x):
        return (x[[0, 2, 2]] ** 3).sum()

    second = lz.grad(lambda x: lz.grad(cubes_of_chosen)(x).sum())
    assert second(lz.tensor([1.0, 2.0, 3.0])).tolist() == [6, 0, 36]
