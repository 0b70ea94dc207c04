"""Transposed copies of any size, at any level of vectors."""

import numpy as np
import pytest
from guarded import Guarded, Native, every_level

from lunzi.compiler.builder import Module
from lunzi.compiler.packing import emit_transpose
from lunzi.compiler.target import host_at


@every_level
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("columns", "gap"), [(1, 0), (16, 0), (37, 3), (64, 1)])
def test_a_transposed_copy_touches_nothing_else(level, dtype, columns, gap, rng):
    most, dtype = 41, np.dtype(dtype)
    source_stride, target_stride = columns + gap, most + gap
    module = Module()
    emit_transpose(module, host_at(level), dtype, columns, source_stride, target_stride, "turn")
    turn = Native(module, "turn", level)
    for rows in (0, 1, 7, 16, 33, most):
        source = Guarded(0, max(rows - 1, 0) * source_stride + columns - 1, dtype)
        target = Guarded(0, (columns - 1) * target_stride + max(rows, 1) - 1, dtype)
        source.array[...] = rng.standard_normal(source.array.size)
        target.array[...] = rng.standard_normal(target.array.size)
        wanted = target.array.copy()
        row, column = np.indices((rows, columns))
        wanted[column * target_stride + row] = source.array[row * source_stride + column]
        turn(source.pointer, target.pointer, rows)
        np.testing.assert_array_equal(target.array, wanted)
