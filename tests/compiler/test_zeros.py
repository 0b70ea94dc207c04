"""Zeros around what is padded, and nowhere else."""

import numpy as np
import pytest
from native_programs import Program

from lunzi.compiler.zeros import FEW, zero_boxes
from lunzi.core.graph import Node
from lunzi.core.trace import trace

SIZES = (4, 30, 31, 3)
PADS = {
    "around pictures": [(0, 0), (2, 2), (1, 1), (0, 0)],
    "on one side": [(0, 0), (0, 3), (2, 0), (0, 0)],
    "unevenly": [(0, 0), (1, 2), (5, 3), (0, 0)],
    "channels": [(0, 0), (0, 0), (0, 0), (0, 5)],
    "samples too": [(1, 1), (2, 1), (0, 0), (1, 1)],
}


def padded(widths) -> Node:
    x = np.zeros(SIZES, np.float32)
    (node,) = trace(lambda x: x.pad(widths), x).outputs
    return node


@pytest.mark.parametrize("widths", PADS.values(), ids=PADS)
def test_each_place_is_a_zero_or_what_was_padded_and_not_both(widths):
    filled = np.pad(np.ones(SIZES, np.int64), widths)
    for boxes in zero_boxes(padded(widths)):
        assert len({tuple(side.size for side in box) for box in boxes}) == 1
        for box in boxes:
            filled[tuple(slice(side.start, side.start + side.size) for side in box)] += 1
    assert (filled == 1).all()


def test_little_is_filled_everywhere_by_one_loop():
    x = np.zeros((3, 4), np.float32)
    (node,) = trace(lambda x: x.pad([(1, 1), (1, 1)]), x).outputs
    assert node.spec.size < FEW
    assert list(zero_boxes(node)) == [(((0, 5), (0, 6)),)]


@pytest.mark.parametrize("widths", PADS.values(), ids=PADS)
@pytest.mark.parametrize("parallel", [False, True], ids=["serial", "parallel"])
def test_programs_fill_what_they_pad(widths, parallel):
    x = np.random.default_rng(0).standard_normal(SIZES).astype(np.float32)

    def tripled(x):
        return (x * 3).pad(widths) + 1

    program = Program(tripled, x, parallel=parallel)
    for found, expected in zip(program(x), program.expected(x), strict=True):
        np.testing.assert_array_equal(found, expected)
