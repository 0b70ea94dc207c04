"""scan as it is called: nesting, state from outside, random numbers, and what it refuses."""

from collections import namedtuple

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.graph import topological
from lunzi.core.loop import Scan
from lunzi.core.random import Generator

Pair = namedtuple("Pair", "first second")


def add(total, x):
    return total + x, total * x


def scans_of(graph):
    return [node.op for node in graph.nodes if isinstance(node.op, Scan)]


# What it gives


def test_a_worked_example():
    last, y = lz.scan(add, 10.0, lz.tensor([1.0, 2.0, 3.0]))
    assert last.item() == 16
    assert y.tolist() == [10, 22, 39]


def test_reverse_goes_from_the_end_and_leaves_y_at_its_place():
    last, y = lz.scan(add, 10.0, lz.tensor([1.0, 2.0, 3.0]), reverse=True)
    assert last.item() == 16
    assert y.tolist() == [15, 26, 30]


def test_state_xs_and_y_are_nested_as_the_body_has_them():
    def body(state, x):
        (a, none), c = state["pair"], state["c"]
        new = {"c": c + x["v"][1], "pair": (a * x["u"], none)}
        return new, [Pair(a, None), {"sum": x["v"][0] + x["v"][1]}, "text"]

    state = {"pair": (1.0, None), "c": lz.zeros(2)}
    xs = {"u": lz.tensor([2.0, 3.0]), "v": [lz.ones((2, 2)), np.full((2, 2), 5, np.float32)]}
    last, y = lz.scan(body, state, xs)
    assert last["pair"][0].item() == 6
    assert last["pair"][1] is None
    assert last["c"].tolist() == [10, 10]
    assert type(y[0]) is Pair
    assert y[0].first.tolist() == [1, 2]
    assert y[0].second is None
    assert y[1]["sum"].tolist() == [[6, 6], [6, 6]]
    assert y[2] == "text"


def test_xs_or_y_or_state_may_be_missing():
    doubled, nothing = lz.scan(lambda x, _: (x * 2, None), 1.0, length=5)
    assert doubled.item() == 32
    assert nothing is None
    state, y = lz.scan(lambda s, x: (s, x + 1), None, lz.arange(3))
    assert state is None
    assert y.tolist() == [1, 2, 3]
    assert lz.scan(lambda s, x: ((), lz.full(2, 7.0)), (), length=2)[1].tolist() == [[7, 7]] * 2
    assert lz.scan(lambda s, x: (s, 1.5), None, length=2)[1].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "int64", "uint8"])
def test_numbers_of_every_kind_are_carried(dtype):
    xs = lz.arange(1, 4, dtype=dtype)
    last, y = lz.scan(lambda s, x: (s * x, s > 1), lz.ones((), dtype), xs)
    assert (last.item(), last.dtype) == (6, dtype)
    assert y.tolist() == [False, False, True]


def test_no_steps_give_the_state_as_it_was_in_memory_of_its_own():
    start = lz.tensor([1.0, 2.0])
    last, y = lz.scan(lambda s, x: (s + x, s * x), start, lz.zeros((0, 2)))
    assert last.tolist() == [1, 2]
    assert y.shape == (0, 2)
    last.assign(0)
    assert start.tolist() == [1, 2]


def test_results_have_memory_of_their_own():
    start, xs, w = lz.ones(2), lz.ones((3, 2)), lz.ones(2)
    for state in (lambda s, x: s, lambda s, x: x, lambda s, x: w, lambda s, x: x[::-1]):
        last, y = lz.scan(lambda s, x, state=state: (state(s, x), x), start, xs)
        for result in (last, y):
            result.assign(0)
    assert start.tolist() == [1, 1]
    assert xs.numpy().all()
    assert w.tolist() == [1, 1]


def test_the_body_is_called_once():
    calls = []
    lz.scan(lambda s, x: (calls.append(x) or s + x, None), 0.0, lz.zeros(100))
    assert len(calls) == 1


def test_results_that_no_parameter_reaches_need_no_gradient():
    w = lz.tensor(2.0, requires_grad=True)
    (total, count), y = lz.scan(
        lambda s, x: ((s[0] + x * w, s[1] + 1.0), x), (0.0, 0.0), lz.ones(3)
    )
    assert (total.requires_grad, count.requires_grad, y.requires_grad) == (True, False, False)
    with lz.no_grad():
        assert not lz.scan(lambda s, x: (s * w, None), 1.0, lz.ones(3))[0].requires_grad


def test_a_state_that_is_not_read_has_a_gradient_of_zeros():
    start, xs = lz.ones(2, requires_grad=True), lz.ones((3, 2), requires_grad=True)
    last, _ = lz.scan(lambda s, x: (x * 2, None), start, xs)
    last.sum().backward()
    assert start.grad.tolist() == [0, 0]
    assert xs.grad.tolist() == [[0, 0], [0, 0], [2, 2]]


# Tensors from outside


def test_assigned_tensors_go_on_from_step_to_step():
    count, last = lz.tensor(5), lz.zeros(2)

    def body(state, x):
        count.assign(count + 1)
        last.assign(x)
        return state, count * 10

    def step(xs):
        _, y = lz.scan(body, None, xs)
        return y, count + 0

    xs = np.arange(6, dtype=np.float32).reshape(3, 2)
    y, after = step(lz.tensor(xs))
    assert y.tolist() == [60, 70, 80]
    assert (after.item(), count.item(), last.tolist()) == (8, 8, [4, 5])
    graph = lz.trace(step, xs)
    assert count.item() == 8
    y, after = graph(xs)
    assert y.tolist() == [90, 100, 110]
    assert (after.item(), count.item()) == (11, 11)


def test_a_tensor_made_in_the_body_is_assigned_in_the_body():
    def body(state, x):
        total = lz.zeros(())
        for number in range(2):
            total.assign(total + x[number])
        return state + total, total

    last, y = lz.scan(body, 0.0, lz.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert (last.item(), y.tolist()) == (10, [3, 7])


def test_a_tensor_of_the_trace_outside_is_read_and_assigned():
    def step(x):
        total, scale = lz.zeros(()), x.sum()

        def body(s, row):
            total.assign(total + row.sum() * scale)
            return s, total * 1

        _, y = lz.scan(body, None, x)
        return total, y

    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    total, y = lz.trace(step, x)(x)
    assert total.item() == 15 * 15
    assert y.tolist() == [15, 90, 225]
    assert [z.tolist() for z in step(lz.tensor(x))] == [225, [15, 90, 225]]


def test_assigned_numbers_carry_no_gradient():
    w, running = lz.tensor(3.0, requires_grad=True), lz.tensor(1.0)

    def body(s, x):
        running.assign(running * w)
        return s + running * x, None

    xs = lz.ones(2, requires_grad=True)
    lz.scan(body, 0.0, xs)[0].backward()
    assert w.grad is None
    assert xs.grad.tolist() == [3, 9]
    assert running.item() == 9


@pytest.mark.parametrize("checkpoint", [False, True])
def test_random_draws_differ_from_step_to_step_and_equal_those_of_a_loop(checkpoint):
    x = lz.ones((4, 50), requires_grad=True)

    def body(generator):
        def step(h, x):
            h = lz.nn.functional.dropout(h + x, 0.5, generator=generator)
            return h, h

        return step

    scanned, looped = Generator(3), Generator(3)
    _, y = lz.scan(body(scanned), lz.zeros(50), x, checkpoint=checkpoint)
    (y * y).sum().backward()
    found, x.grad = x.grad, None
    h, rows = lz.zeros(50), []
    for row in x:
        h, _ = body(looped)(h, row)
        rows.append(h)
    expected = lz.stack(rows)
    (expected * expected).sum().backward()
    assert y.numpy().tobytes() == expected.numpy().tobytes()
    np.testing.assert_allclose(found, x.grad, rtol=1e-6)
    assert scanned.counter.item() == looped.counter.item()
    assert len({row.tobytes() for row in y.numpy() == 0}) == 4


def test_draws_in_a_traced_scan_go_on_at_each_run():
    traced, eager = Generator(5), Generator(5)

    def draw(generator):
        return lz.scan(lambda s, _: (s, generator.uniform(3)), None, length=2)[1]

    graph = lz.trace(lambda: draw(traced))
    for _ in range(3):
        assert graph().tolist() == draw(eager).tolist()


def test_a_weight_assigned_after_the_loop_is_noticed():
    w = lz.tensor(2.0, requires_grad=True)
    last, _ = lz.scan(lambda s, x: (s * w + x, None), 1.0, lz.ones(3))
    w.assign(5)
    with pytest.raises(lz.GradientError, match=r"of Scan\(length=3\) was assigned after"):
        last.backward()


def test_a_training_step_is_one_graph_with_two_loops():
    w = lz.tensor([[0.1, 0.2], [0.3, 0.4]], requires_grad=True)
    twin = lz.tensor(w, requires_grad=True)

    def step(x, w):
        w.grad = None
        h, y = lz.scan(lambda h, x: ((h @ w + x).tanh(),) * 2, lz.zeros((1, 2)), x)
        loss = (h * y).sum()
        loss.backward()
        w.assign(w - 0.1 * w.grad)
        return loss

    x = np.random.default_rng(0).standard_normal((5, 1, 2)).astype(np.float32)
    graph = lz.trace(lambda x: step(x, w), x)
    assert len(scans_of(graph)) == 2
    for _ in range(3):
        assert graph(x).item() == step(lz.tensor(x), twin).item()
    assert w.numpy().tobytes() == twin.numpy().tobytes()
    # A thousand steps make no larger graph.
    long = lz.trace(lambda x: step(x, w), lz.Spec((1000, 1, 2)))
    assert len(long.nodes) == len(graph.nodes)


def test_equal_loops_are_equal_values():
    def loops(factor, length=3, reverse=False):
        return scans_of(
            lz.trace(
                lambda x: lz.scan(lambda s, x: (s * factor + x, x), x[0], x, reverse=reverse),
                lz.Spec((length,)),
            )
        )[0]

    assert loops(2.0) == loops(2.0)
    assert hash(loops(2.0)) == hash(loops(2.0))
    others = [loops(2.0), loops(3.0), loops(2.0, length=4), loops(2.0, reverse=True)]
    assert len(set(others)) == 4
    assert len({repr(op.body) for op in others[:2]}) == 2


# What it refuses


X = lz.Spec((3, 2))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((lz.zeros(2), 0.0, lz.zeros(3)), lz.KindError, "scan calls a function of .*, got Tensor"),
        ((add, 0.0), lz.ShapeError, "give the number of steps as length="),
        ((add, 0.0, lz.zeros(())), lz.ShapeError, "^xs is a single number"),
        ((add, 0.0, lz.zeros(3), 4), lz.ShapeError, "they differ: xs has 3, length has 4"),
        ((add, 0.0, [lz.zeros(3), {"a": lz.zeros(2)}]), lz.ShapeError,
         r"they differ: xs\[0\] has 3, xs\[1\]\['a'\] has 2"),
        ((add, 0.0, None, -1), lz.RangeError, "0 or more; got -1"),
        ((add, 0.0, None, 1.5), lz.KindError, "length must be a whole number, got 1.5"),
        ((add, 0.0, lz.zeros(3), None, 1), lz.KindError, "reverse is True or False"),
        ((add, 0.0, lz.zeros(3), None, False, "yes"), lz.KindError, "checkpoint is True or False"),
        ((lambda s, x: s, 0.0, lz.zeros(3)), lz.KindError,
         "returns a pair, the new state and y, each of which may be None; got Tensor"),
        ((lambda s, x: (s, x, x), 0.0, lz.zeros(3)), lz.KindError, "may be None; got 3 values"),
        ((lambda s, x: (s + x, None), 0.0, lz.zeros((3, 2))), lz.ShapeError,
         r"test_scan_calls\.py:\d+: .*state is expected as float32\[\], got float32\[2\]"),
        ((lambda s, x: ({"h": s["h"] * 1.5}, x), {"h": lz.arange(2)}, lz.zeros(3)), lz.KindError,
         r"test_scan_calls\.py:\d+: .*state\['h'\] is expected as int64\[2\], got float32\[2\]"),
        ((lambda s, x: ((s, x), None), 0.0, lz.zeros(3)), lz.ShapeError,
         r"nested as it came: expected state, got state\[0\], state\[1\]"),
        ((lambda s, x: (None, None), [1.0, (2.0,)], lz.zeros(3)), lz.ShapeError,
         r"expected state\[0\], state\[1\]\[0\], got no tensors"),
        ((lambda s, x: (s if s > 0 else -s, None), 0.0, lz.zeros(3)), lz.TraceError,
         r"test_scan_calls\.py:\d+: inside a traced function"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told(arguments, error, text):
    with pytest.raises(error, match=text):
        lz.scan(*arguments)
    with pytest.raises(error, match=text):
        lz.trace(lambda: lz.scan(*arguments))


def test_an_index_outside_names_the_line_in_the_body():
    table = lz.arange(3.0)
    with pytest.raises(lz.PositionError, match=r"test_scan_calls\.py:\d+: Take\(axis=0\)"):
        lz.scan(lambda s, x: (s + table[x + s.astype("int64")], None), 0.0, lz.tensor([1, 5]))


def test_gradients_of_tensors_from_outside_stay_outside():
    w = lz.tensor(2.0, requires_grad=True)

    def backward(s, x):
        (s * w).sum().backward()
        return s, None

    def clear(s, x):
        w.grad = None
        return s, None

    for body in (backward, clear, lambda s, x: (s + w.grad, None)):
        with pytest.raises(lz.TraceError, match=r":\d+: the body of a scan neither reads nor"):
            lz.scan(body, 0.0, lz.zeros(3))
    assert w.grad is None


def test_a_parameter_is_assigned_in_a_loop_under_no_grad_alone():
    w = lz.tensor(2.0, requires_grad=True)

    def decay(s, x):
        w.assign(w * 0.5)
        return s, w + 0

    with pytest.raises(lz.TraceError, match="hand it on in the state, or put the scan under no_gr"):
        lz.scan(decay, None, length=2)
    with lz.no_grad():
        assert lz.scan(decay, None, length=2)[1].tolist() == [1, 0.5]
    assert w.item() == 0.5


def test_an_error_in_the_body_changes_nothing():
    count = lz.tensor(0)

    def body(s, x):
        count.assign(count + 1)
        raise KeyError("from the body")

    with pytest.raises(KeyError, match="from the body"):
        lz.scan(body, None, length=3)
    assert count.item() == 0
    assert lz.scan(add, 0.0, lz.ones(3))[0].item() == 3


def test_tensors_of_a_step_have_no_numbers_outside_it():
    leaked = []
    lz.scan(lambda s, x: (leaked.append(x * 2) or s, None), 0.0, lz.zeros(3))
    with pytest.raises(lz.TraceError, match="stands for a value of a traced function"):
        leaked[0] + 1
    with pytest.raises(lz.TraceError, match="another trace"):
        lz.trace(lambda: leaked[0] + 1)
    with pytest.raises(lz.TraceError, match="another trace"):
        lz.scan(lambda s, x: (s + leaked[0], None), 0.0, lz.zeros(3))


def test_a_stale_view_is_refused():
    w = lz.ones(3)
    view = w[:2]
    w.assign(2)
    with pytest.raises(lz.StateError, match="was assigned since"):
        lz.scan(lambda s, x: (s, view + x), None, lz.zeros(3))


def test_a_loop_of_a_graph_knows_what_it_takes():
    graph = lz.trace(lambda x: lz.scan(add, 0.0, x)[0], lz.Spec((3,)))
    (op,) = scans_of(graph)
    with pytest.raises(
        lz.ShapeError, match=r"Scan\(length=3\) takes \(float32\[\], float32\[3\]\)"
    ):
        op.infer(lz.Spec(()), lz.Spec((4,)))
    assert len(topological(op.body.outputs)) == len(op.body.nodes)
