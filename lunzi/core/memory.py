"""Memory for numbers that stay: parameters, and what optimisers keep of them."""

from __future__ import annotations

from itertools import count

import numpy as np

from lunzi.core.spec import Array

# Two cache lines, which a processor likes to fetch together. Memory that begins between two lines
# has one in each row that belongs to two threads, and both wait for the other's writing.
PAIR_OF_LINES = 128
# Places whose distance is a multiple of this meet in the same sets of a first cache, and a load is
# taken for the reading of a store so far away: arrays that are used together begin at different
# places.
PAGE = 4096
STEP = 5 * PAIR_OF_LINES

turns = count()


def zeros_apart(like: Array) -> Array:
    """Zeros of the shape, dtype and memory order of an array; large ones begin at a cache line."""
    if like.nbytes < PAGE:
        return np.zeros_like(like, subok=False)
    strides = np.empty_like(like, subok=False).strides
    block = np.zeros(like.nbytes + 2 * PAGE, np.uint8)
    start = -block.ctypes.data % PAGE + next(turns) * STEP % PAGE
    return np.ndarray(like.shape, like.dtype, block, start, strides)
