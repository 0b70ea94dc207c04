"""What a plan is: stages in regions and phases, and where every value lies."""

from __future__ import annotations

from dataclasses import dataclass, field

from lunzi.compiler.loops import Memory, Stage
from lunzi.compiler.regions import Region
from lunzi.core.graph import Node
from lunzi.core.spec import Spec

QUICK_PRODUCTS = 16  # as many multiplications and additions take the time of another turn


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in its memory: strides in elements."""

    spec: Spec
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Ends:
    """What a program leaves behind: results in fresh memory, and new values of its state.

    Args:
        outputs: nodes whose values the caller gets, dense in C order.
        updates: (place among the memories, node) for each memory that is written.
    """

    outputs: tuple[Node, ...]
    updates: tuple[tuple[int, Node], ...]

    @property
    def nodes(self) -> list[Node]:
        return [*self.outputs, *(node for _, node in self.updates)]


@dataclass
class Plan:
    """Regions by phases, and all memories that they use."""

    phases: list[list[Region]]
    arguments: list[Memory]
    states: list[Memory]
    outputs: list[Memory]
    constants: list[Memory]
    inner: list[Memory] = field(default_factory=list)  # of kind ARENA or SCRATCH

    @property
    def regions(self) -> list[Region]:
        return [region for phase in self.phases for region in phase]

    @property
    def stages(self) -> list[Stage]:
        """All stages, as they run on one thread."""
        return [stage for region in self.regions for stage in region.stages]

    @property
    def turns(self) -> int:
        """How often the innermost instructions run, at least 1; products are quick."""
        return 1 + sum(
            (stage.turns // QUICK_PRODUCTS if stage.is_product else stage.turns)
            * (1 if region.loop is None else region.loop.length)
            for region in self.regions
            for stage in region.stages
        )
