"""A trace and what lies outside it: state, assigns and gradients in tables of its own."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.autograd import NOT_KEPT
from lunzi.core.random import Generator

X = lz.Spec((2, 3))


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape), dtype="float32").reshape(shape)


# Nothing outside changes while tracing


def test_a_trace_leaves_everything_outside_as_it_was():
    w = lz.tensor([1.0, 2.0], requires_grad=True)
    w.grad = lz.tensor([5.0, 5.0])
    generator = Generator(3)
    before = generator.counter.item()

    def step():
        (w * w).sum().backward()
        w.assign(w - w.grad)
        w.grad = None
        return generator.uniform(2)

    graph = lz.trace(step)
    assert w.tolist() == [1, 2]
    assert w.grad.tolist() == [5, 5]
    assert w.version == 0
    assert generator.counter.item() == before
    graph()
    assert w.tolist() == [1 - 7, 2 - 9]
    assert w.grad is None


def test_an_error_in_a_trace_leaves_everything_as_it_was():
    w = lz.tensor([1.0, 2.0], requires_grad=True)

    def step():
        (w * w).sum().backward()
        w.assign(0)
        w.grad = None
        raise KeyError("from the function")

    with pytest.raises(KeyError, match="from the function"):
        lz.trace(step)
    assert w.tolist() == [1, 2]
    assert w.grad is None
    assert w.version == 0
    (w * w).sum().backward()
    assert w.grad.tolist() == [2, 4]


# Assigns


def test_values_inside_a_trace_follow_assigns_in_order():
    w = lz.tensor([1.0])

    def step(x):
        first = w + 0
        w.assign(x)
        second = w + 0
        w.assign(w * 10)
        return first, second, w

    graph = lz.trace(step, lz.Spec((1,)))
    assert [y.item() for y in graph(np.float32([7]))] == [1, 7, 70]
    assert w.item() == 70


def test_an_assign_converts_and_spreads_the_value():
    w, count = lz.zeros((2, 2), "float64"), lz.tensor(0)

    def step(x):
        w.assign(x)
        count.assign(count.sum() + 1)

    lz.trace(step, lz.Spec(()))(3.0)
    assert w.tolist() == [[3, 3], [3, 3]]
    assert count.item() == 1


def test_a_tensor_made_inside_is_assigned_inside():
    def add_up(x):
        total = lz.zeros(())
        for row in range(2):
            total.assign(total + x[row].sum())
        return total

    graph = lz.trace(add_up, X)
    assert graph(numbers(2, 3)).item() == 21
    assert graph(numbers(2, 3)).item() == 21
    assert graph.updates == ()


def test_a_run_that_fails_changes_nothing():
    count, x = lz.tensor(0), lz.tensor([1.0, 2.0])

    def step(i):
        count.assign(count + 1)
        x.assign(x * 2)
        return x[i]

    graph = lz.trace(step, lz.Spec((1,), "int64"))
    with pytest.raises(lz.PositionError):
        graph(np.array([5]))
    assert count.item() == 0
    assert x.tolist() == [1, 2]
    assert graph(np.array([1])).item() == 4


def test_swapped_tensors_are_read_before_they_are_written():
    a, b = lz.tensor([1.0]), lz.tensor([2.0])

    def swap():
        kept = a.copy()
        a.assign(b)
        b.assign(kept)

    lz.trace(swap)()
    assert (a.item(), b.item()) == (2, 1)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda w, x: w.assign(x.T), lz.ShapeError, "assign to a tensor of shape"),
        (lambda w, x: (w * x).assign(0), lz.GradientError, "was computed"),
        (lambda w, x: w.detach().assign(0), lz.StateError, "looks at the memory"),
        (lambda w, x: x.assign(0), lz.TraceError, r"test_trace_state\.py:\d+: .*its arguments"),
        (lambda w, x: w[0].assign(0), lz.GradientError, "was computed"),
        (lambda w, x: x.reshape(6).assign(0), lz.StateError, "looks at the memory"),
        (lambda w, x: lz.zeros(2, "int64").assign(x[0, :2]), lz.KindError, "got float32"),
        (lambda w, x: x.__setitem__(0, 1), lz.KindError, r"use x\.assign"),
    ],
)
def test_the_rules_of_assign_hold_in_a_trace(change, error, text):
    w = lz.ones((2, 3), requires_grad=True)
    with pytest.raises(error, match=text):
        lz.trace(lambda x: change(w, x), X)


def test_a_view_from_outside_is_stale_once_its_base_is_assigned_in_a_trace():
    w = lz.ones(3)
    view = w[:2]

    def step():
        w.assign(w * 2)
        return view + 1

    with pytest.raises(lz.StateError, match="was assigned since"):
        lz.trace(step)
    with pytest.raises(lz.StateError, match="was assigned since"):
        step()


def test_backward_in_a_trace_refuses_an_input_that_was_assigned():
    w, x = lz.ones(2, requires_grad=True), lz.ones(2)

    def step():
        loss = (w * x).sum()
        x.assign(5)
        loss.backward()

    with pytest.raises(lz.GradientError, match="was assigned after it was used"):
        lz.trace(step)
    assert w.grad is None


# Gradient slots


def step_for(w, clear_first=False, clear_last=False):
    def step(x):
        if clear_first:
            w.grad = None
        (w * x).sum().backward()
        if clear_last:
            w.grad = None

    return step


def test_a_gradient_that_enters_is_state():
    w = lz.zeros(2, requires_grad=True)
    w.grad = lz.tensor([10.0, 10.0])
    graph = lz.trace(step_for(w), lz.Spec((2,)))
    graph(np.float32([1, 2]))
    assert w.grad.tolist() == [11, 12]
    graph(np.float32([1, 2]))
    assert w.grad.tolist() == [12, 14]
    w.grad = lz.zeros(2)
    graph(np.float32([1, 2]))
    assert w.grad.tolist() == [1, 2]


def test_a_gradient_that_was_traced_and_is_gone_is_told():
    w = lz.zeros(2, requires_grad=True)
    w.grad = lz.ones(2)
    graph = lz.trace(step_for(w), lz.Spec((2,)))
    w.grad = None
    with pytest.raises(lz.TraceError, match="no longer there: trace it again"):
        graph(np.float32([1, 2]))


def test_a_gradient_that_was_not_there_and_is_now_is_told():
    w = lz.zeros(2, requires_grad=True)
    graph = lz.trace(step_for(w), lz.Spec((2,)))
    graph(np.float32([1, 2]))
    assert w.grad.tolist() == [1, 2]
    with pytest.raises(lz.TraceError, match="trace it again, or clear the gradient in it"):
        graph(np.float32([1, 2]))
    assert w.grad.tolist() == [1, 2]


@pytest.mark.parametrize("entering", [None, [7.0, 7.0]])
def test_a_gradient_that_is_cleared_first_does_not_enter(entering):
    w = lz.zeros(2, requires_grad=True)
    w.grad = entering if entering is None else lz.tensor(entering)
    graph = lz.trace(step_for(w, clear_first=True), lz.Spec((2,)))
    for _ in range(2):
        graph(np.float32([1, 2]))
        assert w.grad.tolist() == [1, 2]
    assert not graph.without_gradient


def test_a_gradient_that_is_cleared_last_is_gone_after_the_run():
    w = lz.zeros(2, requires_grad=True)
    graph = lz.trace(step_for(w, clear_first=True, clear_last=True), lz.Spec((2,)))
    w.grad = lz.ones(2)
    graph(np.float32([1, 2]))
    assert w.grad is None
    assert "gradient of float32[2] <- none" in str(graph)


def test_a_gradient_that_is_only_read_is_not_written():
    w = lz.zeros(2, requires_grad=True)
    w.grad = lz.tensor([3.0, 4.0])
    gradient = w.grad
    graph = lz.trace(lambda: w.grad * 2)
    assert graph().tolist() == [6, 8]
    assert graph.updates == ()
    assert w.grad is gradient


def test_a_gradient_may_be_assigned_and_set_in_a_trace():
    w = lz.zeros(2, requires_grad=True)
    w.grad = lz.tensor([3.0, 4.0])

    def halve(x):
        w.grad.assign(w.grad * 0.5)

    lz.trace(halve, lz.Spec(()))(1.0)
    assert w.grad.tolist() == [1.5, 2]

    def replace(x):
        w.grad = x

    lz.trace(replace, lz.Spec((2,)))(np.float32([8, 9]))
    assert w.grad.tolist() == [8, 9]


def test_gradients_in_a_trace_are_told_apart():
    x, y = lz.zeros(2, requires_grad=True), lz.zeros(2, requires_grad=True)

    def step():
        x.grad = y.grad = None
        (x + y.flip().flip()).sum().backward()
        x.grad.zero_()
        y.grad.assign(y.grad + 1)

    lz.trace(step)()
    assert x.grad.tolist() == [0, 0]
    assert y.grad.tolist() == [2, 2]


def test_gradients_of_inner_tensors_stay_inside():
    w = lz.ones(2, requires_grad=True)

    def step():
        y = w * 3
        y.retain_grad()
        (y * y).sum().backward()
        w.grad = None
        return y.grad

    assert lz.trace(step)().tolist() == [6, 6]


def test_a_training_step_is_one_graph():
    w, b = lz.zeros((3, 2), requires_grad=True), lz.zeros(2, requires_grad=True)
    twin_w, twin_b = lz.zeros((3, 2), requires_grad=True), lz.zeros(2, requires_grad=True)
    x, target = numbers(4, 3) / 10, numbers(4, 2) / 10

    def step(x, target, w, b):
        w.grad = b.grad = None
        loss = ((x @ w + b - target) ** 2).mean()
        loss.backward()
        for p in (w, b):
            p.assign(p - 0.1 * p.grad)
        return loss

    graph = lz.trace(lambda x, target: step(x, target, w, b), x, target)
    for _ in range(5):
        traced = graph(x, target)
        eager = step(lz.tensor(x), lz.tensor(target), twin_w, twin_b)
        assert traced.numpy().tobytes() == eager.numpy().tobytes()
    assert w.numpy().tobytes() == twin_w.numpy().tobytes()
    assert b.grad.numpy().tobytes() == twin_b.grad.numpy().tobytes()


# What a compiled function builds on


def test_a_gradient_that_was_not_kept_is_told_wherever_it_is_read():
    w = lz.zeros(2, requires_grad=True)
    for read in (
        lambda: w.grad,
        lambda: (w * 2).sum().backward(),
        lambda: lz.trace(lambda: w.grad * 1),
        lambda: lz.trace(lambda: (w * 2).sum().backward()),
    ):
        w._grad = NOT_KEPT
        with pytest.raises(lz.GradientError, match=r"use compile\(keep_grads=True\)"):
            read()
    w.grad = None
    (w * 2).sum().backward()
    assert w.grad.tolist() == [2, 2]


def test_arrays_from_outside_that_became_constants_are_told():
    array = numbers(3)
    graph = lz.trace(lambda x: x * array + lz.as_tensor(array) + 1.0 + lz.ones(3), X)
    assert [capture.source is array for capture in graph.captures] == [True, True]
    assert all("test_trace_state.py:" in capture.line for capture in graph.captures)
