"""The memories of a graph: what it reads and writes outside, and that none lies over another."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.lib.array_utils import byte_bounds

from lunzi.core.errors import StateError
from lunzi.core.spec import Array
from lunzi.core.trace import Graph, Slot

Place = tuple[int, bool]


def place_of(slot: Slot) -> Place:
    """What tells slots apart: tensors themselves compare element by element."""
    return id(slot.tensor), slot.is_gradient


def memories_of(graph: Graph) -> tuple[Slot, ...]:
    """The slots that a graph reads, in their order, then those that it only writes; each once."""
    read = {place_of(slot): slot for slot in graph.slots}
    written = {place_of(slot): slot for slot, node in graph.updates if node is not None}
    return tuple({**read, **written}.values())


def layout_of(array: Array) -> tuple[int, ...]:
    """The strides in elements; 0 along axes of length 0 and 1, where they do not matter.

    Raises:
        StateError: when they are no whole numbers of elements.
    """
    if not array.flags.aligned or any(stride % array.itemsize for stride in array.strides):
        raise StateError(
            f"the memory of a tensor {array.dtype.name}{list(array.shape)} is not aligned, so that "
            f"a compiled function cannot use it: make the tensor from a copy of the array"
        )
    lengths = zip(array.shape, array.strides, strict=True)
    return tuple(stride // array.itemsize if length > 1 else 0 for length, stride in lengths)


def copied(array: Array) -> Array:
    """The same numbers in memory of their own, in which they lie as in the array's."""
    if not array.size:
        return array.copy()
    reaches = [step * (size - 1) for size, step in zip(array.shape, array.strides, strict=True)]
    low, high = (sum(bound(reach, 0) for reach in reaches) for bound in (min, max))
    memory = np.zeros(high - low + array.itemsize, np.uint8)
    result: Array = np.ndarray(array.shape, array.dtype, memory, -low, array.strides)
    result[...] = array
    return result


def aligned_bytes(size: int, alignment: int = 4096) -> Array:
    """Fresh memory that begins at a whole multiple of `alignment`."""
    room = np.empty(size + alignment, np.uint8)
    start = -room.ctypes.data % alignment
    return room[start : start + size]


def owner_of(array: Array) -> object:
    """The object whose memory an array looks at: itself, or what it is a view of."""
    return array if array.base is None else array.base


def is_plain(array: Array) -> bool:
    """Whether two such arrays overlap only if they have one owner."""
    owner = owner_of(array)
    return isinstance(owner, np.ndarray) and owner.base is None


def overlap(a: Array, b: Array) -> bool:
    """Whether two arrays have a number in common."""
    return np.may_share_memory(a, b) and np.shares_memory(a, b)


def refuse_overlap(arrays: Sequence[Array], written: Collection[int]) -> None:
    """Refuse memories of which one is written and another shows the same numbers.

    Raises:
        StateError: naming the two.
    """
    bounds = sorted((*byte_bounds(array), index) for index, array in enumerate(arrays))
    for place, (_, end, a) in enumerate(bounds):
        for start, _, b in bounds[place + 1 :]:
            if start >= end:
                break
            if (a in written or b in written) and overlap(arrays[a], arrays[b]):
                shapes = " and ".join(
                    f"{x.dtype.name}{list(x.shape)}" for x in (arrays[a], arrays[b])
                )
                raise StateError(
                    f"two tensors that a compiled function uses, {shapes}, share memory, and it "
                    f"assigns to one of them: give each memory of its own, as in array.copy(), or "
                    f"make a view of a parameter inside the function"
                )
