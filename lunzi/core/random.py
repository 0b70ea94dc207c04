"""Random numbers from a counter: the same everywhere, and part of the state.

A generator is a key and a counter, both tensors. Each draw is a pure function of the two
(the primitive RandomBits) and advances the counter by `assign`, so that a compiled step draws
new numbers at each call and a checkpoint that holds both resumes with the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lunzi.core.arrays import as_array, as_number
from lunzi.core.errors import KindError, RangeError, StateKeyError
from lunzi.core.functions import concat
from lunzi.core.primitive import Primitive, primitive
from lunzi.core.spec import (
    AnyDType,
    Array,
    DType,
    Shape,
    Spec,
    as_dtype,
    as_index,
    as_shape,
    float16,
    float32,
    float64,
    int64,
    is_floating,
    size_of,
    uint32,
)
from lunzi.core.tensor import Tensor, as_tensor, bind

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)  # the golden ratio and sqrt(3) - 1, which the keys advance by
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(counters: Array, key: tuple[int, int]) -> Array:
    """Four random words for each counter of four words: Philox4x32-10.

    Shapes:
        counters (4, N) uint32 -> (4, N) uint32

    Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
    section 3.3, with 10 rounds.
    """
    # Words are kept in uint64, where the product of two of them has room.
    c0, c1, c2, c3 = counters.astype(np.uint64)
    for turn in range(ROUNDS):
        k0, k1 = (np.uint64((k + turn * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
    return np.stack([c0, c1, c2, c3]).astype(uint32)


@primitive
class RandomBits(Primitive):
    """y = 32 random bits for each element, in C order from the block that `counter` names.

    A block of four words has one counter: its number, below 2^64, in the first two words.

    Shapes:
        key (2,) uint32, counter () int64 -> y `shape` uint32
    """

    shape: Shape

    def evaluate(self, key: Array, counter: Array) -> Array:
        size = size_of(self.shape)
        blocks = np.arange(blocks_for(size), dtype=np.uint64) + np.uint64(int(counter) % 2**64)
        zeros = np.zeros_like(blocks)
        counters = np.stack([blocks & LOW, blocks >> HALF, zeros, zeros])
        words = philox(counters, (int(key[0]), int(key[1])))
        return words.T.reshape(-1)[:size].reshape(self.shape)

    def infer(self, key: Spec, counter: Spec) -> Spec:
        if key != Spec((2,), uint32) or counter != Spec((), int64):
            raise KindError(f"{self} takes uint32[2] and int64[], got {key} and {counter}")
        return Spec(self.shape, uint32)


def blocks_for(words: int) -> int:
    return -(-words // 4)


class Generator:
    """A source of random numbers: the same seed gives the same numbers.

    Args:
        seed: a whole number in [0, 2^64).
    """

    def __init__(self, seed: int = 0) -> None:
        self.key = Tensor(np.zeros(2, np.uint32))
        self.counter = Tensor(np.zeros((), np.int64))
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed.

        Raises:
            RangeError: when the seed is not in [0, 2^64).
            KindError: when it is not a whole number.
        """
        number = as_index(seed, "a seed")
        if not 0 <= number < 2**64:
            raise RangeError(f"a seed lies in [0, 2^64), got {number}")
        self.key.assign(np.array([number & 0xFFFFFFFF, number >> 32], uint32))
        self.counter.assign(0)
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of the state: `key` and `counter`."""
        return {"key": self.key.copy(), "counter": self.counter.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a state was taken.

        Raises:
            StateKeyError: when `key` or `counter` is missing.
            KindError: when one of them is of another shape or dtype.
        """
        if not isinstance(state, Mapping) or not {"key", "counter"} <= state.keys():
            raise StateKeyError(f"the state of a generator has key and counter, got {state!r}")
        key, counter = as_tensor(state["key"]), as_tensor(state["counter"])
        RandomBits(()).infer(key.spec, counter.spec)
        self.key.assign(key)
        self.counter.assign(counter)

    def bits(self, shape: int | Sequence[int] = ()) -> Tensor:
        """32 random bits an element, uint32."""
        lengths = as_shape(shape)
        result = bind(RandomBits(lengths), self.key, self.counter)
        self.counter.assign(self.counter + blocks_for(size_of(lengths)))
        return result

    def uniform(
        self,
        shape: int | Sequence[int] = (),
        low: float = 0.0,
        high: float = 1.0,
        dtype: AnyDType = float32,
    ) -> Tensor:
        """Numbers in [low, high), in steps of 2^-24 of its width (2^-53 in float64).

        Raises:
            RangeError: when `low` is above `high` or one of them is not finite.
            KindError: when the dtype is not floating.
        """
        target = floating_dtype(dtype)
        low, high = as_number(low, "low"), as_number(high, "high")
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise RangeError(f"uniform needs finite bounds in order, got [{low}, {high})")
        lengths = as_shape(shape)
        if target == float64:
            words = self.bits((2, *lengths)).astype(int64)
            unit = ((words[0] >> 5) * 2**26 + (words[1] >> 6)).astype(float64) * 2.0**-53
        else:
            # The largest value below 1 is 1 - 2^-24, which float16 would round up to 1.
            kept = 11 if target == float16 else 24
            unit = (self.bits(lengths) >> (32 - kept)).astype(target) * 2.0**-kept
        if (low, high) == (0.0, 1.0):
            return unit
        # The largest values round up to `high`.
        below = np.nextafter(target.type(high), target.type(low))
        return (unit * (high - low) + low).minimum(below)

    def normal(
        self,
        shape: int | Sequence[int] = (),
        mean: float = 0.0,
        std: float = 1.0,
        dtype: AnyDType = float32,
    ) -> Tensor:
        """Normal numbers, by Box and Muller 1958 ("A note on the generation of ...").

        Raises:
            KindError: when the dtype is not floating.
        """
        target = floating_dtype(dtype)
        mean, std = as_number(mean, "the mean"), as_number(std, "std")
        working = float64 if target == float64 else float32
        lengths = as_shape(shape)
        size = size_of(lengths)
        u = self.uniform((2, (size + 1) // 2), dtype=working)
        radius = (-2 * (1 - u[0]).log()).sqrt()  # 1 - u lies in (0, 1], where log is finite
        angle = u[1] * (2 * math.pi)
        # Each pair of uniform numbers gives two normal ones.
        drawn = concat([radius * angle.cos(), radius * angle.sin()])
        unit = drawn.slice_axis(0, 0, size).reshape(lengths)
        scaled = unit if (mean, std) == (0.0, 1.0) else unit * std + mean
        return scaled.as_dtype(target)

    def integers(
        self, low: int, high: int, shape: int | Sequence[int] = (), dtype: AnyDType = int64
    ) -> Tensor:
        """Whole numbers in [low, high); each is off its share by (high - low) / 2^32 at most.

        Raises:
            RangeError: when the range is empty, longer than 2^31 or outside the dtype.
            KindError: when a bound is not a whole number, or the dtype not one of integers.
        """
        target = as_dtype(dtype)
        if target.kind not in "iu":
            raise KindError(f"integers come in an integer dtype, got {target.name}")
        first, behind = as_index(low, "low"), as_index(high, "high")
        if not 0 < behind - first <= 2**31:
            raise RangeError(f"integers need 1 to 2^31 values, got the range [{low}, {high})")
        as_array([first, behind - 1], target)  # raises where the dtype cannot hold the bounds
        scaled = (self.bits(shape).astype(int64) * (behind - first)) >> 32
        return (scaled + first).as_dtype(target)

    def bernoulli(self, p: float, shape: int | Sequence[int] = ()) -> Tensor:
        """True with probability `p`, in steps of 2^-24.

        Raises:
            RangeError: when `p` is not in [0, 1].
        """
        p = as_number(p, "a probability")
        if not 0 <= p <= 1:
            raise RangeError(f"a probability lies in [0, 1], got {p}")
        return self.uniform(shape) < p

    def permutation(self, n: int) -> Tensor:
        """The numbers 0 to n - 1 in random order, int64."""
        return self.bits(as_index(n, "the length of a permutation")).argsort()


def floating_dtype(dtype: AnyDType) -> DType:
    target = as_dtype(dtype)
    if not is_floating(target):
        raise KindError(f"these numbers are floating, got dtype {target.name}; see integers")
    return target


# The generator that layers and the functions below draw from.
default_generator = Generator(0)

bits = default_generator.bits
uniform = default_generator.uniform
normal = default_generator.normal
integers = default_generator.integers
bernoulli = default_generator.bernoulli
permutation = default_generator.permutation


def manual_seed(seed: int) -> Generator:
    """Start the default generator again: initial weights, dropout, and all draws without one."""
    return default_generator.manual_seed(seed)
