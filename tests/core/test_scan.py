"""scan: one operation that does what a loop in Python does, gradients included."""

import numpy as np
import pytest

import lunzi as lz

STEPS = 4


def draw(rng, *shape, requires_grad=True):
    return lz.tensor(rng.standard_normal(shape) / 2, requires_grad=requires_grad)


def loop(body, state, xs, length=None, reverse=False, checkpoint=False):
    """What scan means, for a single tensor xs and y."""
    steps = len(xs) if length is None else length
    ys = [None] * steps
    for t in reversed(range(steps)) if reverse else range(steps):
        state, ys[t] = body(state, None if xs is None else xs[t])
    return state, None if None in ys else lz.stack(ys)


class Weights:
    """What the bodies below read from outside."""

    def __init__(self, rng):
        self.w, self.u = draw(rng, 3, 3), draw(rng, 3, 3)
        self.b, self.s = draw(rng, 3), draw(rng)
        self.table = draw(rng, 5, 3)

    def __iter__(self):
        return iter((self.w, self.u, self.b, self.s, self.table))


def recurrent(p, h, x):
    h = (x @ p.w + h @ p.u.T + p.b).tanh()
    return h, h * p.s


def gated(p, h, x):
    z, r = ((x + h) @ p.w).sigmoid(), (x * p.b - h @ p.u).sigmoid()
    return (1 - z) * (r * h) + z * x.tanh(), (z * r).sum()


def product_of_weights(p, h, x):
    return h @ (p.w @ p.u.exp()) * 0.5 + x, (h + x).max(0)


def weight_on_the_left(p, h, x):
    return (p.u @ h.T).T * 0.3 + x * p.s, h


def both_transposed(p, h, x):
    return (p.u.T @ h.T).T * 0.3 + x, p.w.sum(0) * h


def detached(p, h, x):
    with lz.no_grad():
        gate = (h @ p.w).sigmoid()
    return h * gate + (x @ p.u).detach() * x, h.detach() * p.b


def looking_up(p, h, x):
    chosen = (x.sum(1) * 0).astype("int64") + 2
    return (h + p.table[chosen]).tanh(), p.table[(h.detach().sum(1) > 0).astype("int64")]


def inner_gradient(p, h, x):
    slope = lz.grad(lambda h: ((h @ p.w).tanh() * x).sum())(h)
    return h + 0.1 * slope, slope


def weights_of_many_axes(p, h, x):
    stack = lz.stack([p.w, p.u])
    return (h.expand_dims(0) @ stack).sum(0).tanh() + x, h


def inner_scan(p, h, x):
    h, y = lz.scan(lambda h, row: ((h + row @ p.w).tanh(), h * row), h, lz.stack([x, x * 2]))
    return h, y.sum(0) @ p.u


def inner_scan_unrecorded(p, h, x):
    with lz.no_grad():
        fixed, _ = lz.scan(lambda h, row: (h + row @ p.w, None), h, lz.stack([x, x]))
    return fixed * p.b + h, lz.scan(lambda s, row: (s, row * 2), None, p.w)[1].sum() * x


BODIES = [
    recurrent, gated, product_of_weights, weight_on_the_left, both_transposed, detached,
    looking_up, inner_gradient, weights_of_many_axes, inner_scan, inner_scan_unrecorded,
]  # fmt: skip
every_body = pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
every_length = pytest.mark.parametrize("steps", [0, 1, STEPS])


def inputs_of(rng, steps):
    return Weights(rng), draw(rng, 2, 3), draw(rng, steps, 2, 3)


def gradients_of(run, body, p, h, xs, **options):
    """The loss of some numbers of a loop, and its gradients."""
    tensors = [h, xs, *p]

    def loss(*_):
        last, y = run(lambda h, x: body(p, h, x), h, xs, **options)
        total = (last * last).sum()
        return total if y is None or not y.size else total + (y * y * y).mean()

    for x in tensors:
        x.grad = None
    value = loss()
    value.backward()
    return [value, *(x.grad for x in tensors)]


def assert_close(found, expected, tolerance=1e-12):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        if a is None or b is None:
            present = a if b is None else b
            assert present is None or not present.numpy().any()
        else:
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@every_body
@every_length
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("checkpoint", [False, True], ids=["stored", "checkpoint"])
def test_values_and_gradients_are_those_of_a_loop(body, steps, reverse, checkpoint, rng):
    p, h, xs = inputs_of(rng, steps)
    found = gradients_of(lz.scan, body, p, h, xs, reverse=reverse, checkpoint=checkpoint)
    if steps:
        assert_close(found, gradients_of(loop, body, p, h, xs, reverse=reverse))
    else:
        assert found[1].tolist() == (2 * h).tolist()


@every_body
@pytest.mark.parametrize("checkpoint", [False, True], ids=["stored", "checkpoint"])
def test_traced_is_eager_bit_for_bit(body, checkpoint, rng):
    p, h, xs = inputs_of(rng, STEPS)
    run = gradients_of(lz.scan, body, p, h, xs, checkpoint=checkpoint)
    graph = lz.trace(lambda: gradients_of(lz.scan, body, p, h, xs, checkpoint=checkpoint))
    for a, b in zip(graph(), run, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a.numpy().tobytes() == b.numpy().tobytes()


@every_body
@pytest.mark.parametrize("checkpoint", [False, True], ids=["stored", "checkpoint"])
def test_second_order_gradients_are_those_of_a_loop(body, checkpoint, rng):
    p, h, xs = inputs_of(rng, 3)

    def norm(run, **options):
        def loss(h, xs, w, u, b):
            p.w, p.u, p.b = w, u, b
            last, y = run(lambda h, x: body(p, h, x), h, xs, **options)
            return (last * last).sum() + (y * y * y).mean()

        def norm_of_gradient(*inputs):
            return sum((g * g * (i + 1)).sum() for i, g in enumerate(first(*inputs)))

        first = lz.grad(loss, tuple(range(5)))
        return lz.grad(norm_of_gradient, tuple(range(5)))(h, xs, p.w, p.u, p.b)

    weights = p.w, p.u, p.b
    found = norm(lz.scan, checkpoint=checkpoint)
    p.w, p.u, p.b = weights
    assert_close(found, norm(loop), 1e-10)
