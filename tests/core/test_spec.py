"""Shapes and dtypes: the rules, and what is said when they are broken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import lunzi as lz
from lunzi.core.spec import (
    DTYPES,
    Spec,
    Specs,
    as_dtype,
    as_index,
    as_shape,
    bool_,
    broadcast_shapes,
    float16,
    float32,
    float64,
    int32,
    int64,
    is_floating,
    normalise_axes,
    normalise_axis,
    promote,
    size_of,
    uint8,
    uint32,
    without_axes,
)

# The array-API standard's tables, for the dtypes that tensors come in.
STANDARD = [
    (int32, int32, int32),
    (int32, int64, int64),
    (int64, int64, int64),
    (uint8, uint8, uint8),
    (uint8, uint32, uint32),
    (uint8, int32, int32),
    (uint8, int64, int64),
    (uint32, int32, int64),
    (uint32, int64, int64),
    (float32, float32, float32),
    (float32, float64, float64),
    (float64, float64, float64),
    (float16, float32, float32),
    (float16, float64, float64),
    (bool_, bool_, bool_),
]
# What it leaves open: an integer gives way to a float of any size, bool to all.
OPEN = [
    *((whole, floating, floating) for whole in DTYPES for floating in DTYPES
      if whole.kind in "iu" and floating.kind == "f"),
    *((bool_, other, other) for other in DTYPES),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "expected"), STANDARD + OPEN, ids=str)
def test_promotes_as_the_array_api_standard_does(a, b, expected):
    assert promote(a, b) == expected
    assert promote(b, a) == expected
    x, y = lz.zeros(1, a), lz.zeros(1, b)
    assert (x == y).dtype == bool_
    assert lz.concat([x, y]).dtype == expected


@pytest.mark.parametrize("name", ["float32", "f4", np.float32, np.dtype("float32")])
def test_a_dtype_has_many_names(name):
    assert as_dtype(name) == float32


@pytest.mark.parametrize(
    "name", ["int8", "int16", "uint16", "uint64", "complex64", "longdouble", "U3", "M8[s]", ">f4"]
)
def test_refuses_a_dtype_that_tensors_do_not_come_in(name):
    with pytest.raises(lz.KindError, match=r"float16, float32, .*got "):
        as_dtype(name)


@pytest.mark.parametrize("name", [None, "float99", 5, object(), {"names": 3}])
def test_refuses_what_is_no_dtype(name):
    with pytest.raises(lz.KindError, match="tensors come in"):
        as_dtype(name)


def test_only_floats_are_floating():
    assert {dtype for dtype in DTYPES if is_floating(dtype)} == {float16, float32, float64}


def test_a_spec_prints_short():
    assert str(Spec((64, 784))) == "float32[64, 784]"
    assert str(Spec((), int64)) == "int64[]"
    assert repr([Spec((2,), "bool")]) == "[bool[2]]"


def test_a_spec_is_a_value():
    assert Spec((2, np.int64(3)), "float32") == Spec([2, 3])
    assert len({Spec((2,)), Spec((2,), "float32"), Spec((3,))}) == 2
    assert Spec(4).shape == (4,)


def test_a_spec_knows_its_size():
    spec = Spec((2, 0, 3), "int32")
    assert (spec.ndim, spec.size, Spec(()).size) == (3, 0, 1)
    assert spec.with_shape([4]) == Spec((4,), "int32")
    assert spec.with_dtype(bool_) == Spec((2, 0, 3), "bool")


@pytest.mark.parametrize(
    ("shape", "error", "text"),
    [
        ((2, -1), lz.ShapeError, "must not be negative"),
        ((2.0,), lz.KindError, r"a length in a shape must be a whole number, got 2\.0"),
        ("ab", lz.KindError, "whole number"),
        (None, lz.KindError, "whole number"),
    ],
)
def test_refuses_what_is_no_shape(shape, error, text):
    with pytest.raises(error, match=text):
        as_shape(shape)
    with pytest.raises(error, match=text):
        Spec(shape)


def test_an_index_is_any_whole_number():
    assert as_index(np.int32(3), "it") == 3
    assert as_index(lz.tensor(3), "it") == 3
    with pytest.raises(lz.KindError, match=r"it must be a whole number, got 1\.5"):
        as_index(1.5, "it")


@settings(deadline=None, derandomize=True)
@given(mutually_broadcastable_shapes(num_shapes=3, min_side=0))
def test_broadcasts_as_numpy_does(shapes):
    assert broadcast_shapes(*shapes.input_shapes) == shapes.result_shape


@settings(deadline=None, derandomize=True)
@given(st.lists(st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=1, max_size=3))
def test_refuses_to_broadcast_what_numpy_refuses(shapes):
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(lz.ShapeError, match="do not fit together"):
            broadcast_shapes(*shapes)
    else:
        assert broadcast_shapes(*shapes) == expected


def test_the_error_of_broadcasting_names_shapes_axis_and_lengths():
    with pytest.raises(lz.ShapeError) as caught:
        lz.zeros((64, 10)) + lz.zeros((64, 1, 7))
    assert str(caught.value) == (
        "shapes (64, 10) and (64, 1, 7) do not fit together: counted from the end, axis -1 has "
        "lengths 10 and 7 (equal lengths fit, and so does 1)"
    )


def test_an_axis_is_counted_from_either_end():
    assert [normalise_axis(axis, 3) for axis in (-3, -1, 0, 2)] == [0, 2, 0, 2]
    assert normalise_axes((-1, 0), 3) == (0, 2)
    assert normalise_axes([2], 3) == (2,)
    assert normalise_axes(None, 2) == (0, 1)
    assert normalise_axes((), 2) == ()


@pytest.mark.parametrize("axis", [3, -4, (0, 3)])
def test_refuses_an_axis_that_is_not_there(axis):
    with pytest.raises(lz.PositionError, match="axes -3 to 2"):
        normalise_axes(axis, 3)


def test_a_number_has_no_axes():
    with pytest.raises(lz.PositionError, match="there is no axis 0: the tensor has no axes"):
        lz.tensor(1.0).sum(0)


def test_refuses_an_axis_named_twice():
    with pytest.raises(lz.PositionError, match=r"named twice in \(0, -3\)"):
        normalise_axes((0, -3), 3)


@pytest.mark.parametrize("axis", [1.0, "0", [[0]], object()])
def test_refuses_what_is_no_axis(axis):
    with pytest.raises(lz.KindError, match="an axis must be a whole number"):
        lz.zeros((2, 3)).sum(axis)


def test_removes_axes_or_keeps_them_with_length_1():
    assert without_axes((2, 3, 4), (0, 2)) == (3,)
    assert without_axes((2, 3, 4), (0, 2), keepdims=True) == (1, 3, 1)
    assert size_of((2, 3, 4)) == 24


def test_specs_of_several_results_stand_in_a_row():
    row = Specs.of([Spec((2,)), Spec((), "int64")])
    assert row.parts == (Spec((2,)), Spec((), "int64"))
    assert (row.shape, row.dtype.kind) == ((2,), "O")
    assert str(row) == "(float32[2], int64[])"
    assert row == Specs.of([Spec((2,)), Spec((), "int64")])
    assert row != Specs.of([Spec((2,)), Spec(())])
