"""Slices: many steps of native code, with Python coming to its turn in between.

Python answers Ctrl-C, and every other signal, only between instructions of its own. So a program
that takes many steps in one call is called for some of them at a time: as many as take about
a twentieth of a second. What the steps compute does not depend on where they are cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SLICE_S = 0.05
GROWTH = 8  # times as long as the slice before, at most: later steps may be slower


def in_slices(
    count: int,
    run: Callable[[int, int], None],
    clock: Callable[[], float] = time.perf_counter,
    length: int = 1,
) -> None:
    """Run the steps 0 ... count - 1 by calls of `run(first, stop)`.

    An exception, as that of Ctrl-C, leaves the steps of all finished calls done.

    Args:
        count: how many steps; 0 calls nothing.
        run: takes the steps first ... stop - 1.
        clock: the time in seconds.
        length: how many steps the first slice has.
    """
    first = 0
    while first < count:
        stop = min(first + length, count)
        start = clock()
        run(first, stop)
        length = next_length(stop - first, clock() - start)
        first = stop


def next_length(length: int, elapsed_s: float) -> int:
    """How many steps the next slice has, after one of this length took this long."""
    fitting = length * SLICE_S / max(elapsed_s, 1e-9)
    return max(1, int(min(fitting, length * GROWTH)))
