"""The interpreter as a backend."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.interpreted import Interpreted
from lunzi.compiler.memories import memories_of


def backend_of(function, *specs, **options):
    graph = lz.trace(function, *specs)
    slots = memories_of(graph)
    return Interpreted(graph, slots, **options), [slot.tensor.payload for slot in slots]


def test_all_is_read_before_anything_is_written():
    a, b = lz.tensor([1.0, 2.0]), lz.tensor([3.0, 4.0])

    def swap(x):
        kept = a.flip()
        a.assign(b)
        b.assign(kept)
        return a.flip() + x

    backend, memories = backend_of(swap, lz.Spec(()))
    outputs = [np.empty(2, np.float32)]
    backend([np.float32(1)], memories, outputs)
    assert outputs[0].tolist() == [5, 4]
    assert (a.tolist(), b.tolist()) == ([3, 4], [2, 1])


def test_numbers_that_come_in_infinite_are_meant_so():
    backend, memories = backend_of(lambda x: (x * 2).exp(), lz.Spec((1,)), check_finite=True)
    output = [np.empty(1, np.float32)]
    backend([np.float32([-np.inf])], memories, output)
    assert output[0] == 0
    with (
        np.errstate(over="ignore"),
        pytest.raises(lz.RangeError, match=r"test_interpreted\.py:\d+: Exp\(\) made"),
    ):
        backend([np.float32([100])], memories, output)


def test_a_loop_that_makes_an_infinite_number_is_named():
    def grow(xs):
        return lz.scan(lambda total, x: (total * 1e30, total), xs[0], xs)

    backend, memories = backend_of(grow, lz.Spec((3,)), check_finite=True)
    outputs = [np.empty((), np.float32), np.empty(3, np.float32)]
    with (
        np.errstate(over="ignore"),
        pytest.raises(lz.RangeError, match=r"test_interpreted\.py:\d+: Part"),
    ):
        backend([np.ones(3, np.float32)], memories, outputs)
    backend([np.float32([np.inf, 1, 1])], memories, outputs)
