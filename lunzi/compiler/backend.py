"""What runs a compiled graph: the contract, the choice, and when there is none."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol

from lunzi.compiler.cost import Cost
from lunzi.compiler.interpreted import Interpreted
from lunzi.core.advice import advise
from lunzi.core.loop import Scan
from lunzi.core.spec import Array
from lunzi.core.trace import Graph, Slot
from lunzi.messages import text

# Takes arrays and says whether they were what it expects: see `entry.py`.
Entry = Callable[..., bool]

# The strides of a memory in elements; 0 along axes of length 0 and 1, where they do not matter.
Layout = tuple[int, ...]


SAID: set[str] = set()  # what was said once and is not said again


class Steps(Protocol):
    """Many steps of a backend. After an error it is of no use any more.

    An error names its step. The steps before it are done, and nothing of it, but for
    NotFiniteError.
    """

    begun: int  # how many there were since `aim`, that of an error included

    def aim(self, arguments: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Say what the next steps work on: an axis of steps, then what a call takes."""

    def run(self, first: int, stop: int) -> None:
        """Take the steps first ... stop - 1."""


class Backend(Protocol):
    """A graph made ready to run. Who calls it holds the lock of its memories."""

    def __call__(
        self, arguments: Sequence[Array], memories: Sequence[Array], outputs: Sequence[Array]
    ) -> None:
        """Read arguments and memories, fill the outputs, write the memories in place.

        Every memory is read before it is written. An error leaves all of them as they were, but
        for NotFiniteError, behind which they are written.

        Args:
            arguments: in C order, aligned, of the traced shapes and dtypes; they share no
                numbers with a memory that is written.
            memories: of `memories_of(graph)`, in the layouts that were built for.
            outputs: in C order, not filled yet.
        """

    def bound(self, memories: Sequence[Array]) -> Entry | None:
        """A quick way in: a function of arguments and outputs, on memories that never move.

        It runs the program, or answers False if an array is not what was compiled for. The
        memories live as long as it does. None where there is no such way.
        """

    def steps(self, memories: Sequence[Array], each: Mapping[int, Array]) -> Steps:
        """Many steps behind one native call, on memories that never move.

        Args:
            memories: as for a call.
            each: by the places of memories, what stands there instead, with an axis of steps.
        """

    @property
    def quick_steps(self) -> int:
        """How many steps surely take no more than some milliseconds."""

    def show(self, stage: str) -> str:
        """The program after a stage, as text; RangeError names the stages that there are."""

    def cost(self, arguments: Sequence[Array], memories: Sequence[Array], threads: int) -> Cost:
        """What each part of the program costs, measured on copies of the memories.

        Raises:
            StateError: when there are no parts to be measured.
        """


def build(
    graph: Graph, memories: Sequence[Slot], layouts: Sequence[Layout], check_finite: bool = False
) -> Backend:
    """Make a graph ready to run.

    Args:
        graph: its updates all have a value; its `result` is of no concern.
        memories: the slots of the graph, then those that are only written.
        layouts: of each memory.
        check_finite: raise RangeError for the first numbers made that are not finite.
    """
    if has_nested_loops(graph):
        return Interpreted(graph, memories, check_finite)
    # They need llvmlite, which may be missing.
    if check_finite:
        from lunzi.compiler.guarded import Guarded

        return Guarded(graph, memories, layouts)
    from lunzi.compiler.executable import Native

    return Native(graph, memories, layouts)


def has_nested_loops(graph: Graph) -> bool:
    """Whether a loop has a loop in its body: such programs run in the interpreter."""
    return any(
        isinstance(node.op, Scan) and any(isinstance(x.op, Scan) for x in node.op.body.nodes)
        for node in graph.nodes
    )


def is_eager() -> bool:
    """Whether compiled functions run as they stand, here and now.

    Where llvmlite is missing a warning says so, once.
    """
    if os.environ.get("LUNZI_COMPILE") == "0":
        return True
    if has_llvmlite():
        return False
    if "llvmlite" not in SAID:
        SAID.add("llvmlite")
        advise(text("training.no_llvmlite"))
    return True


@functools.cache
def has_llvmlite() -> bool:
    return find_spec("llvmlite") is not None
