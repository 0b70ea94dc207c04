"""The slow meaning of a graph."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.elementwise import Add, Power
from lunzi.core.graph import Argument, Constant, Node, State
from lunzi.core.interpreter import interpret
from lunzi.core.reduction import Sum
from lunzi.core.spec import Spec


def test_arguments_state_and_constants_are_filled_in():
    spec = Spec((2,), "float64")
    x, s = Node(Argument(0), (), spec), Node(State(0), (), spec)
    c = Node(Constant(np.array([100.0, 200.0])), (), spec)
    y = Node(Add(), (Node(Add(), (x, s), spec), c), spec)
    result = interpret([y, x], [np.array([1.0, 2.0])], [np.array([10.0, 20.0])])
    assert [value.tolist() for value in result] == [[111, 222], [1, 2]]


def test_numbers_of_no_axis_are_arrays():
    x = Node(Argument(0), (), Spec((2,)))
    (total,) = interpret([Node(Sum((0,)), (x,), Spec(()))], [np.ones(2, "float32")], [])
    assert type(total) is np.ndarray


def test_what_numpy_refuses_names_the_line():
    spec = Spec((1,), "int64")
    a, b = Node(Argument(0), (), spec), Node(Argument(1), (), spec)
    for line, text in [("file.py:7", r"^file\.py:7: Power\(\): "), ("", r"^Power\(\): ")]:
        power = Node(Power(), (a, b), spec, line)
        with pytest.raises(lz.RangeError, match=text):
            interpret([power], [np.array([2]), np.array([-1])], [])
