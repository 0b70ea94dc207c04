"""Arrays that became constants: those that can change are watched."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.captures import WATCHED, sample, watches

X = lz.Spec((3,))


def watched(function):
    return watches(lz.trace(function, X).captures)


def test_arrays_that_the_function_makes_itself_are_not_watched():
    assert not watched(lambda x: x + np.arange(3.0) + np.ones((2, 3))[0] + 1.0)


def test_arrays_from_outside_are_watched_once():
    array = np.arange(3.0)
    assert len(watched(lambda x: x + array * x + lz.as_tensor(array))) == 1
    assert len(watched(lambda x: x + array[::-1])) == 1


@pytest.mark.parametrize("shape", [(3,), (100, 3), (0, 3)])
def test_a_change_is_told_with_the_line(shape):
    array = np.ones(shape)
    (watch,) = watched(lambda x: x + array)
    watch.check()
    array[...] = 2
    if array.size:
        with pytest.raises(lz.TraceError, match=r"test_captures\.py:\d+: a NumPy array, float64"):
            watch.check()


def test_nan_is_no_change():
    array = np.full(3, np.nan)
    (watch,) = watched(lambda x: x + array)
    watch.check()


def test_a_large_array_is_looked_at_here_and_there():
    array = np.zeros((1000, 1000))
    seen = sample(array)
    assert WATCHED / 4 <= seen.size <= WATCHED
    assert np.shares_memory(seen, array)
