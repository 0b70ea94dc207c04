"""verify: it lets sound graphs pass, and names the node of one that is not."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.verify import GraphError, verify
from lunzi.core.elementwise import Add, Exp
from lunzi.core.graph import Argument, Constant, Node, State
from lunzi.core.logic import Where
from lunzi.core.spec import Spec

X = Spec((3,))


def argument(index=0, spec=X):
    return Node(Argument(index), (), spec, "net.py:1")


def test_a_traced_graph_is_sound():
    w = lz.tensor([1.0, 2.0, 3.0])
    graph = lz.trace(lambda x: (x * w).exp().sum(), X)
    verify(graph.ends, graph.arguments, [slot.tensor.spec for slot in graph.slots])


def test_the_body_of_a_loop_is_looked_at_too():
    graph = lz.trace(lambda x: lz.scan(lambda s, p: (s + p, s), x[0], x)[0], Spec((4, 2)))
    verify(graph.ends, graph.arguments, ())
    body_of(graph).outputs[0].spec = Spec((9,))
    with pytest.raises(GraphError, match=r"should be float32\[2\]"):
        verify(graph.ends, graph.arguments, ())


def body_of(graph):
    return next(node.op.body for node in graph.nodes if hasattr(node.op, "body"))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            Node(Exp(), (argument(),), Spec((4,)), "net.py:7"),
            r"net\.py:7: .*should be float32\[3\]",
        ),
        (Node(Exp(), (argument(),), Spec((3,), np.float64)), r"should be float32\[3\]"),
        (Node(Add(), (argument(), argument(1, Spec((2,)))), X), "does not take its inputs"),
        (Node(Where(), (argument(), argument()), X), "does not take its inputs"),
        (argument(2, X), "number 2 of 2 arguments"),
        (argument(1, X), r"should be float32\[2\]"),
        (Node(State(0), (), X), "number 0 of 0 tensors of state"),
        (Node(Argument(0), (argument(),), X), "has inputs"),
        (Node(Constant(np.zeros(2)), (), X), r"should be float64\[2\]"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(node, message):
    with pytest.raises(GraphError, match=message):
        verify([node], [X, Spec((2,))], ())


def test_a_node_that_needs_itself_is_named():
    first = Node(Exp(), (argument(),), X)
    second = Node(Exp(), (first,), X, "net.py:9")
    first.inputs = (second,)
    with pytest.raises(GraphError, match="needs itself"):
        verify([second], [X], ())


def test_one_node_may_be_needed_in_several_ways():
    x = argument()
    y = Node(Exp(), (x,), X)
    verify([Node(Add(), (y, Node(Add(), (y, x), X)), X)], [X], ())
