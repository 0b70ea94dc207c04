"""Random words in native code: those of RandomBits."""

import ctypes

import numpy as np
import pytest

from lunzi.compiler.builder import POINTER, Module, Value, index, vector
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.random_bits import random_word
from lunzi.compiler.target import host_at, host_levels
from lunzi.core.random import RandomBits


def native_words(key: np.ndarray, counter: np.ndarray, size: int, lanes: int, level: str):
    """`size` words, a multiple of the lanes, at the flat indices from 0 on."""
    target = host_at(level)
    module = Module(target.has_fma)
    pointers = [Value(POINTER, name) for name in ("%key", "%counter", "%y")]
    f = module.function("draw", pointers, internal=False)
    words = tuple(f.load("i32", f.place(pointers[0], index(i), "i32"), 4) for i in range(2))
    first = f.load("i64", pointers[1], 8)
    with f.loop(index(0), index(size), lanes) as loop:
        places = f.splat(loop.counter, lanes)
        if lanes > 1:
            steps = ", ".join(f"i64 {lane}" for lane in range(lanes))
            places = f.op("add", places, Value(vector("i64", lanes), f"<{steps}>"))
        word = random_word(f, words, first, places)
        f.store(word, f.place(pointers[2], loop.counter, "i32"), 4)
    f.ret()
    library = Library(object_code(str(module), target), ["draw"])
    y = np.empty(size, np.uint32)
    arrays = (key, counter, y)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(library.address("draw"))
    function(*(array.ctypes.data for array in arrays))
    return y


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("counter", [0, 5, 2**32 - 2, 2**40 + 1, -1])
def test_words_are_those_of_random_bits(lanes, counter, rng):
    key = rng.integers(0, 2**32, 2, np.uint32)
    number = np.array(counter, np.int64)
    expected = RandomBits((48,)).evaluate(key, number)
    np.testing.assert_array_equal(native_words(key, number, 48, lanes, ""), expected)


@pytest.mark.parametrize("level", host_levels())
def test_words_are_the_same_on_every_level(level):
    key, counter = np.array([1, 2**32 - 1], np.uint32), np.array(7, np.int64)
    expected = RandomBits((32,)).evaluate(key, counter)
    np.testing.assert_array_equal(native_words(key, counter, 32, 8, level), expected)
