"""Where a value that is filled part by part holds zeros: around what is padded, or everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lunzi.core.graph import Node
from lunzi.core.movement import Pad

# Fewer numbers are filled by one loop sooner than their borders by several.
FEW = 4096


class Side(NamedTuple):
    """Places that follow each other on an axis."""

    start: int
    size: int


Box = tuple[Side, ...]  # one side for each axis


def zero_boxes(node: Node) -> Iterator[tuple[Box, ...]]:
    """The boxes of zeros in a node's value: together in a tuple those of one size."""
    whole = [Side(0, length) for length in node.shape]
    if not isinstance(node.op, Pad) or set(node.op.steps) != {1} or node.spec.size < FEW:
        yield (tuple(whole),)
        return
    for axis, (before, after) in enumerate(zip(node.op.before, node.op.after, strict=True)):
        behind = node.shape[axis] - after
        sides = [side for side in (Side(0, before), Side(behind, after)) if side.size]
        boxes = [(*whole[:axis], side, *whole[axis + 1 :]) for side in sides]
        if before == after and boxes:
            yield tuple(boxes)
        else:
            yield from ((box,) for box in boxes)
        whole[axis] = Side(before, behind - before)
