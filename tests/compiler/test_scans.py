"""Loops in machine code: the same numbers as in the interpreter and in Python."""

import numpy as np
import pytest
from native_programs import Program

import lunzi as lz

STEPS, B, F = 5, 6, 4


def draw(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 0.5


XS, H, C, W, U = draw(0, STEPS, B, F), draw(1, B, F), draw(2, B, F), draw(3, F, F), draw(4, F, F)


def several_carries(xs, h, c, w):
    def body(state, x):
        h, c = state
        c = c * (x + h @ w).sigmoid()
        h = h + c.tanh()
        return (h, c), (h * 2, c.sum(1))

    return lz.scan(body, (h, c), xs)


def nested_state(xs, h, c, w):
    def body(state, x):
        a = state["a"] @ w + x["one"]
        return {"a": a.tanh(), "b": [state["b"][0] + a, None]}, {"y": (a, None)}

    return lz.scan(body, {"a": h, "b": [c, None]}, {"one": xs, "none": None})


def without_parts(h, w):
    return lz.scan(lambda h, _: ((h @ w).sin(), None), h, None, length=7)


def without_carries(xs, w):
    return lz.scan(lambda _, x: (None, x @ w + 1), None, xs)


def in_reverse(xs, h, w):
    def body(h, x):
        h = (x + h @ w).tanh()
        return h, h - x

    return lz.scan(body, h, xs, reverse=True)


def permuted_parts(xs, h):
    def body(h, x):
        return (h + x[0] * x[1]).sin(), x[0] - h

    return lz.scan(body, h, (xs.permute_dims(1, 0, 2), xs.flip(1).permute_dims(1, 0, 2)))


def parts_over_the_last_axis(xs, h):
    return lz.scan(lambda h, x: (h * 0.5 + x.T, x), h, xs.permute_dims(2, 1, 0))


def strided_parts(xs, h):
    return lz.scan(lambda h, x: (h * 0.5 + x, x * 2), h, xs[::-2])


def computed_parts(xs, h, w):
    return lz.scan(lambda h, x: ((h * x).tanh(), h), h, (xs @ w).exp())


def one_number_as_parts(h):
    parts = lz.zeros((STEPS, B, F)) + 0.25
    return lz.scan(lambda h, x: (h + x, x), h, parts.broadcast_to((STEPS, B, F)))


def constants_as_parts(h):
    return lz.scan(lambda h, x: (h + x, x), h, lz.tensor(XS))


def constants_from_outside(xs, h, w, u):
    outside = (w @ u).exp()
    table = lz.tensor(W)

    def body(h, x):
        return (h @ outside * 0.1 + x @ table + u[0]).tanh(), h + outside.sum()

    return lz.scan(body, h, xs)


def computed_in_the_body_from_constants(xs, h, w, u):
    def body(h, x):
        return (h @ (w @ u.exp()) * 0.1 + x).tanh(), (w * u).sum(0) + h

    return lz.scan(body, h, xs)


def rows_of_other_lengths(xs, h, w):
    def body(state, x):
        a, b = state
        a = (a + x @ b).tanh()
        return (a, b * 0.5 + x.T @ a), a.sum()

    return lz.scan(body, (h, w), xs)


def numbers_and_rows(xs, h):
    def body(state, x):
        total, h = state
        return (total + h.sum(), h * 0.5 + x + total), total

    return lz.scan(body, (lz.tensor(0.0), h), xs)


def mixed_rows(xs, h):
    return lz.scan(lambda h, x: (h.flip(0) * 0.5 + x, h.max(0)), h, xs)


def sums_over_rows(xs, h):
    return lz.scan(lambda h, x: (h - h.mean(0) + x, h), h, xs)


def shifted_rows(xs, h):
    return lz.scan(lambda h, x: (lz.concat([h[1:], x[:1]]), h), h, xs)


def looked_up(h, i, w):
    return lz.scan(lambda h, i: ((h + w[i]).tanh(), w[i]), h, i)


def looked_up_in_the_carry(h, i):
    return lz.scan(lambda h, i: (h * 0.5 + h[i], h[i]), h, i)


def unchanged(xs, h, c):
    def body(state, x):
        h, c = state
        return (h, c + h * x), h

    return lz.scan(body, (h, c), xs)


def swapped(xs, h, c):
    return lz.scan(lambda state, x: ((state[1], state[0]), state[0] + x), (h, c), xs)


def swapped_and_changed(xs, h, c):
    def body(state, x):
        h, c = state
        return (c * 0.5 + x, h + 1), (h, c)

    return lz.scan(body, (h, c), xs)


def turned_round(xs, h, c):
    def body(state, x):
        a, b, d = state
        return (b, d, a + x), None

    return lz.scan(body, (h, c, h + c), xs)


def one_value_in_two_carries(xs, h, c):
    def body(state, x):
        new = state[0] + x
        return (new, new), (new, new * 1)

    return lz.scan(body, (h, c), xs)


def parts_as_carry(xs, h):
    return lz.scan(lambda h, x: (x, h), h, xs)


def constants_as_carry(xs, h, c):
    return lz.scan(lambda h, x: (c, h + x), h, xs)


def numbers_as_carry(xs, h):
    return lz.scan(lambda h, x: (lz.zeros((B, F)) + 2, h + x), h, xs)


def carried_and_stacked(xs, h):
    def body(h, x):
        h = (h + x).tanh()
        return h, (h, h, h.T, h.reshape(F, B))

    return lz.scan(body, h, xs)


def arguments_and_constants_as_results(xs, h, w):
    fixed = lz.tensor(W)
    return lz.scan(lambda h, x: (h + x, (x, h, w, fixed, lz.tensor(2.0), lz.arange(3))), h, xs)


def unused_stacks(xs, h):
    last, _ = lz.scan(lambda h, x: ((h + x).tanh(), (h * 2, x.sum())), h, xs)
    return last


def unused_carries(xs, h):
    _, (y, _) = lz.scan(lambda h, x: ((h + x).tanh(), (h * 2, x.sum())), h, xs)
    return y.sum(0)


def two_loops(xs, h, w):
    last, y = lz.scan(lambda h, x: ((h + x @ w).tanh(), h), h, xs)
    other, z = lz.scan(lambda h, x: ((h * x).sin(), h + x), last, y, reverse=True)
    return other, z, lz.scan(lambda s, x: (s + x, s), h, xs)


def two_loops_of_one_carry(xs, h):
    return [lz.scan(lambda h, x, k=k: (h * k + x, h), h, xs) for k in (1, 2, 3)]


def reshaped_results(xs, h):
    last, y = lz.scan(lambda h, x: ((h + x).tanh(), h), h, xs)
    return last.T, y.reshape(STEPS, B * F), y.reshape(STEPS * B, F).T + 1, last.reshape(-1)


def blocks_of_heads(xs, h, w):
    """Axes that are split inside of the body."""

    def body(h, x):
        heads = h.reshape(B, 2, 2).permute_dims(1, 0, 2)  # (2, B, 2)
        h = heads.permute_dims(1, 0, 2).reshape(B, F) @ w + x
        return h.tanh(), heads

    return lz.scan(body, h, xs)


def softmax_and_order(xs, h):
    def body(h, x):
        weights = (h - h.max(1, keepdims=True)).exp()
        h = weights / weights.sum(1, keepdims=True) + x.cumulative_sum(1)
        return h, (h.argmax(1), h.argsort(1), h > 0)

    return lz.scan(body, h, xs)


def integers(xs, h):
    def body(state, x):
        count, flag = state
        return (count + 1, ~flag), (count * 2, flag)

    return lz.scan(body, (lz.zeros((B,), "int64"), lz.zeros((B,), "bool")), xs)


LOOPS = [
    (several_carries, XS, H, C, W), (nested_state, XS, H, C, W), (without_parts, H, W),
    (without_carries, XS, W), (in_reverse, XS, H, W),
    (permuted_parts, draw(5, B, STEPS, F), H), (parts_over_the_last_axis, XS, draw(6, STEPS, B)),
    (strided_parts, XS, H), (computed_parts, XS, H, W), (one_number_as_parts, H),
    (constants_as_parts, H), (constants_from_outside, XS, H, W, U),
    (computed_in_the_body_from_constants, XS, H, W, U), (rows_of_other_lengths, XS, H, W),
    (numbers_and_rows, XS, H), (mixed_rows, XS, H), (sums_over_rows, XS, H), (shifted_rows, XS, H),
    (looked_up, H, np.array([[0, 1, 3, 3, -1, 0], [1, 1, 1, 2, 0, 0]]), W),
    (looked_up_in_the_carry, H, np.array([[0, 1, 3, 3, -1, 0], [1, 1, 1, 2, 0, 0]])),
    (unchanged, XS, H, C), (swapped, XS, H, C), (swapped_and_changed, XS, H, C),
    (turned_round, XS, H, C), (one_value_in_two_carries, XS, H, C), (parts_as_carry, XS, H),
    (constants_as_carry, XS, H, C), (numbers_as_carry, XS, H), (carried_and_stacked, XS, H),
    (arguments_and_constants_as_results, XS, H, W), (unused_stacks, XS, H), (unused_carries, XS, H),
    (two_loops, XS, H, W), (two_loops_of_one_carry, XS, H), (reshaped_results, XS, H),
    (blocks_of_heads, XS, H, W), (softmax_and_order, XS, H), (integers, XS, H),
]  # fmt: skip
every_loop = pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop[0].__name__)
FLOATING = [loop for loop in LOOPS if loop[0] is not integers]
every_size = pytest.mark.parametrize("parallel", [False, True], ids=["as chosen", "parallel"])


def assert_close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


def assert_as_interpreted(function, *arguments, parallel=True, counts=(1, 2, 3, 5)):
    """The numbers of the interpreter, and the same bits on any number of threads."""
    program = Program(function, *arguments, parallel=parallel)
    alone = program.all(*arguments, threads=counts[0])
    assert_close(alone, program.all_expected(*arguments))
    for count in counts[1:]:
        for a, b in zip(program.all(*arguments, threads=count), alone, strict=True):
            assert a.tobytes() == b.tobytes(), f"other bits on {count} threads"


@every_loop
@every_size
def test_a_native_loop_is_an_interpreted_loop(loop, parallel):
    assert_as_interpreted(*loop, parallel=parallel)


def gradients(function, arguments, checkpoint=False):
    """A function of the gradients of a loop for its arguments."""
    places = tuple(n for n, x in enumerate(arguments) if x.dtype.kind == "f")

    def loss(*inputs):
        total = 0.0
        for y in flat(function(*inputs)):
            total = total + (y * y * 0.5 + y).mean()
        return total

    return lz.grad(loss, places)


def flat(value):
    if isinstance(value, lz.Tensor):
        return [value] if value.dtype.kind == "f" else []
    parts = value.values() if isinstance(value, dict) else value
    return [] if value is None else [x for part in parts for x in flat(part)]


@pytest.mark.parametrize("loop", FLOATING, ids=lambda loop: loop[0].__name__)
@pytest.mark.parametrize("checkpoint", [False, True], ids=["stored", "checkpoint"])
def test_gradients_of_a_native_loop_are_those_of_an_interpreted_one(loop, checkpoint, monkeypatch):
    scan = lz.scan
    monkeypatch.setattr(lz, "scan", lambda *a, **k: scan(*a, **k, checkpoint=checkpoint))
    function, *arguments = loop
    assert_as_interpreted(gradients(function, arguments), *arguments, counts=(1, 3))
