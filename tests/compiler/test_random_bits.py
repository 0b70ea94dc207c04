"""Random words in native code: those of RandomBits."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from lunzi.compiler.builder import POINTER, Function, Module, Value, index, vector
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.random_bits import random_word, random_words
from lunzi.compiler.target import host_at, host_levels
from lunzi.core.random import RandomBits

Write = Callable[[Function, tuple[Value, Value], Value, Value, int], Value]


def one_by_one(f: Function, key: tuple[Value, Value], first: Value, place: Value, lanes: int):
    """The words at the flat indices place, place + 1, ..., each by its index."""
    places = f.splat(place, lanes)
    if lanes > 1:
        steps = ", ".join(f"i64 {lane}" for lane in range(lanes))
        places = f.op("add", places, Value(vector("i64", lanes), f"<{steps}>"))
    return random_word(f, key, first, places)


def native_words(write: Write, lanes: int, key, counter, size: int, level: str = "") -> np.ndarray:
    """`size` words, a multiple of the lanes, at the flat indices from 0 on."""
    target = host_at(level)
    module = Module(target.has_fma)
    pointers = [Value(POINTER, name) for name in ("%key", "%counter", "%y")]
    f = module.function("draw", pointers, internal=False)
    words = (f.load("i32", pointers[0], 4), f.load("i32", f.place(pointers[0], index(1), "i32"), 4))
    first = f.load("i64", pointers[1], 8)
    with f.loop(index(0), index(size), lanes) as loop:
        drawn = write(f, words, first, loop.counter, lanes)
        f.store(drawn, f.place(pointers[2], loop.counter, "i32"), 4)
    f.ret()
    library = Library(object_code(str(module), target), ["draw"])
    y = np.empty(size, np.uint32)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(library.address("draw"))
    function(*(array.ctypes.data for array in (key, counter, y)))
    return y


WAYS = [
    (one_by_one, 1),
    (one_by_one, 4),
    (one_by_one, 16),
    *((random_words, n) for n in (4, 8, 64)),
]


@pytest.mark.parametrize(
    ("write", "lanes"), WAYS, ids=lambda each: getattr(each, "__name__", str(each))
)
@pytest.mark.parametrize("counter", [0, 5, 2**32 - 2, 2**40 + 1, -1])
def test_words_are_those_of_random_bits(write, lanes, counter, rng):
    key, number = rng.integers(0, 2**32, 2, np.uint32), np.array(counter, np.int64)
    expected = RandomBits((128,)).evaluate(key, number)
    np.testing.assert_array_equal(native_words(write, lanes, key, number, 128), expected)


@pytest.mark.parametrize("write", [one_by_one, random_words])
@pytest.mark.parametrize("level", host_levels())
def test_words_are_the_same_on_every_level(write, level):
    key, counter = np.array([1, 2**32 - 1], np.uint32), np.array(7, np.int64)
    expected = RandomBits((32,)).evaluate(key, counter)
    np.testing.assert_array_equal(native_words(write, 8, key, counter, 32, level), expected)
