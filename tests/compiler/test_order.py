"""What nobody else in a region reads runs as soon as it can, and no sooner."""

from itertools import pairwise

import numpy as np

from lunzi.compiler.loops import Affine, Kind, Load, Memory, Stage, Store
from lunzi.compiler.order import bring_forward
from lunzi.compiler.regions import Region, Steps

ROWS = 8
ROW = Affine(0, (1,))


def memory(kind=Kind.ARENA):
    return Memory(kind, np.dtype("float32"), ROWS)


def copy(source, target, is_old=False):
    store = Store(Load(source, ROW, (), is_old), target, ROW)
    return Stage((ROWS,), 1, stores=[store], lead=0)


def ordered(stages, region=None):
    region = region or Region(ROWS)
    region.stages = list(stages)
    bring_forward(region)
    return [stages.index(stage) for stage in region.stages]


def chain():
    """Three stages in a row, and the memories that they read and make."""
    memories = [memory(Kind.ARGUMENT), memory(), memory(), memory()]
    return [copy(source, target) for source, target in pairwise(memories)], memories


def test_a_result_that_leaves_the_region_is_made_behind_what_it_reads():
    stages, (_, first, _, _) = chain()
    assert ordered([*stages, copy(first, memory())]) == [0, 3, 1, 2]


def test_results_keep_their_order():
    stages, (_, first, _, _) = chain()
    assert ordered([*stages, copy(first, memory()), copy(first, memory())]) == [0, 3, 4, 1, 2]


def test_nothing_is_overwritten_before_it_is_read():
    state = memory(Kind.STATE)
    stages, (_, first, _, last) = chain()
    reader = copy(state, last, is_old=True)
    assert ordered([*stages, reader, copy(first, state)]) == [0, 1, 2, 3, 4]


def test_what_others_read_or_what_waits_for_nothing_stays():
    stages, (argument, first, _, _) = chain()
    made = memory()
    assert ordered([*stages, copy(first, made), copy(made, memory())]) == [0, 1, 2, 3, 4]
    assert ordered([*stages, copy(argument, memory())]) == [0, 1, 2, 3]


def test_the_steps_of_a_loop_stay_in_order():
    stages, (_, first, _, _) = chain()
    region = Region(ROWS)
    region.loop = Steps(3, reverse=False)
    assert ordered([*stages, copy(first, memory())], region) == [0, 1, 2, 3]
