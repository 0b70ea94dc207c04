"""NumPy arrays that a trace took for constants, watched for changes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from lunzi.core.errors import TraceError
from lunzi.core.spec import Array
from lunzi.core.trace import Capture

# Elements of one array that are compared at each call, evenly spread: some 3 us.
WATCHED = 4096


class Watch:
    """A captured array, and its bytes when it was taken."""

    __slots__ = ("before", "capture", "seen")

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.seen = sample(capture.source)
        self.before = self.seen.tobytes()

    def check(self) -> None:
        """Raise when the array has changed since.

        Raises:
            TraceError: naming the line that took it.
        """
        if self.seen.tobytes() != self.before:
            source, line = self.capture
            where = f"{line}: " if line else ""
            raise TraceError(
                f"{where}a NumPy array, {source.dtype.name}{list(source.shape)}, became a constant "
                f"of the compiled function here, and has changed since: hand it over as an "
                f"argument, or keep its numbers in a tensor and assign to that"
            )


def sample(array: Array) -> Array:
    """A view of elements spread over an array; all of them where it is small."""
    while array.size > WATCHED:
        axis = int(np.argmax(array.shape))
        array = array[(slice(None),) * axis + (slice(None, None, 2),)]
    return array


def watches(captures: Sequence[Capture]) -> tuple[Watch, ...]:
    """A watch on each array that somebody else can reach, and so change.

    Arrays that the function made itself, as np.arange does, have no other owner.
    """
    alone = references(Capture(np.empty(2)[:1], ""))
    shared = {}
    for capture in captures:
        found = references(capture)
        if found[0] > alone[0] or found[1] > alone[1]:
            shared[id(capture.source)] = capture
    return tuple(map(Watch, shared.values()))


def references(capture: Capture) -> tuple[int, int]:
    """How many there are to a captured array, and to what it is a view of."""
    base = capture.source.base
    return sys.getrefcount(capture.source), 0 if base is None else sys.getrefcount(base)
