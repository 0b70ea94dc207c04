"""The driver of rules: equal nodes become one, constants are folded, rules see what rules made."""

import numpy as np

import lunzi as lz
from lunzi.compiler import rewrite
from lunzi.compiler.rewrite import rewritten
from lunzi.core.elementwise import Exp, Negative
from lunzi.core.graph import Constant, Node, topological
from lunzi.core.interpreter import interpret
from lunzi.core.trace import trace

X = np.linspace(-1, 1, 6, dtype=np.float32)


def nodes_behind(function, *rules) -> list[Node]:
    return topological(rewritten(trace(function, X).outputs, rules))


def count(nodes: list[Node], kind: type) -> int:
    return sum(isinstance(node.op, kind) for node in nodes)


def turned_twice(x: lz.Tensor) -> lz.Tensor:
    once = -x
    return -once


def negative_of_negative(_, node: Node) -> Node | None:
    match node:
        case Node(op=Negative(), inputs=(Node(op=Negative(), inputs=(x,)),)):
            return x
    return None


def negative_for_exp(builder, node: Node) -> Node | None:
    return builder.apply(Negative(), *node.inputs) if isinstance(node.op, Exp) else None


def test_equal_nodes_become_one_and_stay_one_for_all_users():
    nodes = nodes_behind(lambda x: (x.exp() + x.exp().sin(), x.exp() * 2))
    assert count(nodes, Exp) == 1


def test_equal_numbers_become_one_constant_and_signed_zeros_do_not():
    same = nodes_behind(lambda x: (x * lz.tensor(X)) + lz.tensor(X.copy()))
    assert count(same, Constant) == 1
    zeros = nodes_behind(lambda x: (x * np.float32(0.0)) + (x * np.float32(-0.0)))
    assert count(zeros, Constant) == 2


def test_what_depends_on_constants_alone_is_computed():
    nodes = nodes_behind(lambda x: x + lz.tensor(X).exp() * 2)
    assert count(nodes, Exp) == 0
    (constant,) = [node.op for node in nodes if isinstance(node.op, Constant)]
    np.testing.assert_array_equal(constant.array, lz.tensor(X).exp().numpy() * 2)


def test_a_large_constant_is_not_computed(monkeypatch):
    monkeypatch.setattr(rewrite, "LARGEST_FOLD", X.size - 1)
    assert count(nodes_behind(lambda x: x + lz.tensor(X).exp()), Exp) == 1


def test_a_rule_fires_wherever_it_can_and_nowhere_else():
    nodes = nodes_behind(lambda x: (turned_twice(x.exp()), -x.sin()), negative_of_negative)
    assert count(nodes, Negative) == 1


def test_rules_see_what_rules_made():
    nodes = nodes_behind(lambda x: -x.exp() + 1, negative_of_negative, negative_for_exp)
    assert count(nodes, Exp) == count(nodes, Negative) == 0


def test_the_numbers_stay_what_they_are():
    def function(x):
        return turned_twice(x.exp()) * (x.exp() + lz.tensor(X).sin()), -x

    graph = trace(function, X)
    after = rewritten(graph.outputs, [negative_of_negative])
    for a, b in zip(interpret(after, [X], []), interpret(graph.outputs, [X], []), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_graph_may_be_deeper_than_the_stack_of_python():
    def long_chain(x):
        for _ in range(3000):
            x = x.sin()
        return x

    assert len(nodes_behind(long_chain, negative_of_negative)) == 3001
