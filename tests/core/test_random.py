"""Random numbers from a counter: known answers, ranges, moments, state."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi.core import random
from lunzi.core.random import Generator, RandomBits, philox

# The known answers of Random123 (Salmon and others 2011), file kat_vectors, philox4x32 10.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, key, expected):
    counters = np.array([words(counter)] * 3, "uint32").T
    result = philox(counters, tuple(words(key)))
    assert result.dtype == "uint32"
    assert result.T.tolist() == [words(expected)] * 3


def test_bits_are_the_blocks_in_order():
    generator = Generator(2**32 * 7 + 5)
    drawn = generator.bits(10).numpy()
    counters = np.zeros((4, 3), "uint32")
    counters[0] = [0, 1, 2]
    np.testing.assert_array_equal(drawn, philox(counters, (5, 7)).T.ravel()[:10])
    assert generator.counter.item() == 3


def test_a_counter_beyond_32_bits_fills_the_second_word():
    generator = Generator(0)
    generator.counter.assign(2**32 + 3)
    expected = philox(np.array([[3], [1], [0], [0]], "uint32"), (0, 0)).ravel()
    np.testing.assert_array_equal(generator.bits(4), expected)


def test_a_draw_of_several_axes_is_the_same_bits():
    np.testing.assert_array_equal(
        Generator(1).bits((2, 3)).numpy().ravel(), Generator(1).bits(6).numpy()
    )
    assert Generator(1).bits().shape == ()
    assert Generator(1).bits((0, 2)).shape == (0, 2)


def test_each_draw_goes_on_and_the_same_seed_gives_the_same_numbers():
    first, again = Generator(3), Generator(3)
    a, b = first.uniform(5), first.uniform(5)
    assert a.tolist() != b.tolist()
    assert again.uniform(5).tolist() == a.tolist()
    assert again.uniform(5).tolist() == b.tolist()
    assert first.manual_seed(3).uniform(5).tolist() == a.tolist()
    assert Generator(4).uniform(5).tolist() != a.tolist()


def test_the_default_generator_is_seeded_and_drawn_from():
    lz.manual_seed(7)
    drawn = [random.uniform(3), random.normal(3), random.permutation(3), random.bits(2)]
    drawn += [random.integers(0, 9, 3), random.bernoulli(0.5, 3)]
    generator = Generator(7)
    expected = [generator.uniform(3), generator.normal(3), generator.permutation(3)]
    expected += [generator.bits(2), generator.integers(0, 9, 3), generator.bernoulli(0.5, 3)]
    for a, b in zip(drawn, expected, strict=True):
        assert a.tolist() == b.tolist()
    assert random.default_generator.counter.item() == generator.counter.item()


def test_the_state_is_taken_and_given_back():
    generator = Generator(9)
    generator.uniform(10)
    state = generator.state_dict()
    expected = generator.normal(4).tolist()
    generator.uniform(3)
    generator.load_state_dict(state)
    assert generator.normal(4).tolist() == expected
    other = Generator()
    other.load_state_dict({name: value.numpy() for name, value in state.items()})
    assert other.normal(4).tolist() == expected


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        (None, lz.StateKeyError, "has key and counter, got None"),
        ({}, lz.StateKeyError, "the state of a generator has key and counter, got"),
        ({"key": np.zeros(2, "uint32")}, lz.StateKeyError, "has key and counter"),
        ({"key": np.zeros(3, "uint32"), "counter": np.int64(0)}, lz.KindError, r"got uint32\[3\]"),
        ({"key": np.zeros(2, "uint32"), "counter": np.float32(0)}, lz.KindError, "float32"),
    ],
)
def test_refuses_a_state_that_is_none(state, error, text):
    generator = Generator(1)
    with pytest.raises(error, match=text):
        generator.load_state_dict(state)
    assert generator.uniform(3).tolist() == Generator(1).uniform(3).tolist()


# Distributions


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_numbers_lie_in_their_range_and_have_its_moments(dtype):
    x = Generator(0).uniform(200_000, dtype=dtype)
    assert x.dtype == dtype
    x = x.numpy().astype("float64")
    assert x.min() >= 0
    assert x.max() < 1
    # Standard errors are 0.00065, 0.00067 and 0.0017; four of them are allowed.
    assert x.mean() == pytest.approx(0.5, abs=0.0026)
    assert (x**2).mean() == pytest.approx(1 / 3, abs=0.0027)
    counts = np.histogram(x, 16, (0, 1))[0]
    assert ((counts - 12_500) ** 2 / 12_500).sum() < 45  # 15 degrees of freedom, p = 1e-4


@pytest.mark.parametrize(("dtype", "digits"), [("float16", 11), ("float32", 24), ("float64", 53)])
def test_uniform_numbers_are_whole_steps(dtype, digits):
    x = Generator(0).uniform(1000, dtype=dtype).numpy().astype("float64") * 2.0**digits
    np.testing.assert_array_equal(x, np.round(x))
    assert (x % 2 == 1).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_numbers_never_reach_the_upper_bound(dtype):
    for low, high in [(1.0, 2.0), (1000.0, 1001.0), (-3.0, -1.0)]:
        x = Generator(1).uniform(100_000, low, high, dtype).numpy()
        assert x.min() >= low
        assert x.max() < high
    assert Generator(1).uniform(4, 2.5, 2.5).tolist() == [2.5] * 4


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_normal_numbers_have_their_moments(dtype):
    x = Generator(0).normal(200_001, dtype=dtype)
    assert x.spec == lz.Spec((200_001,), dtype)
    x = x.numpy().astype("float64")
    assert np.isfinite(x).all()
    # Standard errors 0.0022, 0.0032, 0.0055, 0.022; four of them are allowed.
    assert x.mean() == pytest.approx(0, abs=0.009)
    assert (x**2).mean() == pytest.approx(1, abs=0.013)
    assert (x**3).mean() == pytest.approx(0, abs=0.035)
    assert (x**4).mean() == pytest.approx(3, abs=0.09)
    inside = np.mean(np.abs(x) < 1)
    assert inside == pytest.approx(math.erf(math.sqrt(0.5)), abs=0.005)


def test_normal_numbers_are_moved_and_scaled():
    x = Generator(0).normal((100, 100), mean=5, std=2, dtype="float64").numpy()
    assert x.mean() == pytest.approx(5, abs=0.08)
    assert x.std() == pytest.approx(2, abs=0.06)
    assert Generator(0).normal().shape == ()
    assert Generator(0).normal((0, 3)).shape == (0, 3)


def test_integers_lie_in_their_range_with_equal_shares():
    x = Generator(0).integers(-3, 7, 100_000).numpy()
    assert x.dtype == "int64"
    counts = np.bincount(x + 3)
    assert len(counts) == 10
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 35  # 9 degrees of freedom, p = 1e-4
    assert Generator(0).integers(0, 256, 1000, "uint8").dtype == "uint8"
    assert Generator(0).integers(5, 6, 3).tolist() == [5, 5, 5]
    assert Generator(0).integers(-(2**31), 0, 10, "int32").numpy().max() < 0


def test_bernoulli_is_true_with_its_probability():
    x = Generator(0).bernoulli(0.3, 100_000)
    assert x.dtype == "bool"
    assert x.mean().item() == pytest.approx(0.3, abs=0.006)
    assert not Generator(0).bernoulli(0.0, 1000).any()
    assert Generator(0).bernoulli(1.0, 1000).all()


def test_a_permutation_has_each_number_once_and_every_order():
    generator = Generator(0)
    assert sorted(generator.permutation(1000).tolist()) == list(range(1000))
    orders = {tuple(generator.permutation(3).tolist()) for _ in range(100)}
    assert len(orders) == 6
    assert generator.permutation(0).shape == (0,)


@pytest.mark.parametrize(
    ("draw", "error", "text"),
    [
        (lambda g: g.manual_seed(-1), lz.RangeError, "a seed lies in"),
        (lambda g: g.manual_seed(2**64), lz.RangeError, "a seed lies in"),
        (lambda g: g.manual_seed(1.5), lz.KindError, "a seed must be a whole number"),
        (lambda g: g.manual_seed("x"), lz.KindError, "a seed must be a whole number"),
        (lambda g: Generator(None), lz.KindError, "a seed must be a whole number"),
        (lambda g: g.uniform(-1), lz.ShapeError, "must not be negative"),
        (lambda g: g.uniform(2.5), lz.KindError, "must be a whole number"),
        (lambda g: g.uniform(2, dtype="int64"), lz.KindError, "these numbers are floating"),
        (lambda g: g.normal(2, [0.0, 1.0]), lz.ShapeError, "the mean must be one number"),
        (lambda g: g.uniform(2, "0"), lz.KindError, "made of numbers"),
        (lambda g: g.bernoulli([0.5, 0.5]), lz.ShapeError, "a probability must be one number"),
        (lambda g: g.uniform(2, 1, 0), lz.RangeError, "finite bounds in order"),
        (lambda g: g.uniform(2, 0, math.inf), lz.RangeError, "finite bounds in order"),
        (lambda g: g.normal(2, dtype="int64"), lz.KindError, "these numbers are floating"),
        (lambda g: g.integers(3, 3), lz.RangeError, r"got the range \[3, 3\)"),
        (lambda g: g.integers(0, 2**31 + 1), lz.RangeError, "need 1 to 2\\^31 values"),
        (lambda g: g.integers(0, 300, 2, "uint8"), lz.RangeError, "does not fit in uint8"),
        (lambda g: g.integers(-1, 3, 2, "uint32"), lz.RangeError, "does not fit in uint32"),
        (lambda g: g.integers(0.5, 3), lz.KindError, "low must be a whole number"),
        (lambda g: g.integers(0, 3, 2, "float32"), lz.KindError, "an integer dtype"),
        (lambda g: g.bernoulli(1.1), lz.RangeError, "a probability lies in"),
        (lambda g: g.bernoulli(math.nan), lz.RangeError, "a probability lies in"),
        (lambda g: g.permutation(2.5), lz.KindError, "must be a whole number"),
        (lambda g: g.permutation(-1), lz.ShapeError, "must not be negative"),
    ],
)
def test_refuses_what_cannot_be_drawn(draw, error, text):
    generator = Generator(0)
    with pytest.raises(error, match=text):
        draw(generator)
    assert generator.uniform().item() == Generator(0).uniform().item()


def test_bits_take_a_key_and_a_counter():
    with pytest.raises(lz.KindError, match=r"takes uint32\[2\] and int64\[\], got"):
        RandomBits((2,)).infer(lz.Spec((2,), "uint32"), lz.Spec((), "int32"))


def test_random_numbers_have_no_gradient_but_what_is_made_of_them_may():
    w = lz.ones(3, requires_grad=True)
    mask = Generator(0).bernoulli(0.5, 3)
    assert not mask.requires_grad
    (w * mask).sum().backward()
    assert w.grad.tolist() == mask.astype("float32").tolist()
