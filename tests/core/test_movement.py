"""Moves against NumPy: the same numbers in the same places, and gradients that find back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import lunzi as lz

shapes = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
hold = settings(deadline=None, derandomize=True, max_examples=60)


def numbered(shape):
    """Numbers that tell places apart."""
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


def check(move, expected, x):
    """The move gives what NumPy gives, and its gradient counts how often each place is used."""
    tensor = lz.tensor(x, requires_grad=True)
    result = move(tensor)
    np.testing.assert_array_equal(result, expected(x))
    assert result.shape == expected(x).shape
    if result.size:
        result.sum().backward()
        uses = np.bincount(expected(x).astype(int).ravel(), minlength=x.size).reshape(x.shape)
        np.testing.assert_array_equal(tensor.grad, uses)


@hold
@given(shapes, st.data())
def test_permute_dims(shape, data):
    axes = data.draw(st.permutations(range(len(shape))))
    signed = [data.draw(st.sampled_from([axis, axis - len(shape)])) for axis in axes]
    check(lambda x: x.permute_dims(signed), lambda x: x.transpose(axes), numbered(shape))
    check(lambda x: x.permute_dims(*signed), lambda x: x.transpose(axes), numbered(shape))


@hold
@given(shapes, st.data())
def test_swapaxes_moveaxis_and_flip(shape, data):
    if not shape:
        return
    axis = st.integers(-len(shape), len(shape) - 1)
    a, b = data.draw(axis), data.draw(axis)
    x = numbered(shape)
    check(lambda x: x.swapaxes(a, b), lambda x: np.swapaxes(x, a, b), x)
    check(lambda x: x.moveaxis(a, b), lambda x: np.moveaxis(x, a, b), x)
    check(lambda x: x.flip(a), lambda x: np.flip(x, a), x)
    check(lambda x: x.flip(), np.flip, x)


@hold
@given(shapes, st.data())
def test_expand_dims_and_squeeze_undo_each_other(shape, data):
    places = data.draw(st.lists(st.integers(0, len(shape) + 1), unique=True, max_size=2))
    if any(place >= len(shape) + len(places) for place in places):
        return
    check(lambda x: x.expand_dims(places), lambda x: np.expand_dims(x, places), numbered(shape))
    assert lz.tensor(numbered(shape)).expand_dims(places).squeeze(places).shape == shape


@hold
@given(shapes, st.data())
def test_flatten(shape, data):
    x = numbered(shape)
    check(lambda x: x.flatten(), np.ravel, x)
    if shape:
        start = data.draw(st.integers(0, len(shape) - 1))
        end = data.draw(st.integers(start, len(shape) - 1))
        size = int(np.prod(shape[start : end + 1]))
        flat = (*shape[:start], size, *shape[end + 1 :])
        check(lambda x: x.flatten(start, end), lambda x: x.reshape(flat), x)


@hold
@given(shapes, st.lists(st.integers(0, 3), max_size=3))
def test_tile(shape, repetitions):
    check(lambda x: x.tile(repetitions), lambda x: np.tile(x, repetitions), numbered(shape))
    check(lambda x: x.tile(*repetitions), lambda x: np.tile(x, repetitions), numbered(shape))


@hold
@given(shapes, st.integers(0, 3), st.data())
def test_repeat_roll_and_split(shape, count, data):
    if not shape:
        return
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = numbered(shape)
    check(lambda x: x.repeat(count, axis), lambda x: np.repeat(x, count, axis), x)
    shift = data.draw(st.integers(-5, 5))
    check(lambda x: x.roll(shift, axis), lambda x: np.roll(x, shift, axis), x)
    check(lambda x: x.roll(shift), lambda x: np.roll(x, shift), x)
    cuts = data.draw(st.lists(st.integers(-4, 4), max_size=3).map(sorted))
    for ours, theirs in zip(lz.tensor(x).split(cuts, axis), np.split(x, cuts, axis), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@hold
@given(shapes, st.sampled_from([0, 1.5, float("nan"), -1]), st.data())
def test_pad(shape, value, data):
    width = st.tuples(st.integers(0, 2), st.integers(0, 2))
    widths = [data.draw(width) for _ in shape]
    x = lz.tensor(numbered(shape), requires_grad=True)
    result = x.pad(widths, value)
    np.testing.assert_array_equal(
        result, np.pad(x.numpy(), widths, constant_values=value) if shape else x.numpy()
    )
    if result.size:
        result.sum().backward()
        np.testing.assert_array_equal(x.grad, np.ones(shape))


@hold
@given(shapes, st.data())
def test_concat_and_stack(shape, data):
    x = numbered(shape)
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check(lambda x: lz.stack([x, x], axis), lambda x: np.stack([x, x], axis), x)
    check(lambda x: lz.concat([x, x], None), lambda x: np.concatenate([x, x], None), x)
    if shape:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        check(lambda x: lz.concat([x, x], axis), lambda x: np.concatenate([x, x], axis), x)


@hold
@given(shapes, shapes)
def test_broadcast_to(shape, target):
    x = numbered(shape)
    try:
        expected = np.broadcast_to(x, target)
    except ValueError:
        with pytest.raises(lz.ShapeError):
            lz.tensor(x).broadcast_to(target)
        with pytest.raises(lz.ShapeError):
            lz.trace(lambda x: x.broadcast_to(target), x)
    else:
        check(lambda x: x.broadcast_to(*target), lambda x: np.broadcast_to(x, target), x)
        assert lz.tensor(x).broadcast_to(target).shape == expected.shape


def test_a_large_broadcast_is_a_view():
    x = lz.zeros((1, 1))
    assert np.shares_memory(x.broadcast_to(100, 100).numpy(), x.numpy())


@pytest.mark.parametrize(
    ("shape", "target", "expected"),
    [
        ((2, 6), (3, 4), (3, 4)),
        ((2, 6), (-1,), (12,)),
        ((2, 6), (4, -1), (4, 3)),
        ((2, 6), (1, -1, 2, 3), (1, 2, 2, 3)),
        ((), (1, 1), (1, 1)),
        ((1,), (), ()),
        ((0, 3), (-1, 3), (0, 3)),
        ((0, 3), (3, 0, 2), (3, 0, 2)),
    ],
)
def test_reshape(shape, target, expected):
    check(lambda x: x.reshape(target), lambda x: x.reshape(expected), numbered(shape))
    check(lambda x: x.reshape(*target), lambda x: x.reshape(expected), numbered(shape))


@pytest.mark.parametrize("target", [(5,), (2, -1, -1), (5, -1), (0, -1), (-2, -6), (-1, -2, -3)])
def test_refuses_a_shape_of_another_size(target):
    with pytest.raises(lz.ShapeError, match=r"\(2, 6\)|negative"):
        lz.zeros((2, 6)).reshape(target)
    with pytest.raises(lz.ShapeError):
        lz.trace(lambda x: x.reshape(target), lz.Spec((2, 6)))


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.reshape(2.0, 6),
        lambda x: x.reshape("12"),
        lambda x: x.broadcast_to(2, 2.5),
        lambda x: x.permute_dims(0, 1.0),
        lambda x: x.expand_dims(0.5),
        lambda x: x.squeeze("0"),
        lambda x: x.flip(1.5),
        lambda x: x.tile(1.5),
        lambda x: x.repeat(1.5, 0),
        lambda x: x.roll(0.5, 0),
        lambda x: x.split(1.5),
        lambda x: x.split([0.5]),
        lambda x: x.pad([(0.5, 0), (0, 0)]),
        lambda x: x.slice_axis(0, 0.5, 1),
        lambda x: x.flatten(0.5),
        lambda x: x.swapaxes(0, None),
        lambda x: x.moveaxis(None, 0),
    ],
)
def test_refuses_what_is_no_whole_number(move):
    with pytest.raises(lz.KindError, match="must be a whole number, got"):
        move(lz.zeros((2, 6)))


@pytest.mark.parametrize(
    ("move", "error", "text"),
    [
        (lambda x: x.permute_dims(0), lz.PositionError, "names each of its axes once"),
        (lambda x: x.permute_dims(0, 0), lz.PositionError, "names each of its axes once"),
        (lambda x: x.permute_dims(0, 2), lz.PositionError, "there is no axis 2"),
        (lambda x: x.squeeze(0), lz.ShapeError, r"axis 0 of \(2, 6\) has length 2"),
        (lambda x: x.flatten(1, 0), lz.RangeError, "the first is behind"),
        (lambda x: x.split(4), lz.ShapeError, "which is not 4 equal parts"),
        (lambda x: x.split(0), lz.ShapeError, "not 0 equal parts"),
        (lambda x: x.tile(-1), lz.ShapeError, "must not be negative"),
        (lambda x: x.repeat(-1, 0), lz.ShapeError, "must not be negative"),
        (lambda x: x.repeat([1, 2], 0), lz.KindError, "must be a whole number"),
        (lambda x: x.pad([(0, 0)]), lz.ShapeError, "for each of the 2 axes"),
        (lambda x: x.pad([(0, 0), (0, 0, 0)]), lz.ShapeError, "for each of the 2 axes"),
        (lambda x: x.pad(1), lz.ShapeError, "for each of the 2 axes"),
        (lambda x: x.pad([(-1, 0), (0, 0)]), lz.ShapeError, "must not be negative"),
        (lambda x: x.slice_axis(0, 0, 3), lz.PositionError, "does not lie in"),
        (lambda x: x.pad([(0, 0), (0, 1)], [1, 2]), lz.ShapeError, "the value of pad must be one"),
        (lambda x: x.slice_axes([0], [1], [1]), lz.ShapeError, "for each axis"),
        (lambda x: x.slice_axis(0, 0, 2, 0), lz.PositionError, "does not lie in"),
        (lambda x: x[0].T, lz.ShapeError, "T is for matrices"),
        (lambda x: x[0].mT, lz.ShapeError, "mT needs two axes"),
        (lambda x: lz.concat([x, x[0]]), lz.ShapeError, "number 1 has"),
        (lambda x: lz.concat([x, x.T]), lz.ShapeError, "number 1 has"),
        (lambda x: lz.concat([]), lz.ShapeError, "needs one tensor at least"),
        (lambda x: lz.stack([]), lz.ShapeError, "needs one tensor at least"),
        (lambda x: lz.concat([x[0, 0]]), lz.PositionError, "has no axes"),
        (lambda x: lz.stack([x, x[0]]), lz.ShapeError, "takes tensors of one shape"),
        (lambda x: lz.concat(3), lz.KindError, "expected a list of tensors, got int"),
    ],
)
def test_refuses_moves_that_do_not_fit(move, error, text):
    with pytest.raises(error, match=text):
        move(lz.zeros((2, 6)))


def test_squeeze_removes_all_axes_of_length_1_where_none_is_named():
    check(lambda x: x.squeeze(), np.squeeze, numbered((1, 2, 1, 3)))


def test_the_matrix_and_a_stack_of_matrices_are_transposed():
    check(lambda x: x.T, lambda x: x.T, numbered((2, 3)))
    check(lambda x: x.mT, lambda x: x.T, numbered((2, 3)))
    check(lambda x: x.mT, lambda x: x.swapaxes(-1, -2), numbered((2, 3, 4)))


def test_rolls_by_any_whole_number():
    assert lz.tensor([1, 2, 3]).roll(10**30, 0).tolist() == np.roll([1, 2, 3], 1).tolist()
    assert lz.zeros((0, 2)).roll(1, 0).shape == (0, 2)


def test_split_into_equal_parts_of_an_axis_without_elements():
    assert [part.shape for part in lz.zeros((0, 2)).split(3)] == [(0, 2)] * 3


def test_split_passes_gradients_of_each_part():
    x = lz.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    first, second = x.split(2)
    (first * 2 + second * 3).sum().backward()
    assert x.grad.tolist() == [2, 2, 3, 3]


def test_concat_brings_all_to_one_dtype():
    parts = [lz.zeros(1, "int32"), lz.zeros(1, "float16"), lz.zeros(1, "float32")]
    assert lz.concat(parts).dtype == "float32"
    assert lz.stack([0.1, lz.ones((), "float64")])[0].item() == 0.1


def test_concat_passes_gradients_only_where_they_are_needed():
    x, y = lz.tensor([1.0], requires_grad=True), lz.tensor([2.0])
    (lz.concat([x, y, x]) * lz.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [4]
    assert y.grad is None


def test_padding_keeps_the_memory_order():
    x = lz.Tensor(np.zeros((4, 5, 3), "float32").transpose(2, 0, 1))
    strides = x.pad([(0, 0), (1, 1), (1, 1)]).numpy().strides
    assert strides[0] == min(strides)


def test_nothing_is_not_split_into_more_parts_than_a_list_can_have():
    with pytest.raises(lz.ShapeError, match="is not 1000000000000 equal parts"):
        lz.zeros((0, 2)).split(10**12)
