"""backward: what it computes, what it keeps and frees, and what it refuses."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import lunzi as lz


def leaf(*numbers):
    return lz.tensor(numbers, "float64", requires_grad=True)


# What it computes


def test_a_step_by_hand():
    x, w, b = lz.tensor([1.0, 2.0]), leaf(3.0, -1.0), leaf(0.5)
    loss = ((x * w).sum() + b) ** 2  # (3 - 2 + 0.5)^2 = 2.25
    loss.backward()
    assert loss.item() == 2.25
    assert w.grad.tolist() == [3, 6]  # 2 * 1.5 * x
    assert b.grad.tolist() == [3]
    assert x.grad is None


def test_a_tensor_used_several_times_gathers_its_gradients():
    x = leaf(2.0)
    y = x * x
    (y + y * x + x).backward()
    assert x.grad.tolist() == [2 * 2 + 3 * 4 + 1]


def test_a_leaf_is_its_own_result():
    x = leaf(2.0)
    x.backward()
    assert x.grad.tolist() == [1]


def test_gradients_add_up_over_several_calls():
    x = leaf(1.0, 2.0)
    for count in (1, 2, 3):
        (x * 3).sum().backward()
        assert x.grad.tolist() == [3 * count, 3 * count]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


@settings(deadline=None, derandomize=True)
@given(mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3), st.integers(0, 3))
def test_broadcasting_is_undone(shapes, which):
    operate = [lz.add, lz.multiply, lz.subtract, lz.maximum][which]
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes.input_shapes)
    x, y = lz.tensor(a, requires_grad=True), lz.tensor(b, requires_grad=True)
    operate(x, y).sum().backward()
    assert x.grad.shape == a.shape
    assert y.grad.shape == b.shape
    for tensor, array, other, order in [(x, a, b, 1), (y, b, a, -1)]:
        move = 1e-6 * rng.standard_normal(array.shape)
        ends = [operate(*(array + sign * move, other)[::order]).sum() for sign in (1, -1)]
        slope = ((ends[0] - ends[1]) / 2).item()
        np.testing.assert_allclose((tensor.grad * move).sum().item(), slope, atol=1e-11)


def test_a_gradient_may_be_given_for_a_result_of_any_shape():
    x = leaf(1.0, 2.0)
    (x * 3).backward([10.0, 20.0])
    assert x.grad.tolist() == [30, 60]
    x.grad = None
    (x * 3).backward(gradient=lz.tensor([1.0, 0.0]))
    assert x.grad.tolist() == [3, 0]
    assert x.grad.dtype == "float64"


def test_one_number_in_any_shape_is_a_result():
    x = leaf(2.0)
    (x * 3).reshape(1, 1).backward()
    assert x.grad.tolist() == [3]


def test_an_input_without_a_gradient_leaves_the_others_alone():
    x = leaf(1.5, -1.5)
    (x * x.floor() + x // 2 + x.sign() + x.round()).sum().backward()
    assert x.grad.tolist() == [1, -2]


def test_integers_and_truth_values_end_the_tape():
    x = leaf(1.0, 3.0)
    assert not (x > 2).requires_grad
    assert not x.argmax().requires_grad
    assert not x.astype("int64").requires_grad
    assert not x.argsort().requires_grad
    x.take(x.argmax()).backward()
    assert x.grad.tolist() == [0, 1]


# What it keeps and frees


def test_the_tape_is_freed_and_a_second_call_says_so():
    x = leaf(2.0)
    y = x * x
    loss = y * 3
    loss.backward()
    for result in (loss, y, y + 1):
        with pytest.raises(lz.GradientError, match=r"backward\(retain_graph=True\)"):
            result.backward()
    assert x.grad.tolist() == [12]


def test_a_part_that_was_freed_is_told_before_any_gradient_is_stored():
    x, w = leaf(2.0), leaf(3.0)
    y = x * x
    y.backward()
    x.grad = None
    with pytest.raises(lz.GradientError, match=r"the tape of Multiply\(\) was freed"):
        (y * w).backward()
    assert x.grad is None
    assert w.grad is None


def test_a_kept_tape_is_walked_again():
    x = leaf(2.0)
    loss = x * x
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [12]
    with pytest.raises(lz.GradientError, match="was freed"):
        loss.backward()


def test_a_recorded_walk_is_differentiated_again():
    x = leaf(2.0)
    (x * x * x).backward(create_graph=True)
    assert x.grad.requires_grad
    first = x.grad
    x.grad = None
    first.backward()
    assert x.grad.tolist() == [12]


def test_a_walk_is_not_recorded_unless_asked():
    x = leaf(2.0)
    (x * x).backward()
    assert not x.grad.requires_grad
    (x * x).backward()
    assert not x.grad.requires_grad


def test_inner_tensors_keep_their_gradient_on_request():
    x = leaf(2.0)
    y = x * 3
    z = y * y
    y.retain_grad()
    z.backward()
    assert y.grad.tolist() == [12]
    assert z.grad is None
    assert x.grad.tolist() == [36]
    with pytest.raises(lz.GradientError, match="has no gradient to keep"):
        lz.ones(1).retain_grad()


def test_the_result_itself_may_keep_its_gradient():
    y = leaf(2.0) * 3
    y.retain_grad()
    y.backward()
    assert y.grad.tolist() == [1]


def test_a_tape_without_a_user_goes_at_once():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0)
        y = x * 2
        inner = weakref.ref(y)
        loss = (y * y).sum()
        del y
        assert inner() is not None
        loss.backward()
        assert inner() is None
        y = x * 3
        inner = weakref.ref(y)
        z = y.exp()
        del y, z
        assert inner() is None
    finally:
        gc.enable()


def test_ten_thousand_steps_take_no_more_memory_than_ten():
    rng = np.random.default_rng(0)
    w, b = lz.tensor(rng.standard_normal((2, 3)), requires_grad=True), leaf(0.0, 0.0, 0.0)
    x = lz.tensor(rng.standard_normal((4, 2)))

    def steps(count):
        for _ in range(count):
            loss = ((x @ w + b).sigmoid() ** 2).mean()
            loss.backward()
            for p in (w, b):
                p.assign(p - p.grad * 0.1)
                p.grad = None

    steps(10)
    gc.collect()
    objects = len(gc.get_objects())
    tracemalloc.start()
    steps(10)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    steps(9_960)
    tracemalloc.start()
    steps(20)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gc.collect()
    assert len(gc.get_objects()) <= objects + 10
    assert after <= before + 2_000


DEEP = 100_000


def test_a_chain_deeper_than_the_python_stack_is_walked_and_freed():
    x = leaf(1.0)
    y = x
    for _ in range(DEEP):
        y = y + 1
    y.backward()
    assert x.grad.tolist() == [1]


def test_a_deep_chain_is_freed_without_a_walk():
    y = leaf(1.0)
    for _ in range(DEEP):
        y = y * 1.0
    del y


def test_a_deep_chain_has_a_gradient_of_its_gradient():
    def chain(x):
        y = x
        for _ in range(2_000):
            y = y * 1.0
        return (y * y).sum()

    assert lz.grad(lambda x: lz.grad(chain)(x).sum())(leaf(3.0)).tolist() == [2]


# What it refuses


@pytest.mark.parametrize(
    ("compute", "text"),
    [
        (lambda x: x, "backward starts from a single number, this tensor has shape"),
        (lambda x: (x * 2)[:0], r"has shape \(0,\): reduce it first"),
        (lambda x: lz.ones(()), "no input has requires_grad=True"),
        (lambda x: x.detach().sum(), "computed under no_grad or detached"),
        (lambda x: (x > 1).sum(), "there is nothing to differentiate"),
    ],
)
def test_refuses_to_start_from_what_has_no_gradient(compute, text):
    with pytest.raises(lz.GradientError, match=text):
        compute(leaf(1.0, 2.0)).backward()


@pytest.mark.parametrize("gradient", [[1.0], 1.0, [[1.0, 2.0]], lz.ones(3)])
def test_refuses_a_gradient_of_another_shape(gradient):
    with pytest.raises(lz.ShapeError, match=r"gradient= has shape .*, the tensor \(2,\)"):
        (leaf(1.0, 2.0) * 2).backward(gradient)


def test_refuses_a_leaf_of_integers_whose_flag_was_set():
    x = lz.tensor([1, 2])
    x.requires_grad = True
    with pytest.raises(lz.KindError, match=r"set on one of int64: convert it first with astype"):
        (x * 0.5).sum().backward()
    assert x.grad is None


def test_a_computed_tensor_keeps_its_flag():
    y = leaf(1.0) * 2
    with pytest.raises(lz.GradientError, match=r"use detach\(\)"):
        y.requires_grad_(False)
    x = leaf(1.0)
    assert not x.requires_grad_(False).requires_grad
    assert x.requires_grad_().requires_grad


def test_an_error_inside_a_walk_stores_nothing():
    x, w = leaf(1.0), leaf(2.0)
    hidden = lz.tensor([3.0], "float64")
    loss = (x * hidden).exp() * w
    hidden.assign(4)
    with pytest.raises(lz.GradientError):
        loss.backward()
    assert x.grad is None
    assert w.grad is None


# Threads


def test_threads_have_tapes_and_gradients_of_their_own():
    results = {}

    def work(number):
        x = leaf(float(number))
        for _ in range(200):
            x.grad = None
            (x * x * x).backward()
        results[number] = x.grad.item()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: 3 * number**2 for number in range(4)}
