"""Loop nests: addresses, terms that are shared, loops that become one."""

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
    View,
    collapse,
    terms_of,
)
from lunzi.core.elementwise import Exp, Multiply
from lunzi.core.spec import float32, int64


def memory(elements: int = 64, index: int = 0) -> Memory:
    return Memory(Kind.ARENA, float32, elements, index)


def copy(sizes: tuple[int, ...], read: tuple[int, ...], written: tuple[int, ...]) -> Stage:
    """A stage that copies numbers from places to places."""
    load = Load(memory(), Affine(0, read))
    stage = Stage(sizes, len(sizes), lead=None)
    stage.stores.append(Store(load, memory(index=1), Affine(0, written)))
    return stage


def test_an_address_is_a_sum_over_loops_that_can_be_read():
    address = Affine(3, (4, 0, 1)).plus(Affine(0, (0, 2, 0))).scaled(2, offset=1)
    assert address == Affine(7, (8, 4, 2))
    assert str(address) == "7 + 8i + 4j + 2k"
    assert str(Affine(0, (0, 1))) == "j"
    assert str(Affine(0, (0, 0))) == "0"


def test_a_view_gives_the_address_of_an_index():
    view = View(memory(), 5, (12, 0, 1))
    index = [Affine(0, (1, 0)), Affine(9, (1, 1)), Affine(2, (0, 3))]
    assert view.at(index, 2) == Affine(7, (12, 3))


def test_terms_come_once_and_behind_what_they_need():
    place = Place(Affine(0, (1,)), int64)
    looked_up = Load(memory(), Affine(0, (0,)), (Gather(place, 1, 64),))
    grown = Apply(Exp(), (looked_up,), float32)
    product = Apply(Multiply(), (grown, looked_up), float32)
    assert terms_of([product, grown]) == [place, looked_up, grown, product]


def test_loops_that_move_on_as_one_become_one():
    stage = copy((2, 3, 4), (12, 4, 1), (12, 4, 1))
    assert collapse(stage) == 1
    assert (stage.sizes, stage.kept) == ((24,), 1)
    assert {a.strides for a in stage.addresses} == {(1,)}


def test_loops_stay_apart_where_one_address_jumps():
    stage = copy((2, 3, 4), (12, 4, 1), (12, 1, 3))
    collapse(stage)
    assert stage.sizes == (2, 3, 4)
    stage = copy((2, 3, 4), (24, 4, 1), (12, 4, 1))
    collapse(stage)
    assert stage.sizes == (2, 12)
    assert [a.strides for a in stage.addresses] == [(24, 1), (12, 1)]


@pytest.mark.parametrize("step", [1, 0])
def test_the_loops_of_results_stay_apart_from_those_of_a_sum(step):
    load = Load(memory(), Affine(0, (12, 4, 1)))
    stage = Stage((2, 3, 4), 1)
    result = Store(load, memory(index=1), Affine(0, (step, 0, 0)))
    stage.reductions.append(Reduction(How.SUM, result, float32))
    collapse(stage)
    assert (stage.sizes, stage.kept) == ((2, 12), 1)
    assert [a.strides for a in stage.addresses] == [(12, 1), (step, 0)]


def test_a_leading_loop_takes_in_the_one_behind_it_and_tells_its_length():
    stage = copy((6, 4), (4, 1), (4, 1))
    stage.lead = 0
    assert collapse(stage) == 4
    assert (stage.sizes, stage.lead) == ((24,), 0)


def test_a_leading_loop_is_not_taken_in():
    stage = copy((6, 4), (4, 1), (4, 1))
    stage.lead = 1
    assert collapse(stage) == 1
    assert (stage.sizes, stage.lead) == ((6, 4), 1)


def test_another_order_of_loops_moves_every_address_and_the_lead():
    place = Place(Affine(0, (0, 1)), int64)
    load = Load(memory(), Affine(1, (4, 0)), (Gather(place, 1, 4),))
    stage = Stage((3, 4), 2, [Store(load, memory(index=1), Affine(0, (4, 1)))], lead=0)
    stage.reorder((1, 0))
    assert (stage.sizes, stage.lead) == ((4, 3), 1)
    assert list(stage.addresses) == [Affine(0, (1, 0)), Affine(1, (0, 4)), Affine(0, (1, 4))]
    (found,) = stage.loads
    assert found.gathers[0].index in stage.terms
