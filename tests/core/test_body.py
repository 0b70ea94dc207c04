"""The body of a loop: a value whose nodes read nothing but its arguments."""

import numpy as np
import pytest

from lunzi.core.body import Body
from lunzi.core.elementwise import Add, Multiply
from lunzi.core.graph import Argument, Constant, Node, State
from lunzi.core.spec import Spec

SPEC = Spec((), "float64")


def node(op, *inputs):
    return Node(op, inputs, SPEC)


def number(value):
    return node(Constant(np.array(value)))


def body(factor=2.0, op=None):
    """s, x -> s + x k, factor s, for a constant k."""
    s, x, k = node(State(7)), node(State(8)), node(Argument(3))
    return Body.of(
        [s],
        [x],
        [k],
        [node(op or Add(), s, node(Multiply(), x, k)), node(Multiply(), s, number(factor))],
    )


def test_nodes_of_any_kind_stand_for_arguments():
    made = body()
    assert (made.carried, made.sliced, made.constants) == (1, 1, 2)
    assert made.arguments == (SPEC,) * 3
    assert sorted(made.leaves) == [0, 1, 2]
    assert len(made.stacked) == 1
    assert {id(made.leaves[2])} <= made.fixed
    assert id(made.leaves[1]) not in made.fixed


def test_it_runs_step_by_step():
    last, stack = body().run(
        3, range(3), [np.array(1.0), np.array([1.0, 2.0, 3.0]), np.array(10.0)]
    )
    assert last == 61
    assert stack.tolist() == [2, 22, 62]
    last, stack = body().run(
        3, [2, 1, 0], [np.array(1.0), np.array([1.0, 2.0, 3.0]), np.array(10.0)]
    )
    assert last == 61
    assert stack.tolist() == [102, 62, 2]


def test_bodies_that_do_the_same_are_equal():
    assert body() == body()
    assert hash(body()) == hash(body())
    assert repr(body()) == repr(body())
    assert len({body(), body(3.0), body(-0.0), body(0.0), body(op=Multiply())}) == 5
    assert body() != "another thing"
    assert len({repr(body()), repr(body(3.0))}) == 2


def test_arrays_are_compared_by_identity():
    array = Constant(np.ones(2))
    one, same, other = (
        Body.of([], [], [], [node(op)]) for op in (array, array, Constant(np.ones(2)))
    )
    assert one == same
    assert one != other


def test_nothing_else_may_be_read():
    with pytest.raises(AssertionError, match="nothing is given for this one"):
        Body.of([], [], [], [node(State(0))])
