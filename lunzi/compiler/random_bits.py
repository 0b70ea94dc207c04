"""Random words from a key and a counter: Philox4x32-10, as `lunzi.core.random` has it."""

from __future__ import annotations

from lunzi.compiler.builder import Function, Value
from lunzi.compiler.lanes import Lanes
from lunzi.core.random import MULTIPLIERS, ROUNDS, WEYL


def random_word(f: Function, key: tuple[Value, Value], counter: Value, flat_index: Value) -> Value:
    """The word that RandomBits puts at a flat index (C order).

    Four words come from one block; each lane computes its own block and takes one of them.

    Args:
        key: two words, i32.
        counter: of the block at flat index 0, i64.
        flat_index: i64, with any number of lanes; the others are scalars.
    """
    place = Lanes(f, flat_index)
    first = place.wrap(f.splat(counter, flat_index.lanes))
    words = [place.wrap(word) for word in random_block(f, key, (first + (place >> 2)).value)]
    which = (place & 3).convert("trunc", "i32")
    is_odd, is_late = (which & 1).differs(0), (which & 2).differs(0)
    early, late = is_odd.choose(words[1], words[0]), is_odd.choose(words[3], words[2])
    return is_late.choose(late, early).value


def random_block(f: Function, key: tuple[Value, Value], block: Value) -> list[Value]:
    """The four words, i32, of the block of a number below 2^64.

    Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
    section 3.3, with 10 rounds.
    """
    number = Lanes(f, block)
    c0, c1 = number.convert("trunc", "i32"), number.shifted_down(32).convert("trunc", "i32")
    c2 = c3 = c0.like(0)
    for turn in range(ROUNDS):
        k0, k1 = (
            c0.wrap(f.splat((Lanes(f, word) + signed(turn * weyl)).value, block.lanes))
            for word, weyl in zip(key, WEYL, strict=True)
        )
        high0, low0 = long_product(c0, int(MULTIPLIERS[0]))
        high1, low1 = long_product(c2, int(MULTIPLIERS[1]))
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
    return [c0.value, c1.value, c2.value, c3.value]


def signed(number: int) -> int:
    """The lowest 32 bits, as LLVM writes them."""
    return (number + 2**31) % 2**32 - 2**31


def long_product(word: Lanes, factor: int) -> tuple[Lanes, Lanes]:
    """The upper and the lower word of a product."""
    product = word.convert("zext", "i64") * factor
    return product.shifted_down(32).convert("trunc", "i32"), product.convert("trunc", "i32")
