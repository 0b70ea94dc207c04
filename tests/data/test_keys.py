import numpy as np
import pytest

from lunzi.core.errors import KindError, RangeError
from lunzi.data.keys import derive, epoch_key, permutation, sample_keys, split_key, uniform


def splitmix64(seed: int, count: int) -> list[int]:
    """The published algorithm, one number after the other, in Python's integers."""
    numbers, state, mask = [], seed, 2**64 - 1
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(z ^ (z >> 31))
    return numbers


def test_derive_gives_the_sequence_of_splitmix64():
    key = np.array([1234567], np.uint64)
    assert derive(key, np.arange(5)).tolist() == splitmix64(1234567, 5)
    # The first numbers that are known of this generator for this seed.
    assert splitmix64(1234567, 1) == [6457827717110365317]


def test_a_sample_has_the_same_key_whatever_the_batch():
    together = sample_keys(3, 7, np.array([5, 2, 9]))
    alone = [sample_keys(3, 7, [index])[0] for index in (5, 2, 9)]
    assert together.tolist() == alone


@pytest.mark.parametrize("other", [(4, 7, 5), (3, 8, 5), (3, 7, 6)])
def test_seed_epoch_and_sample_each_change_the_key(other):
    seed, epoch, sample = other
    assert sample_keys(3, 7, [5]) != sample_keys(seed, epoch, [sample])


def test_uniform_numbers_are_even_and_independent():
    numbers = uniform(sample_keys(0, 0, np.arange(50_000)), 3)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    # 5 standard errors of 1 / sqrt(12 * 50,000), and of 1 / sqrt(50,000)
    np.testing.assert_allclose(numbers.mean(axis=0), 0.5, atol=0.0065)
    np.testing.assert_allclose(np.corrcoef(numbers.T), np.eye(3), atol=0.0224)


def test_permutation_has_each_number_once_and_is_another_in_each_epoch():
    first, second = (permutation(epoch_key(0, epoch), 100) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(100))
    assert first.tolist() != second.tolist()


def test_permutation_is_the_same_on_every_machine():
    assert permutation(epoch_key(0, 0), 8).tolist() == [4, 6, 0, 7, 2, 3, 1, 5]


def test_the_split_is_not_the_order_of_an_epoch():
    split = permutation(split_key(0), 100).tolist()
    assert all(permutation(epoch_key(0, epoch), 100).tolist() != split for epoch in range(5))


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_64_bits_is_refused(seed):
    with pytest.raises(RangeError, match=r"seed must be in \[0, 2\*\*64\)"):
        sample_keys(seed, 0, [0])


def test_a_seed_that_is_no_integer_is_refused():
    with pytest.raises(KindError, match="seed must be an integer, got float"):
        sample_keys(0.5, 0, [0])
