"""check_finite: the first stage that makes numbers that are not finite is named."""

import warnings

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler.finite import NotFiniteError
from lunzi.compiler.guarded import Guarded, seen_at

INFINITE, NAN = np.float32(np.inf), np.float32(np.nan)


def guarded(function):
    return lz.compile(function, check_finite=True)


def line_of(function, offset):
    return rf"test_guarded\.py:{function.__code__.co_firstlineno + offset}\b"


def test_names_the_operations_and_the_line():
    def invert(x):
        y = x + 1
        return 1 / y

    step = guarded(invert)
    np.testing.assert_array_equal(step(np.float32([0, 1])).numpy(), [1, 0.5])
    assert isinstance(step.shown().backend, Guarded)
    with pytest.raises(NotFiniteError, match=line_of(invert, 2)) as caught:
        step(np.float32([0, -1]))
    assert "Add, Divide made the first numbers that are not finite" in str(caught.value)
    assert "written" not in str(caught.value)
    np.testing.assert_array_equal(step(np.float32([0, 1])).numpy(), [1, 0.5])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 7, 16, 33, 5000, 70000])
def test_every_place_is_looked_at_and_nothing_beyond(dtype, size):
    invert = guarded(lambda x: 1 / x)
    x = np.ones(size, dtype)
    for place in {0, size // 2, size - 1}:
        invert(x)
        x[place] = 0
        with pytest.raises(NotFiniteError, match="Divide"):
            invert(x)
        x[place] = 1
    invert(x)


def test_the_first_in_the_order_of_the_program_is_named(rng):
    def far(x, w):
        y = (x @ w).exp()
        return (y @ w).log().sum()

    step = guarded(far)
    x, w = rng.uniform(0, 1, (300, 300)).astype("f4"), np.full((300, 300), 0.01, "f4")
    step(x, w)
    with pytest.raises(NotFiniteError, match=line_of(far, 1)) as caught:
        step(x * 1000, w)
    assert "Exp" in str(caught.value)
    with pytest.raises(NotFiniteError, match=line_of(far, 1)) as caught:
        step(np.full_like(x, 3e38), w * 100)
    assert "Matmul" in str(caught.value)
    with pytest.raises(NotFiniteError, match=line_of(far, 2)) as caught:
        step(x, np.concatenate([w[:, :150], -w[:, 150:]], 1))
    assert "Log" in str(caught.value)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_any_number_of_threads_says_the_same(count, rng):
    step = guarded(lambda x: ((x @ x) * 10).exp() @ x)
    x = rng.uniform(0, 0.1, (300, 300)).astype("f4")
    before = lz.get_num_threads()
    lz.set_num_threads(count)
    try:
        step(x)
        x[299] = 20
        with pytest.raises(NotFiniteError, match="Exp made"):
            step(x)
    finally:
        lz.set_num_threads(before)


def test_numbers_that_come_in_infinite_are_meant_to_be_so():
    step = guarded(lambda x: (x * 2 + 1, (x - x).sum()))
    for x in (INFINITE, NAN):
        first, second = step(np.array([1, x]))
        np.testing.assert_array_equal(first.numpy(), np.array([3, x]))
        assert np.isnan(second.numpy())


def test_a_mask_of_minus_infinity_is_meant_to_be_so(rng):
    step = guarded(lambda x, keep: nn.functional.softmax(lz.where(keep, x @ x.mT, -np.inf), -1) @ x)
    x = rng.standard_normal((40, 40)).astype("f4")
    keep = np.tri(40, dtype=bool)
    assert np.isfinite(step(x, keep).numpy()).all()
    with pytest.raises(NotFiniteError, match="Matmul"):
        step(x * 1e30, keep)


def test_what_meets_a_constant_infinity_is_looked_at_before():
    step = guarded(lambda x: lz.where(x > 0, x.log1p(), -np.inf).max())
    assert step(np.float32([1, -0.5])).item() == pytest.approx(np.log(2))
    with pytest.raises(NotFiniteError, match="Log1p"):
        step(np.float32([1, -1]))


def test_state_that_comes_in_infinite_is_not_blamed_on_the_step():
    w = lz.tensor([1.0, np.nan])

    @guarded
    def step(x):
        y = w * x
        w.assign(y + 1)
        return y.sum()

    step(np.float32([1, 2]))
    w.assign([1.0, 1.0])
    step(np.float32([1, 2]))
    w.assign([1.0, 3e38])
    with pytest.raises(NotFiniteError, match=r"1 tensors? .*1 of them \(float32\[2\]\)"):
        step(np.float32([1, 10]))


def test_state_is_written_and_the_error_says_so():
    w, count = lz.tensor([1.0, 0.0]), lz.tensor(0)

    @guarded
    def step(x):
        count.assign(count + 1)
        w.assign(w / x)

    step(np.float32([2, 2]))
    version = w.version
    with pytest.raises(NotFiniteError) as caught:
        step(np.float32([2, 0]))
    assert "2 tensors from outside are written, and 1 of them (float32[2]) hold" in (
        str(caught.value)
    )
    assert count.item() == 2
    assert w.version > version
    np.testing.assert_array_equal(w.numpy(), [0.25, NAN])


def test_a_training_step_is_left_alone_until_it_diverges(rng):
    lz.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @guarded
    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x, y = rng.standard_normal((50, 20)).astype("f4"), np.arange(50) % 3
    losses = [step(x, y).item() for _ in range(5)]
    assert losses[-1] < losses[0]
    assert not np.isnan(losses).any()
    optimizer.lr = 1e30
    with pytest.raises(NotFiniteError, match=r"test_guarded\.py:\d+"):
        [step(x, y) for _ in range(5)]


def test_the_same_numbers_as_without_the_guard(rng):
    def function(x, w):
        return nn.functional.softmax(nn.functional.gelu(x @ w), -1).sum(0), (x * w).std(1)

    x, w = rng.standard_normal((2, 129, 129)).astype("f4")
    for a, b in zip(guarded(function)(x, w), lz.compile(function)(x, w), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_loop_names_the_line_of_its_body():
    def total(x):
        return lz.scan(lambda s, p: (s * s + p, s), x[0], x)[0]

    step = guarded(total)
    step(np.full((9, 300, 30), 0.1, "f4"))
    with pytest.raises(NotFiniteError, match=line_of(total, 1)):
        step(np.full((9, 300, 30), 1e9, "f4"))


def test_of_many_steps_the_first_that_goes_wrong_is_the_last():
    w = lz.tensor([1.0])

    @guarded
    def step(x):
        w.assign(w / x)
        return w + 0

    step(np.float32([1]))
    with pytest.raises(NotFiniteError):
        step.repeat(np.float32([[2], [2], [0], [2]]))
    assert w.tolist() == [np.inf]


def test_an_index_outside_comes_first():
    step = guarded(lambda x, i: 1 / x[i])
    step(np.float32([1, 2]), np.array([0]))
    with pytest.raises(lz.PositionError):
        step(np.float32([0, 2]), np.array([0, 2]))
    with pytest.raises(NotFiniteError):
        step(np.float32([0, 2]), np.array([0]))
    step(np.float32([1, 2]), np.array([0]))


def test_copies_and_whole_numbers_make_nothing():
    step = guarded(lambda x, n: (x[::-1].mT * 1, (n * n).sum(), (x == x).astype("float32")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(np.float32([[1, np.inf], [np.nan, 2]]), np.array([2**40, 2**40]))


def test_memory_is_seen_through_any_strides():
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for view in (x, x[::-1], x[:, ::-1, ::2], x.transpose(2, 0, 1), x[:, :0], x[1, 2, 3:]):
        steps = [step // 4 for step in view.strides]
        found = seen_at(view.ctypes.data, view.dtype, view.shape, steps)
        np.testing.assert_array_equal(found, view)
