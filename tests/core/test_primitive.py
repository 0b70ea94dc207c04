"""What a primitive is: a value, and the errors in the place of NumPy's."""

from typing import ClassVar

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.elementwise import Add, Multiply
from lunzi.core.logic import Where
from lunzi.core.movement import Concat, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Elementwise, Primitive, explained
from lunzi.core.reduction import Max, Sum
from lunzi.core.spec import Spec
from lunzi.core.tensor import bind


def test_a_primitive_is_matched():
    match Sum((0,), keepdims=True):
        case Sum(axes=(axis,), keepdims=True):
            assert axis == 0
    assert Sum((0,)) != Sum((1,))
    assert Sum((0,)) != Max((0,))
    assert Add() == Add()
    assert Add() != Multiply()


def test_a_primitive_without_a_gradient_gives_none_for_each_input():
    x = lz.ones(1)
    assert Primitive().gradient(x, x, x, x, x) == (None, None, None)


@pytest.mark.parametrize(
    ("op", "inputs", "error", "text"),
    [
        (Pad((1,), (1,), (1,)), [Spec((2, 2))], lz.ShapeError, "pads 1 axes, the tensor has 2"),
        (Pad((-1,), (1,), (1,)), [Spec((2,))], lz.RangeError, "padding must not be negative"),
        (Pad((1,), (1,), (0,)), [Spec((2,))], lz.RangeError, "padding must not be negative"),
        (Where(), [Spec(()), Spec(()), Spec(())], lz.KindError, "the condition of where is bool"),
        (Where(), [Spec((), "bool"), Spec(()), Spec((), "int64")], lz.KindError, "one dtype"),
        (Concat(0), [Spec((1,)), Spec((1,), "int64")], lz.KindError, "one dtype"),
        (Slice((0,), (5,), (1,)), [Spec((3,))], lz.PositionError, "does not lie in"),
        (Reshape((2, 2)), [Spec((3,))], lz.ShapeError, "has 3 elements and cannot become"),
        (PermuteDims((0, 0)), [Spec((2, 2))], lz.PositionError, "each of its axes once"),
    ],
)
def test_infer_refuses_inputs_that_do_not_fit(op, inputs, error, text):
    with pytest.raises(error, match=text):
        op.infer(*inputs)


class Stubborn(Elementwise):
    """Refuses all numbers, though shapes and dtypes fit."""

    __slots__ = ()
    error: ClassVar[Exception] = ValueError("no")

    def evaluate(self, x):
        raise self.error

    def __repr__(self):
        return "Stubborn()"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("odd numbers"), lz.RangeError),
        (TypeError("odd numbers"), lz.RangeError),
        (IndexError("odd numbers"), lz.PositionError),
        (np.exceptions.AxisError("odd numbers"), lz.PositionError),
        (MemoryError("odd numbers"), lz.OutOfMemoryError),
        (lz.StateError("odd numbers"), lz.StateError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_numpy_come_out_as_ours(monkeypatch, raised, expected):
    monkeypatch.setattr(Stubborn, "error", raised)
    with pytest.raises(expected, match="odd numbers") as caught:
        bind(Stubborn(), lz.ones(2))
    if not isinstance(raised, lz.LunziError):
        assert str(caught.value) == "Stubborn(): odd numbers"


def test_what_is_wrong_with_the_shapes_comes_first():
    error = explained(ValueError("from NumPy"), Add(), [Spec((2,)), Spec((3,))])
    assert isinstance(error, lz.ShapeError)
    assert "do not fit together" in str(error)
    kind = lz.KindError("our own")
    assert explained(kind, Add(), [Spec((2,)), Spec((3,))]) is kind


def test_other_errors_are_left_as_they_are(monkeypatch):
    monkeypatch.setattr(Stubborn, "error", ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        bind(Stubborn(), lz.ones(2))
