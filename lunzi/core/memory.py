"""Memory for numbers that stay: parameters, and what optimisers keep of them."""

from __future__ import annotations

from itertools import count

import numpy as np

from lunzi.core.spec import Array, DType, Shape, size_of

# Two cache lines, which a processor likes to fetch together. Memory that begins between two lines
# has one in each row that belongs to two threads, and both wait for the other's writing.
PAIR_OF_LINES = 128
# Places whose distance is a multiple of this meet in the same sets of a first cache, and a load is
# taken for the reading of a store so far away: arrays that are used together begin at different
# places.
PAGE = 4096
STEP = 5 * PAIR_OF_LINES

turns = count()


def zeros_apart(shape: Shape, dtype: DType, like: Array | None = None) -> Array:
    """Zeros; large ones begin at a cache line.

    Args:
        like: an array of that shape whose memory order they take; C order without one.
    """
    axes = list(range(len(shape)))
    if like is not None:
        axes.sort(key=lambda axis: -abs(like.strides[axis]))
    lengths = [shape[axis] for axis in axes]
    size = size_of(shape) * dtype.itemsize
    if size < PAGE:
        memory = np.zeros(lengths, dtype)
    else:
        block = np.zeros(size + 2 * PAGE, np.uint8)
        start = -block.ctypes.data % PAGE + next(turns) * STEP % PAGE
        memory = np.ndarray(lengths, dtype, block, start)
    return memory.transpose(sorted(axes, key=axes.__getitem__))
