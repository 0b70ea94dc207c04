"""What a loop need not do at each step is done once, or for all steps together."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.contraction import Matmul
from lunzi.core.elementwise import Add, Exp, Multiply, Tanh
from lunzi.core.graph import Constant
from lunzi.core.indexing import ScatterAdd, Take
from lunzi.core.loop import Scan
from lunzi.core.movement import PermuteDims
from lunzi.core.reduction import Sum


@pytest.fixture
def w(rng):
    return lz.tensor(rng.standard_normal((3, 3)), requires_grad=True)


def traced(body, state, xs, **options):
    """The graph of a scan, the operations of its body, and those around it."""
    graph = lz.trace(lambda xs: lz.scan(body, state, xs, **options), xs)
    (scan,) = [node.op for node in graph.nodes if isinstance(node.op, Scan)]
    return (
        graph,
        [type(node.op) for node in scan.body.nodes],
        [type(node.op) for node in graph.nodes],
    )


def assert_same(graph, body, state, xs):
    """The graph gives what the body gives step by step."""
    rows = []
    for x in xs:
        state, y = body(state, lz.tensor(x))
        rows.append(y)
    last, ys = graph(xs)
    np.testing.assert_allclose(last, state, rtol=1e-12)
    np.testing.assert_allclose(ys, lz.stack(rows), rtol=1e-12)


def test_a_product_of_inputs_is_one_product_of_all_steps(w, rng):
    xs, state = rng.standard_normal((4, 2, 3)), lz.zeros((2, 3), "float64")

    def body(h, x):
        h = (x @ w + 1 + h).tanh()
        return h, h

    graph, inside, outside = traced(body, state, xs)
    assert Matmul not in inside
    assert inside.count(Add) == 1
    assert outside.count(Matmul) == 1
    assert_same(graph, body, state, xs)
    (product,) = [node for node in graph.nodes if node.op == Matmul()]
    assert product.shape == (8, 3)


def test_moves_and_elementwise_operations_go_along_with_a_product(w, rng):
    xs, state = rng.standard_normal((4, 3, 2)), lz.zeros((2, 3), "float64")
    scale = lz.tensor(rng.standard_normal((3, 3)))

    def body(h, x):
        scores = (x.T.exp() * 0.5) @ w  # (2, 3)
        return h + (scores[0] * scale).sum(0) + scores, scores.reshape(6)

    graph, inside, outside = traced(body, state, xs)
    assert not {Matmul, Exp} & set(inside)
    assert outside.count(Matmul) == 1
    assert_same(graph, body, state, xs)


def test_what_all_steps_give_meets_what_has_more_axes(w, rng):
    xs, state = rng.standard_normal((4, 3)), lz.zeros((2, 3), "float64")
    grid = lz.tensor(rng.standard_normal((2, 3)))

    def body(h, x):
        scaled = (x @ w) * grid  # (3,) with (2, 3)
        return h + scaled, scaled + x

    graph, inside, _ = traced(body, state, xs)
    assert Matmul not in inside
    assert Multiply not in inside
    assert_same(graph, body, state, xs)


def test_a_product_that_reads_a_carry_stays(w, rng):
    xs, state = rng.standard_normal((4, 2, 3)), lz.zeros((2, 3), "float64")

    def body(h, x):
        return h + (x * h) @ w, (x.T @ x) @ w + w @ x.T[:, :1]

    graph, inside, _ = traced(body, state, xs)
    assert Matmul in inside
    assert_same(graph, body, state, xs)


def test_a_read_by_index_becomes_one_read_and_one_scatter(w, rng):
    xs = rng.integers(0, 3, (5, 2))

    def loss(xs):
        w.grad = None
        last, _ = lz.scan(lambda h, x: ((h + w[x]).tanh(), None), lz.zeros((2, 3), "float64"), xs)
        last.sum().backward()
        return w.grad

    graph = lz.trace(loss, xs)
    scans = [node.op for node in graph.nodes if isinstance(node.op, Scan)]
    assert not {Take, ScatterAdd} & {type(node.op) for op in scans for node in op.body.nodes}
    outside = [type(node.op) for node in graph.nodes]
    assert (outside.count(Take), outside.count(ScatterAdd)) == (1, 1)
    np.testing.assert_array_equal(graph(xs), loss(lz.tensor(xs)))


def test_what_is_the_same_at_each_step_is_computed_once(w, rng):
    xs, state = rng.standard_normal((4, 3)), lz.zeros((3,), "float64")

    def body(h, x):
        return h @ (w @ w).exp().T + x, h * np.arange(3.0)

    graph, inside, outside = traced(body, state, xs)
    assert Exp not in inside
    assert inside.count(Matmul) == 1
    assert PermuteDims in inside  # where it is read, it is a matter of addresses
    assert Constant not in inside  # an array is memory that the loop is given
    assert outside.count(Constant) == 1
    assert_same(graph, body, state, xs)


def test_with_checkpoints_products_stay_in_the_steps(w, rng):
    xs = rng.standard_normal((4, 2, 3))

    def body(h, x):
        return (x @ (w * 2) + h).tanh(), None

    def step(xs, **options):
        w.grad = None
        lz.scan(body, lz.zeros((2, 3), "float64"), xs, **options)[0].sum().backward()
        return w.grad

    graph = lz.trace(lambda xs: step(xs, checkpoint=True), xs)
    forward, backward = [node.op for node in graph.nodes if isinstance(node.op, Scan)]
    assert Matmul in {type(node.op) for node in forward.body.nodes}
    assert Multiply not in {type(node.op) for node in forward.body.nodes}
    assert len(forward.body.stacked) == 1  # the carry alone
    assert Tanh in {type(node.op) for node in backward.body.nodes}
    np.testing.assert_allclose(graph(xs), step(lz.tensor(xs)), rtol=1e-12)


def test_a_loop_that_is_the_same_at_each_step_runs_once(w, rng):
    xs = rng.standard_normal((4, 3))

    def body(h, x):
        total, _ = lz.scan(lambda s, row: (s + row, None), lz.zeros(3, "float64"), w)
        return h + x * total, h

    def step(xs):
        w.grad = None
        lz.scan(body, lz.zeros(3, "float64"), xs)[0].sum().backward()
        return w.grad

    graph = lz.trace(step, xs)
    loops = [node.op for node in graph.nodes if isinstance(node.op, Scan)]
    assert sorted(op.length for op in loops) == [3, 4]  # backward: the sums are read by nothing
    assert not any(isinstance(node.op, Scan) for op in loops for node in op.body.nodes)
    np.testing.assert_allclose(graph(xs), np.broadcast_to(xs.sum(0), (3, 3)), rtol=1e-12)


def test_a_bias_is_summed_behind_the_loop(w, rng):
    b, xs = lz.tensor(rng.standard_normal(3), requires_grad=True), rng.standard_normal((4, 2, 3))

    def step(xs):
        w.grad = b.grad = None
        h, _ = lz.scan(lambda h, x: ((h @ w + b + x).tanh(), None), lz.zeros((2, 3), "float64"), xs)
        h.sum().backward()

    graph = lz.trace(step, xs)
    backward = [node.op for node in graph.nodes if isinstance(node.op, Scan)][-1]
    assert not {Sum, Add} & {type(node.op) for node in backward.body.nodes}
    assert [type(node.op) for node in backward.body.nodes].count(Matmul) == 1
    assert any(node.op == Sum((0, 1)) for node in graph.nodes)
