"""Random numbers by key: the same key gives the same numbers, whatever was drawn before.

A key is a 64-bit number. `derive(key, n)` is number n of the SplitMix64 sequence that begins at
`key`, found without the n - 1 numbers before it; each result is again a key. So the numbers of
one sample are those of `derive(derive(derive(root, seed), epoch), sample)`: they depend neither
on the other samples of the batch nor on what ran earlier, and they are the same on each machine
and with each version of NumPy, since they are integer arithmetic alone.

Source: Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators, OOPSLA,
figure 16 (the finaliser is Stafford's variant 13).
"""

import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.errors import KindError, RangeError

Keys = NDArray[np.uint64]

_ROOT = np.zeros(1, np.uint64)
_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, made odd
_FAR = 2**63  # a number of a sequence that no epoch and no sample has
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def derive(keys: Keys, numbers: ArrayLike) -> Keys:
    """Number `numbers` of the sequence of each key; keys and numbers broadcast.

    Shapes:
        keys (B,), numbers () -> (B,); keys (B, 1), numbers (N,) -> (B, N)
    """
    # Arrays wrap around silently modulo 2^64; NumPy's scalars would warn.
    position = np.atleast_1d(np.asarray(numbers, np.uint64)) + np.uint64(1)
    return _scramble(np.atleast_1d(keys) + position * _STEP)


def epoch_key(seed: int, epoch: int) -> Keys:
    """The key of one epoch of a seeded run, shape (1,)."""
    return derive(derive(_ROOT, checked_seed(seed)), epoch)


def split_key(seed: int) -> Keys:
    """The key by which a seeded run splits its data, shape (1,)."""
    return epoch_key(seed, _FAR)


def sample_keys(seed: int, epoch: int, samples: ArrayLike) -> Keys:
    """One key for each sample of a batch, from (seed, epoch, index of the sample).

    Shapes:
        samples (B,) -> keys (B,)
    """
    return derive(epoch_key(seed, epoch), samples)


def uniform(keys: Keys, count: int) -> NDArray[np.float64]:
    """Draw `count` numbers from [0, 1) for each key.

    Shapes:
        keys (B,) -> numbers (B, count)
    """
    bits = derive(keys[:, None], np.arange(count))
    # A double holds 53 bits: the upper ones, which are the better mixed.
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(key: Keys, length: int) -> NDArray[np.intp]:
    """A random order of 0 ... length - 1, by sorting one random number for each.

    Shapes:
        key (1,) -> order (length,)
    """
    # From another sequence than the keys of the samples, which begin at `key` itself.
    return np.argsort(derive(derive(key, _FAR), np.arange(length)), kind="stable")


def checked_seed(seed: int) -> int:
    """The seed as a plain integer.

    Raises:
        KindError: when it is not an integer.
        RangeError: when it does not fit into 64 bits without a sign.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        raise KindError(f"seed must be an integer, got {type(seed).__name__}") from None
    if not 0 <= number < 2**64:
        raise RangeError(f"seed must be in [0, 2**64), got {number}")
    return number


def _scramble(bits: Keys) -> Keys:
    first, second = _MULTIPLIERS
    bits = (bits ^ (bits >> np.uint64(30))) * first
    bits = (bits ^ (bits >> np.uint64(27))) * second
    return bits ^ (bits >> np.uint64(31))
