"""The order of a region's stages: what nobody else there reads runs as soon as it can.

The gradient of a scale is summed from two values of its layer, but it is asked for at the end,
with all that changes the parameters. Done there it would fetch both from far away, and their
memory would have to stand until then.
"""

from __future__ import annotations

from typing import NamedTuple

from lunzi.compiler.loops import Memory, Stage, touched_by, whole_of
from lunzi.compiler.regions import Region


class Touches(NamedTuple):
    """A stage, the memories that it reads or writes, and those among them that it writes."""

    stage: Stage
    all: set[Memory]
    written: set[Memory]

    @staticmethod
    def of(stage: Stage) -> Touches:
        written = {whole_of(store.memory) for store in stage.targets}
        return Touches(stage, {whole_of(memory) for memory in touched_by(stage)}, written)

    def follows(self, other: Touches) -> bool:
        """Whether the other must be done before this one."""
        return bool(self.all & other.written or self.written & other.all)


def bring_forward(region: Region) -> None:
    """Move the stages whose results all leave a region behind the last that they wait for.

    Nothing moves in a loop, where a step reads what the step before left, nor in a serial region,
    whose stages need not be near.
    """
    if region.loop is not None or region.is_serial:
        return
    read = {whole_of(load.memory) for stage in region.stages for load in stage.loads}
    ordered: list[Touches] = []
    for stage in region.stages:
        touches = Touches.of(stage)
        place = len(ordered)
        if not touches.written & read:
            place = first_place(touches, ordered, read)
        ordered.insert(place, touches)
    region.stages = [touches.stage for touches in ordered]


def first_place(touches: Touches, ordered: list[Touches], read: set[Memory]) -> int:
    """Behind all that a stage must follow, and behind others that were brought there before."""
    waits_for = [i for i, other in enumerate(ordered) if touches.follows(other)]
    if not waits_for:
        return len(ordered)  # where it was asked for
    place = waits_for[-1] + 1
    while place < len(ordered) and not ordered[place].written & read:
        place += 1
    return place
