"""Whether compiled steps are still those that model and loss would make now."""

from __future__ import annotations

from typing import Any

from lunzi.compiler.compile import Compiled
from lunzi.compiler.fingerprint import fingerprint
from lunzi.compiler.memories import memories_of
from lunzi.core.errors import TraceError
from lunzi.core.mode import PROGRAM

# Of the epochs that begin, in how many steps are traced beside what they are compiled for: a
# variable that changes at all has changed by then, and each look takes some 20 ms.
WATCHED = 2


class Watch:
    """Traces steps again in the second epoch, to find plain Python variables that change.

    A program holds what those were when it was traced, such as a weight of the loss that a
    callback raises from epoch to epoch. What a module or an optimizer holds is no matter: they
    tell of changes, and once they have done so, nothing is watched any more.
    """

    def __init__(self) -> None:
        self.epochs = 0  # that have begun
        self.counter: int | None = None  # the value of PROGRAM after the last call
        self.is_quiet = True  # whether nothing has told of a change since the first call
        self.known: dict[tuple[Any, ...], tuple[int, str]] = {}  # epoch and name of the graph

    @property
    def is_due(self) -> bool:
        return self.is_quiet and self.epochs <= WATCHED

    def begin_epoch(self) -> None:
        self.epochs += 1

    def begin_call(self) -> None:
        self.is_quiet &= self.counter in (None, PROGRAM.value)

    def end_call(self) -> None:
        self.counter = PROGRAM.value

    def look(self, program: Compiled, batch: tuple[Any, ...], *others: object) -> None:
        """Before a call, compare its graph with that of an epoch before.

        Args:
            program: what is called.
            batch: with what.
            others: what else tells graphs of the same program apart.

        Raises:
            TraceError: when the graph is another one, and nothing has told so.
        """
        key = (program.name, *others, *((x.shape, x.dtype) for x in batch))
        epoch, name = self.known.get(key, (0, ""))
        if epoch == self.epochs:
            return
        graph = program.graph(*batch)
        found = fingerprint(graph, [()] * len(memories_of(graph)))
        if name and name != found:
            raise TraceError(
                "model or loss are not what they were when they were compiled, though no module "
                "has changed: they read a plain Python variable that has. Keep it in a tensor, to "
                "which new numbers are assigned, or in an attribute of the model"
            )
        self.known[key] = (self.epochs, found)
