"""The nodes of a graph: identity, order, and matching."""

import numpy as np

from lunzi.core.elementwise import Add, Negative
from lunzi.core.graph import Argument, Constant, Detach, Node, State, topological
from lunzi.core.spec import Spec, float32

X = Node(Argument(0), (), Spec((2,)))
ONE = Node(Constant(np.float32(1)), (), Spec(()))


def test_a_node_knows_its_spec():
    assert (X.shape, X.dtype, X.ndim) == ((2,), float32, 1)
    assert repr(X) == "Argument(index=0) float32[2]"


def test_nodes_are_matched_by_operation_and_inputs():
    match Node(Add(), (X, ONE), Spec((2,))):
        case Node(Add(), (x, Node(Constant(number)))):
            assert x is X
            assert number == 1


def test_nodes_are_compared_by_identity():
    assert Node(Negative(), (X,), X.spec) != Node(Negative(), (X,), X.spec)
    assert State(1) == State(1)
    assert Constant(np.ones(2)) != Constant(np.ones(2))


def test_other_inputs_make_another_node():
    node = Node(Add(), (X, ONE), Spec((2,)), "file.py:3")
    assert node.with_inputs((X, ONE)) is node
    other = node.with_inputs((ONE, X))
    assert other.inputs == (ONE, X)
    assert (other.op, other.spec, other.line) == (Add(), node.spec, "file.py:3")


def test_each_node_comes_once_behind_its_inputs():
    a = Node(Negative(), (X,), X.spec)
    b = Node(Add(), (a, X), X.spec)
    c = Node(Add(), (b, a), X.spec)
    assert topological([c, a]) == [X, a, b, c]
    assert topological([a, b]) == [X, a, b]
    assert topological([]) == []
    assert topological([c, a], {id(b)}) == [b, X, a, c]
    assert topological([c], {id(c)}) == [c]


def test_a_detached_value_is_the_value_without_a_gradient():
    assert Detach().infer(X.spec) == X.spec
    numbers = np.ones(2)
    assert Detach().evaluate(numbers) is numbers
    assert Detach().gradient(None, None, None) == (None,)
