"""The division into tiles: complete, even, and within the registers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunzi.compiler.contraction_loops import Axis
from lunzi.compiler.tiling import (
    Registers,
    choose_tiling,
    even_counts,
    even_steps,
    needed,
    ragged_counts,
    ragged_steps,
)

AVX512, AVX2, SSE2 = (
    Registers(4, 32, True, True),
    Registers(4, 16, False, True),
    Registers(4, 16, False, False),
)
sizes = st.integers(1, 200)


def axis(*parts):
    size = 1
    for part in parts:
        size *= part
    return Axis(size, 1, 0, 1, parts)


def test_64_rows_by_14_are_four_tiles_of_13_and_one_of_12():
    steps = even_steps(64, 14)
    assert steps == (13, 12)
    assert even_counts(64, steps) == [4, 1]


@given(size=sizes, most=st.integers(1, 30))
def test_even_tiles_make_up_the_size(size, most):
    steps = even_steps(size, most)
    counts = even_counts(size, steps)
    assert sum(step * count for step, count in zip(steps, counts, strict=True)) == size
    assert max(steps) <= most
    assert all(counts)


@given(count=sizes, unit=st.integers(1, 12), most=st.integers(1, 30))
def test_ragged_tiles_make_up_any_multiple_of_the_unit(count, unit, most):
    steps = ragged_steps(unit, most)
    counts = ragged_counts(count * unit, steps)
    assert sum(step * each for step, each in zip(steps, counts, strict=True)) == count * unit


def test_rows_in_whole_blocks_need_no_tile_for_what_is_left_over():
    assert ragged_steps(unit=8, most=8) == (8,)
    assert ragged_steps(unit=1, most=8) == (8, 4, 1)


@pytest.mark.parametrize("registers", [AVX512, AVX2, SSE2])
@given(
    data=st.data(), vectors=st.integers(1, 40), length=st.integers(0, 1000), divided=st.booleans()
)
def test_a_tile_fits_in_registers(registers, data, vectors, length, divided):
    parts = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    axes = [axis(part) for part in parts]
    tiling = choose_tiling(axes, vectors, length, registers, divided)
    whole = 1
    for other in axes[tiling.axis + 1 :]:
        whole *= other.size
    assert all(
        needed(step * whole, tiling.vectors, registers) <= registers.vectors
        for step in tiling.steps
    )


def test_large_products_get_tiles_that_hide_the_latency():
    for registers, least in ((AVX512, 20), (AVX2, 10)):
        tiling = choose_tiling([axis(512)], 32, 500, registers, divided=True)
        assert tiling.steps[0] * tiling.vectors >= least


def test_rows_that_meet_in_the_cache_are_few():
    far = Axis(512, 1024, 0, 512, (512,))
    assert choose_tiling([far], 16, 500, AVX512, divided=True).steps[0] <= 8


def test_one_row_takes_many_vectors():
    tiling = choose_tiling([axis(1)], 16, 784, AVX512, divided=True)
    assert (tiling.steps, tiling.vectors) == ((1,), 16)


def test_short_lines_are_whole_in_a_tile():
    # 7 x 7 results of a convolution: two lines at a time.
    tiling = choose_tiling([axis(64), axis(7), axis(7)], 2, 288, AVX512, divided=True)
    assert tiling.axis == 1
    assert tiling.vectors == 2
