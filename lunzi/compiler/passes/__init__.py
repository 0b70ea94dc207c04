"""Graph to graph: each pass leaves the numbers as they are, and the program simpler."""

from __future__ import annotations

from collections.abc import Sequence

from lunzi.compiler.passes.adjoints import convolution_adjoint, cropped_adjoint
from lunzi.compiler.passes.masks import masks_from_results
from lunzi.compiler.passes.one_hot import one_hot
from lunzi.compiler.passes.simplify import RULES
from lunzi.compiler.rewrite import rewritten
from lunzi.core.graph import Node


def prepare(ends: Sequence[Node]) -> list[Node]:
    """All passes, in their order."""
    simple = rewritten(ends, [*RULES, one_hot])
    # These look at several nodes at once, so they come when all are simple, the larger first.
    simple = rewritten(simple, [*RULES, cropped_adjoint])
    simple = rewritten(simple, [*RULES, convolution_adjoint])
    return masks_from_results(simple)
