"""repeat: the same bits as a call for each step, with one way in from Python."""

import signal
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import executable, repeat
from lunzi.core.errors import PositionError
from lunzi.core.random import Generator


def network(sizes=(2, 3, 1), optimizer=optim.SGD, **options):
    """A compiled step of a network of sigmoids, its model and its optimiser."""
    lz.manual_seed(0)
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.Sigmoid()]
    model = nn.Sequential(*layers)
    optimizer = optimizer(model.parameters(), **options)

    @lz.compile
    def step(x, y):
        loss = ((y - model(x)) ** 2).sum() * 0.5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, model, optimizer


def batches(rng, count, rows, inputs=2, outputs=1):
    xs = rng.standard_normal((count, rows, inputs)).astype(np.float32)
    return xs, rng.uniform(size=(count, rows, outputs)).astype(np.float32)


def numbers(model):
    return [p.numpy().copy() for p in model.parameters()]


def assert_equal(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(params=["native", "eager"])
def mode(request, monkeypatch):
    """Each way in which steps may run."""
    if request.param == "eager":
        monkeypatch.setenv("LUNZI_COMPILE", "0")
    return request.param


@pytest.mark.parametrize("rows", [1, 4, 33])
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (optim.SGD, {"lr": 0.5}),
        (optim.Adam, {"lr": 0.01}),
        (optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    ],
    ids=["SGD", "Adam", "momentum"],
)
def test_it_equals_a_call_for_each_step(mode, rows, optimizer, options, rng):
    xs, ys = batches(rng, 20, rows)
    step, model, _ = network(optimizer=optimizer, **options)
    again, same, _ = network(optimizer=optimizer, **options)
    losses = step.repeat(xs, ys)
    expected = [again(x, y).numpy() for x, y in zip(xs, ys, strict=True)]
    np.testing.assert_array_equal(losses.numpy(), expected)
    assert_equal(numbers(model), numbers(same))


def test_it_is_checked_step_by_step(rng):
    xs, ys = batches(rng, 5, 4)
    step, _, _ = network(lr=0.5)
    checked = lz.compile(step.function, check=True)
    losses = checked.repeat(xs, ys).numpy()
    again, _, _ = network(lr=0.5)
    np.testing.assert_allclose(losses, again.repeat(xs, ys).numpy(), rtol=1e-5)


def test_it_equals_calls_on_several_threads(rng, monkeypatch):
    monkeypatch.setattr(executable, "FEW_TURNS", 1000)
    xs, ys = batches(rng, 12, 64, 40, 3)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(executable, "get_num_threads", lambda threads=threads: threads)
        step, model, _ = network((40, 30, 3), optim.Adam, lr=0.01)
        losses = step.repeat(xs, ys).numpy()
        found.append([losses, *numbers(model)])
    step, model, _ = network((40, 30, 3), optim.Adam, lr=0.01)
    expected = [step(x, y).numpy() for x, y in zip(xs, ys, strict=True)]
    for result in found:
        assert_equal(result, [np.array(expected), *numbers(model)])


def test_a_rate_for_each_step(mode, rng):
    xs, ys = batches(rng, 10, 4)
    rates = np.linspace(0.5, 0.1, 10)
    step, model, optimizer = network(lr=9.0)
    losses = step.repeat(xs, ys, assign={optimizer.lr: rates})
    again, same, other = network(lr=9.0)
    expected = []
    for x, y, rate in zip(xs, ys, rates, strict=True):
        other.lr = rate
        expected.append(again(x, y).numpy())
    np.testing.assert_array_equal(losses.numpy(), expected)
    assert_equal(numbers(model), numbers(same))
    assert optimizer.lr.item() == rates[-1]


def test_what_is_assigned_may_be_written_by_the_step_too(mode):
    grid = lz.tensor(np.zeros((2, 3), np.float32).T)

    @lz.compile
    def step():
        before = grid + 0
        grid.assign(grid * 2)
        return before.sum()

    values = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
    totals = step.repeat(count=4, assign={grid: values})
    np.testing.assert_array_equal(totals.numpy(), values.sum(axis=(1, 2)))
    np.testing.assert_array_equal(grid.numpy(), values[-1] * 2)


def test_results_keep_their_nesting(mode, rng):
    x = lz.tensor(rng.standard_normal((5, 3)), dtype="float32")
    result = lz.compile(lambda x: {"twice": x * 2, "both": (x + 1, [x.sum()])}).repeat(x)
    np.testing.assert_array_equal(result["twice"].numpy(), (x * 2).numpy())
    np.testing.assert_array_equal(result["both"][0].numpy(), (x + 1).numpy())
    assert result["both"][1][0].shape == (5,)
    assert not result["twice"].requires_grad


@pytest.mark.parametrize(
    "stack",
    [
        np.broadcast_to(np.float32([1, 2]), (6, 2)),
        np.arange(24, dtype=np.float32).reshape(12, 2)[::2],
        np.arange(12, dtype=np.float32).reshape(6, 2)[::-1],
        np.arange(12, dtype=np.float32).reshape(2, 6).T,
        np.frombuffer(bytes(49), np.float32, 12, 1).reshape(6, 2),
        np.arange(12, dtype=np.int16).reshape(6, 2),
        lz.tensor(np.arange(12, dtype=np.float32).reshape(6, 2)),
        np.zeros((6, 0), np.float32),
    ],
    ids=["one", "apart", "backwards", "columns", "unaligned", "int16", "tensor", "nothing"],
)
def test_stacks_of_any_layout(stack):
    total = lz.tensor([0.0])

    @lz.compile
    def add(x):
        total.assign(total + x.sum())
        return x * 2 + total

    found = add.repeat(stack).numpy().copy()
    total.assign([0.0])
    arrays = stack.numpy() if isinstance(stack, lz.Tensor) else stack
    assert_equal(found, [add(x.copy()).numpy() for x in arrays])


def test_an_argument_over_the_state_is_copied():
    state = lz.tensor(np.ones((4, 2), np.float32))

    @lz.compile
    def grow(x):
        state.assign(state + 1)
        return x * 1

    np.testing.assert_array_equal(grow.repeat(state).numpy(), np.ones((4, 2)))
    np.testing.assert_array_equal(state.numpy(), np.full((4, 2), 5))


def test_settings_are_the_same_at_each_step(mode):
    power = lz.compile(lambda x, k, names: x * k)
    result = power.repeat(np.float32([1, 2, 3]), 2.0, ["a"])
    np.testing.assert_array_equal(result.numpy(), [2, 4, 6])


def test_random_numbers_go_on_from_step_to_step():
    generator, other = Generator(3), Generator(3)
    draw = lz.compile(lambda: generator.uniform((5,)))
    same = lz.compile(lambda: other.uniform((5,)))
    found = draw.repeat(count=4).numpy()
    assert_equal(found, [same().numpy() for _ in range(4)])
    assert len(np.unique(found)) == 20


def test_gradients_that_add_up_from_call_to_call(rng):
    w = lz.tensor(np.ones(3, np.float32), requires_grad=True)

    @lz.compile
    def accumulate(x):
        (w * x).sum().backward()
        return x.sum()

    x = rng.integers(0, 9, (5, 3)).astype(np.float32)
    accumulate.repeat(x)
    np.testing.assert_array_equal(w.grad.numpy(), x.sum(axis=0))


def test_a_loop_in_the_step():
    def body(carry, x):
        return carry + x, carry

    run = lz.compile(lambda xs: lz.scan(body, lz.zeros(()), xs)[0])
    xs = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(run.repeat(xs).numpy(), xs.sum(axis=1))


def test_an_index_outside_stops_at_its_step():
    table = lz.tensor([1.0, 2.0, 3.0])
    count = lz.tensor(np.array(0))

    @lz.compile
    def pick(i):
        count.assign(count + 1)
        return table[i]

    places = np.array([[0], [1], [5], [2], [7]])
    with pytest.raises(
        PositionError, match=r"^step 2: .*test_repeat\.py:\d+: .*index 5 is out of bounds"
    ):
        pick.repeat(places)
    assert count.item() == 2
    np.testing.assert_array_equal(pick.repeat(places[:2]).numpy(), [[1], [2]])


def test_versions_rise_and_old_tapes_are_refused():
    step, model, _ = network(lr=0.1)
    x = np.ones((3, 1, 2), np.float32)
    loss = model(lz.tensor(x[0])).sum()
    step.repeat(x, np.ones((3, 1, 1), np.float32))
    with pytest.raises(lz.GradientError):
        loss.backward()


def test_python_comes_to_its_turn_within_a_second():
    total = lz.tensor(np.array(0))

    @lz.compile
    def count():
        total.assign(total + 1)

    count.repeat(count=2)
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    start = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        count.repeat(count=500_000_000)
    assert time.perf_counter() - start < 1.2
    assert total.item() > 2
    before = total.item()
    count()
    assert total.item() == before + 1


def test_other_threads_go_on_meanwhile():
    total = lz.tensor(np.array(0))

    @lz.compile
    def count():
        total.assign(total + 1)
        return total * 1

    count.repeat(count=2)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(count.repeat(count=1_000_000)))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    assert turns > 0
    assert total.item() == 1_000_002


def test_over_batches_of_several_shapes(mode, rng):
    data = [batches(rng, 1, rows) for rows in (4, 4, 4, 2, 4)]
    data = [(x[0], y[0]) for x, y in data]
    step, model, _ = network(lr=0.5)
    losses = step.repeat_over(iter(data))
    again, same, _ = network(lr=0.5)
    assert_equal(losses.numpy(), [again(x, y).numpy() for x, y in data])
    assert_equal(numbers(model), numbers(same))


def test_over_a_loader_a_part_at_a_time(monkeypatch, rng):
    monkeypatch.setattr(repeat, "GATHERED", 3)
    total = lz.tensor([0.0])

    @lz.compile
    def add(x):
        total.assign(total + x)
        return total * 1

    found = add.repeat_over(np.float32([[k]])[0] for k in range(8))
    np.testing.assert_array_equal(found.numpy()[:, 0], np.cumsum(range(8)))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda f, t: f.repeat(), ValueError, "how many steps"),
        (lambda f, t: f.repeat([(1, 2)]), ValueError, "repeat_over"),
        (lambda f, t: f.repeat(count=0), ValueError, "number of steps"),
        (lambda f, t: f.repeat(np.ones((0, 2), np.float32)), ValueError, "number of steps"),
        (lambda f, t: f.repeat(np.float32(1)), ValueError, "axis|number of steps"),
        (lambda f, t: f.repeat(np.ones((3, 2)), np.ones((2, 2))), ValueError, "broadcast_to"),
        (lambda f, t: f.repeat(np.ones((3, 2)), count=4), ValueError, "axis of 4 steps"),
        (lambda f, t: f.repeat(np.ones(3), assign={t: [1, 2]}), ValueError, r"\(3, 1\) is needed"),
        (lambda f, t: f.repeat(np.ones(3), assign={"lr": [1, 2, 3]}), TypeError, "optimizer.lr"),
        (lambda f, t: f.repeat_over([]), ValueError, "no batch"),
    ],
)
def test_errors_teach(call, kind, message):
    t = lz.tensor([1.0])
    with pytest.raises(kind, match=message) as caught:
        call(lz.compile(lambda x: x * t), t)
    assert isinstance(caught.value, lz.LunziError)
