"""The passes in their order: after each the graph is sound, and has the same numbers."""

import numpy as np
import pytest
from samples import SAMPLES, draw, dtypes_of, has_gradient

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler.passes import PASSES, prepare
from lunzi.compiler.verify import verify
from lunzi.core.graph import topological
from lunzi.core.interpreter import interpret
from lunzi.core.spec import float64, is_floating
from lunzi.core.tensor import bind

every_pass = pytest.mark.parametrize("name", [one.name for one in PASSES])


def hold(graph, arguments, name, bound):
    """See that a pass keeps a graph sound, and its numbers within a relative bound."""
    states = [slot.read() for slot in graph.slots]
    after = prepare(graph.ends, after=name)
    verify(after, graph.arguments, [lz.Spec(x.shape, x.dtype) for x in states])
    before = interpret(graph.ends, arguments, states)
    for found, expected in zip(interpret(after, arguments, states), before, strict=True):
        scale = np.abs(expected).max(initial=0) if is_floating(expected.dtype) else 0
        np.testing.assert_allclose(found, expected, rtol=bound, atol=bound * scale)


def test_the_samples_stay_what_they_are(rng):
    for op, inputs in SAMPLES:
        for dtype in dtypes_of(op, inputs):
            arrays = draw(inputs, rng, dtype)
            graph = lz.trace(lambda *xs, op=op: bind(op, *xs), *arrays)
            for one in PASSES:
                hold(graph, arrays, one.name, 0)


def test_the_gradients_of_the_samples_stay_what_they_are(rng):
    for op, inputs in SAMPLES:
        if not has_gradient(op, inputs):
            continue
        arrays = draw(inputs, rng)
        places = [n for n, array in enumerate(arrays) if is_floating(array.dtype)]

        def gradients(*xs, op=op, places=places):
            chosen = [xs[n] for n in places]
            for x in chosen:
                x.requires_grad = True
            y = bind(op, *xs)
            (y * y).sum().backward()
            return [x if x.grad is None else x.grad for x in chosen]

        graph = lz.trace(gradients, *arrays)
        for one in PASSES:
            hold(graph, arrays, one.name, 1e-14)


def perceptron():
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (4, 6)


def convolutions():
    layers = [nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Flatten()), (2, 2, 8, 8)


class Recurrent(nn.Module):
    """A loop, whose body is a graph of its own."""

    def __init__(self):
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.last = nn.Linear(5, 3)

    def forward(self, x):
        return self.last(self.gru(x)[0][:, -1])


def recurrent():
    return Recurrent(), (4, 7, 6)


@every_pass
@pytest.mark.parametrize("network", [perceptron, convolutions, recurrent])
def test_a_training_step_stays_what_it_is(network, name, rng):
    lz.manual_seed(0)
    model, shape = network()
    model.double()
    optimizer = optim.AdamW(model.parameters(), lr=0.1)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    arrays = [rng.standard_normal(shape).astype(float64), np.arange(shape[0]) % 3]
    graph = lz.trace(step, *arrays)
    # Gradients of convolutions are sums in another order.
    hold(graph, arrays, name, 1e-9)


def operations(ends):
    return [type(node.op).__name__ for node in topological(ends)]


def test_the_passes_do_what_they_are_for(rng):
    model, shape = convolutions()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        loss = (model(x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    graph = lz.trace(step, rng.standard_normal(shape).astype("float32"))
    left = {one.name: operations(prepare(graph.ends, after=one.name)) for one in PASSES}
    assert len(left["simplify"]) < len(graph.nodes)
    scattered = [names.count("OverlapAdd") for names in left.values()]
    assert scattered[0] > scattered[1] or scattered[1] > scattered[2]
    assert scattered[2] == 0


def test_a_pass_that_is_not_there_names_those_that_are():
    with pytest.raises(lz.RangeError, match=r"the passes are simplify, .*; got 'fuse'"):
        prepare([], after="fuse")


def slices(x, bounds, axis):
    return [x.slice_axis(axis, *bound) for bound in bounds]


@pytest.mark.parametrize(
    ("bounds", "is_joined"),
    [([(0, 4), (4, 5), (5, 12)], True), ([(4, 12), (0, 4)], True), ([(0, 12)], False),
     ([(0, 4), (5, 12)], False), ([(0, 5), (4, 12)], False)],
    ids=["in order", "exchanged", "whole", "a gap", "both"],
)  # fmt: skip
@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_slices_that_make_a_whole_are_put_beside_each_other(
    bounds, is_joined, axis, rng
):
    def gradient(x):
        x.requires_grad = True
        parts = slices(x, bounds, axis)
        sum((part * part * (n + 1.0)).sum() for n, part in enumerate(parts)).backward()
        return x.grad

    x = np.where(rng.random((12, 12)) < 0.3, -0.0, rng.standard_normal((12, 12)))
    graph = lz.trace(gradient, x)
    after = prepare(graph.ends)
    names = operations(after)
    assert ("Concat" in names, "Pad" in names) == (is_joined, not is_joined and len(bounds) > 1)
    found, expected = (interpret(ends, [x], []) for ends in (after, graph.ends))
    assert found[0].tobytes() == expected[0].tobytes()
