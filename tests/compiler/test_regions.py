"""Regions: which stages run together row by row, which become one, and who waits for whom."""

import pytest

from lunzi.compiler.loops import (
    Affine,
    Apply,
    Gather,
    How,
    Kind,
    Load,
    Memory,
    Place,
    Reduction,
    Stage,
    Store,
)
from lunzi.compiler.regions import Region, Regions, can_merge, is_row_local, merge
from lunzi.core.elementwise import Exp
from lunzi.core.spec import float32, int64

ROWS, COLUMNS = 64, 32
BY_ROWS, BY_COLUMNS = (COLUMNS, 1), (1, COLUMNS)


def memory(kind: Kind = Kind.ARENA) -> Memory:
    return Memory(kind, float32, ROWS * COLUMNS)


def stage(
    read: Memory,
    written: Memory,
    strides: tuple[int, int] = BY_ROWS,
    is_old: bool = False,
    offset: int = 0,
) -> Stage:
    """The exponentials of all numbers of a memory."""
    load = Load(read, Affine(offset, strides), is_old=is_old)
    term = Apply(Exp(), (load,), float32)
    return Stage((ROWS, COLUMNS), 2, [Store(term, written, Affine(0, BY_ROWS))], lead=0)


def sums(read: Memory, written: Memory) -> Stage:
    """The sum of each row."""
    result = Store(Load(read, Affine(0, BY_ROWS)), written, Affine(0, (1, 0)))
    return Stage((ROWS, COLUMNS), 1, reductions=[Reduction(How.SUM, result, float32)], lead=0)


def placed(regions: Regions, stages: list[Stage]) -> list[Region]:
    """The region in which each stage is put."""
    found = []
    for each in stages:
        region, each.lead = regions.find(each, [store.memory for store in each.targets])
        regions.add(each, region)
        found.append(region)
    return found


# Rows


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        (Affine(0, (32, 1)), True),
        (Affine(1, (32, 1)), False),  # the last number of a row is the first of the next
        (Affine(31, (32, -1)), True),
        (Affine(30, (32, -1)), False),
        (Affine(0, (64, 1)), False),
        (Affine(0, (1, 64)), False),
        (Affine(5, (32, 0)), True),
        (Affine(32, (32, 0)), False),
    ],
)
def test_an_address_is_of_one_row_when_it_never_leaves_its_stride(address, is_local):
    assert is_row_local(address, (), (ROWS, COLUMNS), 0, 32) is is_local


@pytest.mark.parametrize(("length", "is_local"), [(32, True), (33, False)])
def test_a_gather_may_reach_as_far_as_its_axis(length, is_local):
    gather = Gather(Place(Affine(0, (0, 1)), int64), 1, length)
    assert is_row_local(Affine(0, (32, 0)), (gather,), (ROWS, COLUMNS), 0, 32) is is_local


# Merging


def test_stages_merge_where_one_reads_what_the_same_turn_made():
    x, y, z = memory(), memory(), memory()
    first, second = stage(x, y), stage(y, z)
    assert can_merge(first, second)
    merge(first, second)
    assert [store.memory for store in first.stores] == [y, z]
    assert [load.memory for load in first.loads] == [x]  # y is at hand


def test_merged_stages_load_a_number_once():
    x, y, z = memory(), memory(), memory()
    first, second = stage(x, y), stage(x, z)
    assert can_merge(first, second)
    merge(first, second)
    assert len(list(first.loads)) == 1
    assert first.stores[0].term is first.stores[1].term


def test_stages_do_not_merge_where_one_reads_what_another_turn_made():
    x, y, z = memory(), memory(), memory()
    assert not can_merge(stage(x, y), stage(y, z, BY_COLUMNS))
    assert not can_merge(stage(x, y), stage(y, z, offset=1))


def test_what_needs_a_whole_sum_does_not_merge_with_it():
    x, y, z = memory(), memory(), memory()
    assert can_merge(sums(x, y), stage(x, z))
    assert not can_merge(sums(x, y), stage(y, z, (1, 0)))


def test_state_is_not_overwritten_before_its_last_reader():
    state, y, x = memory(Kind.STATE), memory(), memory()
    assert can_merge(stage(state, y, is_old=True), stage(x, state))
    assert not can_merge(stage(state, y, BY_COLUMNS, is_old=True), stage(x, state))


def test_loops_of_other_lengths_or_leads_and_products_stay_apart():
    x, y, z = memory(), memory(), memory()
    for change in ({"sizes": (ROWS, 1)}, {"lead": 1}, {"is_product": True}):
        other = stage(x, z)
        for name, value in change.items():
            setattr(other, name, value)
        assert not can_merge(stage(x, y), other)


def test_a_stage_that_adds_to_memory_stays_apart():
    x, y, z = memory(), memory(), memory()
    adding = stage(x, z)
    adding.stores[0].adds = True
    assert not can_merge(stage(x, y), adding)


# Regions and phases


def test_a_stage_joins_the_region_whose_rows_it_reads():
    a, b, c = memory(Kind.ARGUMENT), memory(), memory()
    regions = Regions()
    first, second = placed(regions, [stage(a, b), sums(b, c)])
    assert first is second
    assert regions.phases() == [[first]]


def test_a_stage_that_reads_other_rows_waits_in_a_later_phase():
    a, b, c, d = memory(Kind.ARGUMENT), memory(), memory(), memory()
    regions = Regions()
    rows = [stage(a, b), stage(b, c, BY_COLUMNS), stage(a, d)]
    first, second, third = placed(regions, rows)
    assert second.needs == {first}
    assert second.depends_on(first)
    assert not first.depends_on(second)
    assert regions.phases() == [[first, third], [second]]


def test_who_overwrites_state_waits_for_who_reads_what_it_held():
    a, state, b = memory(Kind.ARGUMENT), memory(Kind.STATE), memory()
    regions = Regions()
    reader, writer = placed(regions, [stage(state, b, BY_COLUMNS, is_old=True), stage(a, state)])
    assert writer.needs == {reader}
    assert [len(phase) for phase in regions.phases()] == [1, 1]


def test_a_stage_does_not_join_a_region_that_another_need_of_it_waits_for():
    a, b, c, d = memory(Kind.ARGUMENT), memory(), memory(), memory()
    regions = Regions()
    both = stage(b, d)
    both.stores.append(Store(Load(c, Affine(0, BY_COLUMNS)), memory(), Affine(0, BY_ROWS)))
    first, second, third = placed(regions, [stage(a, b), stage(b, c, BY_COLUMNS), both])
    assert third not in (first, second)
    assert third.needs == {first, second}
    assert regions.phases() == [[first], [second], [third]]


def test_small_stages_go_together_to_one_thread():
    a, b, c = memory(Kind.ARGUMENT), memory(), memory()
    small = [stage(a, b), stage(b, c, BY_COLUMNS)]
    for each in small:
        each.sizes = (8, 8)
    first, second = placed(Regions(), small)
    assert first is second
    assert first.is_serial
