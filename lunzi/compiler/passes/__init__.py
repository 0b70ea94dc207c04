"""Graph to graph: each pass leaves the numbers as they are, and the program simpler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lunzi.compiler.passes.adjoints import convolution_adjoint, cropped_adjoint
from lunzi.compiler.passes.joined import joined_parts
from lunzi.compiler.passes.masks import masks_from_results
from lunzi.compiler.passes.one_hot import one_hot
from lunzi.compiler.passes.padded import read_from_padded
from lunzi.compiler.passes.simplify import RULES
from lunzi.compiler.passes.sums import from_known_sums
from lunzi.compiler.rewrite import rewritten
from lunzi.core.errors import RangeError
from lunzi.core.graph import Node


class Pass(NamedTuple):
    """A function from the ends of a graph to ends that have the same numbers."""

    name: str
    function: Callable[[Sequence[Node]], list[Node]]


def simplify(ends: Sequence[Node]) -> list[Node]:
    """Share equal nodes, compute what depends on constants alone, leave out what does nothing."""
    return rewritten(ends, [*RULES, one_hot, joined_parts])


def gather_parts(ends: Sequence[Node]) -> list[Node]:
    """Gradients of convolutions whose input was padded: gathered where they were scattered."""
    return rewritten(ends, [*RULES, cropped_adjoint])


def gather_wholes(ends: Sequence[Node]) -> list[Node]:
    """The other gradients of convolutions."""
    return rewritten(ends, [*RULES, convolution_adjoint])


# Those that look at several nodes at once come when all are simple, the larger first.
PASSES = (
    Pass("simplify", simplify),
    Pass("gather-parts", gather_parts),
    Pass("gather-wholes", gather_wholes),
    Pass("sums", from_known_sums),
    Pass("masks", masks_from_results),
    Pass("padded", read_from_padded),
)


def prepare(ends: Sequence[Node], after: str = PASSES[-1].name) -> list[Node]:
    """All passes in their order, up to the one of that name.

    Raises:
        RangeError: when no pass has that name.
    """
    names = [one.name for one in PASSES]
    if after not in names:
        raise RangeError(f"the passes are {', '.join(names)}; got {after!r}")
    prepared = list(ends)
    for one in PASSES[: names.index(after) + 1]:
        prepared = one.function(prepared)
    return prepared
