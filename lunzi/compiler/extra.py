"""Stages beside those of the graph's nodes: packed copies, and the parts of long sums."""

from __future__ import annotations

from lunzi.compiler.loops import (
    Affine,
    Apply,
    How,
    Kind,
    Load,
    Memory,
    Reduction,
    Stage,
    Store,
    remapped,
)
from lunzi.compiler.lower import dense_strides
from lunzi.compiler.products import FEW_PRODUCTS, operands
from lunzi.compiler.regions import Regions
from lunzi.core.elementwise import Multiply
from lunzi.core.spec import DType, size_of

# A reduction is done in parts where one thread would have most of it, or would have to wait
# for others: when it has so many turns, and so few results.
LONG_REDUCTION = 2**15
FEW_SUMS = 256
FEW_ROWS = 16
MOST_PARTS = 16  # of a product, whose parts are whole matrices
LEAST_PART = 128  # products in each sum of a part: fewer are not worth storing and adding again
MOST_PART_SUMS = 2**18  # elements of all parts together

# A product with large weights and few samples is summed in so many parts, whose results together
# are not more than the weights. Smaller weights are read in no time, larger ones stay in no cache.
SHARES = 8
LEAST_WEIGHTS, MOST_WEIGHTS = 2**16, 2**21


class Extra:
    """Makes stages in memory of their own, and puts them into regions."""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        self.memories: list[Memory] = []

    def new_memory(self, dtype: DType, elements: int) -> Memory:
        self.memories.append(Memory(Kind.ARENA, dtype, elements, len(self.memories)))
        return self.memories[-1]

    def put(
        self,
        stage: Stage,
        dtype: DType,
        preferred: int | None = None,
        is_shared: bool = False,
    ) -> tuple[Memory, list[int]]:
        """Give a finished stage dense memory, in the order of its loops but the leading one first.

        Args:
            preferred: the leading loop of a region of its own, wherever it stands.
            is_shared: a region of its own is led by the first loop.

        Returns:
            The memory, and its stride along each of the kept loops as they were given.
        """
        (store,) = stage.targets
        loops, kept = len(stage.sizes), stage.kept
        store.address = Affine(0, (0,) * loops)
        lead: int | None = 0
        if is_shared:
            region = self.regions.new(stage.sizes[0])
        else:
            region, lead = self.regions.find(stage, [])
        order = list(range(kept))
        is_free = not region.stages and region.loop is None
        if preferred is not None and is_free and lead is not None:
            region.length, lead = stage.sizes[preferred], preferred
        elif lead is not None:
            order.remove(lead)
            order.insert(0, lead)
        strides = [0] * kept
        dense = dense_strides([stage.sizes[loop] for loop in order])
        for loop, stride in zip(order, dense, strict=True):
            strides[loop] = stride
        memory = self.new_memory(dtype, size_of(stage.sizes[:kept]))
        store.memory = memory
        store.address = Affine(0, (*strides, *(0,) * (loops - kept)))
        stage.reorder([*order, *range(kept, loops)])
        stage.lead = None if lead is None else order.index(lead)
        self.regions.add(stage, region)
        return memory, strides

    def pack(self, stage: Stage) -> None:
        """Copy the second factor of a product to where its columns are contiguous, if they are not.

        Its rows follow the sum, outside of them what chooses one of several matrices.
        """
        found = operands(stage)
        if found is None or stage.turns < FEW_PRODUCTS:
            return
        a, b = found
        moving = [loop for loop, stride in enumerate(b.address.strides) if stride]
        columns = [loop for loop in moving if loop < stage.kept and not a.address.strides[loop]]
        if not columns or b.address.strides[columns[-1]] == 1:
            return
        inner = [loop for loop in moving if loop >= stage.kept]
        batch = [loop for loop in moving if loop not in columns and loop not in inner]
        order = [*batch, *inner, *columns]
        source = Affine(b.address.offset, tuple(b.address.strides[loop] for loop in order))
        copy = Stage(tuple(stage.sizes[loop] for loop in order), len(order), lines=stage.lines)
        term = Load(b.memory, source, (), b.is_old)
        copy.stores.append(Store(term, b.memory, source))
        # Both by rows of a matrix that stands still: a transpose reads what it shares out so.
        memory, strides = self.put(copy, b.memory.dtype, None if batch else len(order) - 1)
        address = [0] * len(stage.sizes)
        for loop, stride in zip(order, strides, strict=True):
            address[loop] = stride
        reduction = stage.reductions[0]
        packed = Load(memory, Affine(0, tuple(address)))
        reduction.store.term = Apply(Multiply(), (a, packed), reduction.dtype)

    def split(self, stage: Stage) -> Stage:
        """Do a long reduction with few results in parts, and give the stage that joins them.

        How many parts there are depends on the sizes alone, so the bits do not depend on who
        does which.
        """
        is_shared = self.regions.may_share_weights and shares_weights(stage)
        parts = parts_of(stage, is_shared)
        if parts is None:
            return stage
        loop, count = parts
        (reduction,) = stage.reductions
        kept = stage.kept
        split_loop(stage, loop, count)
        if stage.is_product:
            self.pack(stage)
        sizes = stage.sizes[1:][:kept]
        memory, strides = self.put(stage, reduction.dtype, is_shared=is_shared)
        joined = Stage((*sizes, count), kept, lines=list(stage.lines))
        term = Load(memory, Affine(0, (*strides[1:], strides[0])))
        store = Store(term, memory, Affine(0, (0,) * len(joined.sizes)))
        joined.reductions.append(Reduction(reduction.how, store, reduction.dtype))
        return joined


def parts_of(stage: Stage, is_shared: bool = False) -> tuple[int, int] | None:
    """The loop of a reduction to be divided, and in how many parts; None for a single one.

    Args:
        is_shared: it is a product whose weights are shared out among threads.
    """
    if len(stage.reductions) != 1 or stage.turns < LONG_REDUCTION or stage.stores:
        return None
    (reduction,) = stage.reductions
    if reduction.how not in (How.SUM, How.MAX, How.MIN) or reduction.is_running:
        return None
    results = size_of(stage.sizes[: stage.kept])
    if stage.is_product:
        rows = stage.sizes[0] if stage.kept else 1
        limit = min(MOST_PARTS, MOST_PART_SUMS // max(results, 1))
        is_short = rows < FEW_ROWS
        limit = min(limit, stage.turns // max(results, 1) // LEAST_PART)
        if is_shared:
            is_short, limit = True, min(limit, SHARES)
    else:
        limit = MOST_PART_SUMS // max(results, 1)
        is_short = results < FEW_SUMS
    if not is_short:
        return None
    loop = stage.kept  # the outermost one, as the values that are summed lie in memory
    size = stage.sizes[loop]
    if not stage.is_product and size <= limit and stage.turns // size >= FEW_SUMS:
        return loop, size  # one part for each row, where the rows are made
    fitting = [count for count in range(4, limit + 1) if size % count == 0 and count <= MOST_PARTS]
    return (loop, fitting[-1]) if fitting else None


def shares_weights(stage: Stage) -> bool:
    """Whether a product reads weights that are better shared out among threads by their rows.

    Divided by samples, each thread would read all weights, and those that another thread has just
    updated would come from the cache of another core. An update goes by rows of the weights: so a
    thread that sums over the same rows meets its own.
    """
    found = operands(stage)
    if found is None:
        return False
    weights = [load.memory.elements for load in found if load.memory.kind is Kind.STATE]
    results = size_of(stage.sizes[: stage.kept])
    return any(
        LEAST_WEIGHTS <= count <= MOST_WEIGHTS and SHARES * results <= count for count in weights
    )


def split_loop(stage: Stage, loop: int, count: int) -> None:
    """Cut a reduced loop in `count` parts; the parts become the first of the kept loops."""
    inner = stage.sizes[loop] // count

    def change(address: Affine) -> Affine:
        stride = address.strides[loop]
        rest = (*address.strides[:loop], *((stride,) if inner > 1 else ()),
                *address.strides[loop + 1 :])  # fmt: skip
        return Affine(address.offset, (stride * inner, *rest))

    remapped(stage, change)
    middle = (inner,) if inner > 1 else ()
    stage.sizes = (count, *stage.sizes[:loop], *middle, *stage.sizes[loop + 1 :])
    stage.kept += 1
