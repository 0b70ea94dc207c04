"""The error of numbers that are not finite."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.core.errors import RangeError

AT_MOST = 3  # tensors that are named


class NotFiniteError(RangeError):
    """A stage of a program made numbers that are not finite; the program has run to its end.

    Args:
        lines: the user's lines that the stage comes from.
        operations: their names.
        written: how many tensors of state the program writes.
        spoilt: the specs of those that hold such numbers now.
    """

    def __init__(
        self, lines: Sequence[str], operations: Sequence[str], written: int, spoilt: Sequence[str]
    ) -> None:
        where = f"{', '.join(lines)}: " if lines else ""
        left = ""
        if written:
            some = ", ".join(spoilt[:AT_MOST]) + (", ..." if len(spoilt) > AT_MOST else "")
            held = f"{len(spoilt)} of them ({some}) hold such numbers now" if spoilt else (
                "all of them hold finite numbers")  # fmt: skip
            left = (
                f". The rest of the call has run: {written} tensors from outside are written, and "
                f"{held}; go back to a checkpoint, or to a copy of them"
            )
        super().__init__(
            f"{where}{', '.join(operations)} made the first numbers that are not finite, out of "
            f"finite ones{left}"
        )
