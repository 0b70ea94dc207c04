"""Loads and stores of some lanes."""

import ctypes

import numpy as np
import pytest

from lunzi.compiler import access
from lunzi.compiler.builder import INDEX, POINTER, Module, Value, index, vector
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
from lunzi.core.spec import int32, int64

LANES = 8


@pytest.mark.parametrize("count", range(LANES + 1))
@pytest.mark.parametrize("is_constant", [True, False])
def test_a_mask_lets_the_first_lanes_through(count, is_constant):
    module = Module()
    source, to, limit = parameters = [
        Value(POINTER, "%source"),
        Value(POINTER, "%to"),
        Value(INDEX, "%count"),
    ]
    f = module.function("cut", parameters, internal=False)
    mask = access.mask_below(f, index(count) if is_constant else limit, LANES)
    # Of more bits, as LLVM has joined the cut and the store to a wrong one.
    wide = access.load(f, int64, source, LANES)
    narrow = f.define(vector("i32", LANES), f"trunc {wide} to {vector('i32', LANES)}")
    access.store(f, int32, narrow, to, mask)
    f.ret()
    library = Library(object_code(str(module), host()), ["cut"])
    numbers, found = np.arange(1, LANES + 1), np.full(LANES + 1, -1, np.int32)
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(library.address("cut"))
    run(numbers.ctypes.data, found.ctypes.data, count)
    np.testing.assert_array_equal(found[:count], numbers[:count])
    assert (found[count:] == -1).all()
