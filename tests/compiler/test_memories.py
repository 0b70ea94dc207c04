"""The memories of a graph."""

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.memories import (
    copied,
    is_plain,
    layout_of,
    memories_of,
    overlap,
    owner_of,
    refuse_overlap,
)


def test_what_is_read_comes_before_what_is_only_written():
    a, b, c = lz.zeros(1), lz.zeros(2), lz.zeros(3)

    def step():
        c.assign(0)
        b.assign(b * a)

    slots = memories_of(lz.trace(step))
    assert [slot.tensor.shape for slot in slots] == [(2,), (1,), (3,)]


@pytest.mark.parametrize(
    ("array", "layout"),
    [
        (np.zeros((2, 3)), (3, 1)),
        (np.zeros((2, 3)).T, (1, 3)),
        (np.zeros((2, 1)), (1, 0)),
        (np.zeros(6, np.float32)[::-2], (-2,)),
        (np.array(1), ()),
    ],
)
def test_layouts_count_elements(array, layout):
    assert layout_of(array) == layout


def test_memory_that_is_not_aligned_is_refused():
    array = np.zeros(9, np.uint8)[1:].view(np.float32)
    with pytest.raises(lz.StateError, match=r"float32\[2\] is not aligned"):
        layout_of(array)


def test_owners():
    array = np.zeros((4, 4))
    assert owner_of(array[1:][:, 2]) is array
    assert is_plain(array[1:])
    assert not is_plain(np.frombuffer(bytearray(8)))


def test_overlap_is_decided_exactly():
    array = np.zeros(8)
    assert not overlap(array[::2], array[1::2])
    assert overlap(array[:4], array[3:])


def test_only_memories_that_are_written_must_lie_apart():
    array = np.zeros(8)
    parts = [array, array[4:], np.zeros(3)]
    refuse_overlap(parts, set())
    refuse_overlap(parts, {2})
    for written in ({0}, {1}):
        with pytest.raises(lz.StateError, match="share memory"):
            refuse_overlap(parts, written)
    refuse_overlap([array[:4], array[4:]], {0, 1})


@pytest.mark.parametrize(
    "view",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.arange(24.0).reshape(2, 3, 4)[:, ::-1, ::2],
        np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::-1],
        np.arange(24.0)[::7],
        np.array(3.0),
        np.zeros((0, 3)),
    ],
    ids=lambda view: f"{view.shape}{view.strides}",
)
def test_a_copy_lies_as_the_original(view):
    copy = copied(view)
    np.testing.assert_array_equal(copy, view)
    assert layout_of(copy) == layout_of(view)
    assert not np.shares_memory(copy, view)
