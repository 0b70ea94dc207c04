"""Random words from a key and a counter: Philox4x32-10, as `lunzi.core.random` has it.

Words are kept in 64 bits, where the product of two of them has room.
"""

from __future__ import annotations

from lunzi.compiler.builder import INDEX, Function, Value, index, vector
from lunzi.compiler.lanes import Lanes
from lunzi.core.random import MULTIPLIERS, ROUNDS, WEYL

LOW = 0xFFFFFFFF


def random_word(f: Function, key: tuple[Value, Value], counter: Value, flat_index: Value) -> Value:
    """The word that RandomBits puts at a flat index (C order), i32.

    A block has four words, of which each lane computes all and takes one: `random_words` is
    several times as fast where the indices follow on one another.

    Args:
        key: two words, i32.
        counter: of the block at flat index 0, i64.
        flat_index: i64, of any number of lanes; the others are scalars.
    """
    place = Lanes(f, flat_index)
    first = place.wrap(f.splat(counter, flat_index.lanes))
    words = random_block(key, first + place.shifted_down(2))
    is_odd, is_late = (place & 1).differs(0), (place & 2).differs(0)
    early, late = is_odd.choose(words[1], words[0]), is_odd.choose(words[3], words[2])
    return is_late.choose(late, early).convert("trunc", "i32").value


def random_words(
    f: Function, key: tuple[Value, Value], counter: Value, first: Value, lanes: int
) -> Value:
    """The words that RandomBits puts at the flat indices first, ..., first + lanes - 1.

    Args:
        first: a multiple of 4, i64.
        lanes: 4, or a multiple of it; the more, the less time a word takes, up to 32 or 64.
    """
    blocks = lanes // 4
    start = Lanes(f, f.op("add", counter, Lanes(f, first).shifted_down(2).value))
    numbers = start.wrap(f.splat(start.value, blocks))
    if blocks > 1:
        steps = ", ".join(f"{index(step)}" for step in range(blocks))
        numbers = numbers + start.wrap(Value(vector(INDEX, blocks), f"<{steps}>"))
    words = random_block(key, numbers)
    early, late = (low | (high << 32) for low, high in (words[:2], words[2:]))
    type_ = vector("i32", lanes)
    return f.define(type_, f"bitcast {interleaved(early, late)} to {type_}")


def interleaved(a: Lanes, b: Lanes) -> Value:
    """a[0], b[0], a[1], b[1], ..."""
    lanes, f = a.lanes, a.function
    result = vector(a.element, 2 * lanes)
    if lanes == 1:
        one = f.define(result, f"insertelement {result} poison, {a.value}, i64 0")
        return f.define(result, f"insertelement {one}, {b.value}, i64 1")
    order = ", ".join(f"i32 {lane}, i32 {lanes + lane}" for lane in range(lanes))
    return f.define(result, f"shufflevector {a.value}, {b.value}, <{2 * lanes} x i32> <{order}>")


def random_block(key: tuple[Value, Value], number: Lanes) -> list[Lanes]:
    """The four words, below 2^32 in i64, of the block of a number below 2^64.

    Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3",
    section 3.3, with 10 rounds.
    """
    c0, c1 = number & LOW, number.shifted_down(32)
    c2 = c3 = number.like(0)
    for turn in range(ROUNDS):
        k0, k1 = (
            round_key(number, word, turn * weyl) for word, weyl in zip(key, WEYL, strict=True)
        )
        p0, p1 = c0 * int(MULTIPLIERS[0]), c2 * int(MULTIPLIERS[1])
        c0, c1, c2, c3 = (
            p1.shifted_down(32) ^ c1 ^ k0, p1 & LOW, p0.shifted_down(32) ^ c3 ^ k1, p0 & LOW,
        )  # fmt: skip
    return [c0, c1, c2, c3]


def round_key(number: Lanes, word: Value, advance: int) -> Lanes:
    """A word of the key, moved on modulo 2^32, in each lane."""
    f = number.function
    moved = (Lanes(f, word).convert("zext", INDEX) + advance) & LOW
    return number.wrap(f.splat(moved.value, number.lanes))
