"""Contractions: any strides, any sizes, any level of vectors; the same bits however divided."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import pytest
from guarded import Guarded, Native, every_level, opened
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.compiler.builder import POINTER, Module, Value, index, number
from lunzi.compiler.contraction import (
    Contraction,
    Dim,
    Finish,
    emit_contraction,
    reads_across,
    sum_blocks,
)
from lunzi.compiler.native import assembly
from lunzi.compiler.target import Target, cross, host_at

FLOAT32 = np.dtype("float32")
AVX512 = Target(
    "x86_64-unknown-linux-gnu", "avx512", "+avx512f,+avx512vl,+avx512dq,+avx512bw,+avx2,+fma"
)


def module_of(contraction, target, finish=None):
    module = Module()
    emit_contraction(module, target, contraction, "contraction", finish)
    return module


def native(contraction, level, finish=None):
    return Native(module_of(contraction, host_at(level), finish), "contraction", level)


def places(dims, operand):
    """The offset of an operand at each turn of the loops, as an array of their lengths."""
    offsets = np.zeros(tuple(dim.size for dim in dims), np.int64)
    for axis, dim in enumerate(dims):
        shape = [1] * len(dims)
        shape[axis] = dim.size
        offsets = offsets + np.arange(dim.size).reshape(shape) * getattr(dim, operand)
    return offsets.ravel()


def operand(contraction, letter, rng, at_end):
    columns = (contraction.columns,) if letter != "a" else ()
    inner = contraction.inner if letter != "c" else ()
    offsets = places([*contraction.rows, *columns, *inner], letter)
    low, high = (int(offsets.min()), int(offsets.max())) if offsets.size else (0, 0)
    guarded = Guarded(low, high, contraction.dtype, at_end)
    guarded.array[...] = rng.standard_normal(guarded.array.size)
    return guarded


def expected(contraction, a, b, c, size=lambda x: x):
    """The result in float64, one row after the other, of `size` of the operands."""
    left, right, result = (size(x.array.astype(np.float64)) for x in (a, b, c))
    rows = [places(contraction.rows, letter) for letter in "abc"]
    inner = [places(contraction.inner, letter) for letter in "ab"]
    columns = [places((contraction.columns,), letter) for letter in "bc"]
    for row_a, row_b, row_c in zip(*rows, strict=True):
        factors = left[row_a + inner[0] - a.lowest]
        matrix = right[row_b + inner[1][:, None] + columns[0] - b.lowest]
        where = row_c + columns[1] - c.lowest
        result[where] = factors @ matrix + (result[where] if contraction.accumulate else 0)
    return result


def product_of(rows, inner, columns, transposed=False):
    """An ordinary product of two matrices; `transposed`: a is stored (inner, rows)."""
    a_row, a_inner = (1, rows) if transposed else (inner, 1)
    return Contraction(
        FLOAT32,
        (Dim(rows, a_row, 0, columns),),
        Dim(columns, 0, 1, 1),
        (Dim(inner, a_inner, columns, 0),),
    )


def check(contraction, level, rng, at_end=True, count=None, finish=None, others=(), after=None):
    """Run it between forbidden pages, for `count` turns of the first loop, and compare."""
    count = contraction.rows[0].size if count is None else count
    a, b, c = (operand(contraction, letter, rng, at_end) for letter in "abc")
    done = replace(
        contraction, rows=(contraction.rows[0]._replace(size=count), *contraction.rows[1:])
    )
    wanted, sizes = expected(done, a, b, c), expected(done, a, b, c, np.abs)
    native(contraction, level, finish)(a.pointer, b.pointer, c.pointer, count, *others)
    # Each of so many additions and products rounds by at most half a unit of a partial sum, and
    # what comes after by half a unit of its result.
    roundings = 2 * prod(dim.size for dim in contraction.inner) + 1
    wanted = wanted if after is None else after(wanted)
    bounds = np.finfo(contraction.dtype).eps / 2 * (roundings * sizes + np.abs(wanted))
    assert np.all(np.abs(c.array - wanted) <= bounds)


@st.composite
def contractions(draw):
    """Any loops: strides that overlap, go backwards, stand still or leave gaps."""
    columns = draw(st.integers(0, 70))
    stride = st.integers(-9, 9)
    inner = [
        Dim(draw(st.integers(0, 7)), draw(stride), draw(st.integers(0, 2)) * columns, 0)
        for _ in range(draw(st.integers(1, 3)))
    ]
    rows, step = [], columns
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(0, 9))
        rows.insert(0, Dim(size, draw(stride), 0, step))
        step = step * size + draw(st.sampled_from([0, 3]))
    if draw(st.booleans()):
        rows.insert(0, Dim(draw(st.integers(0, 3)), draw(stride), draw(st.integers(0, 5)), step))
    dtype = np.dtype(draw(st.sampled_from(["float32", "float64"])))
    accumulate = draw(st.booleans())
    return Contraction(dtype, tuple(rows), Dim(columns, 0, 1, 1), tuple(inner), accumulate)


@every_level
@settings(max_examples=50, deadline=None)
@given(contraction=contractions(), at_end=st.booleans(), data=st.data())
def test_any_loops_give_their_sums_and_touch_nothing_else(level, contraction, at_end, data):
    count = data.draw(st.integers(0, contraction.rows[0].size))
    check(contraction, level, np.random.default_rng(0), at_end, count)


@every_level
@pytest.mark.parametrize(
    "size", [(1, 1, 1), (2, 3, 1), (3, 0, 5), (1, 700, 130), (37, 53, 29), (17, 1301, 33)], ids=str
)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_matrices(level, size, transposed, rng):
    check(product_of(*size, transposed=transposed), level, rng)


@every_level
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_convolutions(level, stride, dilation, rng):
    images, channels, filters, size, width = 2, 3, 20, 13, 3
    out = (size - dilation * (width - 1) - 1) // stride + 1
    line = size * channels
    rows = (
        Dim(images, size * line, 0, out * out * filters),
        Dim(out, stride * line, 0, out * filters),
        Dim(out, stride * channels, 0, filters),
    )
    inner = (
        Dim(width, dilation * line, width * channels * filters, 0),
        Dim(width, dilation * channels, channels * filters, 0),
        Dim(channels, 1, filters, 0),
    )
    check(Contraction(FLOAT32, rows, Dim(filters, 0, 1, 1), inner), level, rng)


@every_level
def test_a_long_sum_over_several_loops_goes_on_where_a_block_ended(level, rng):
    # 7 * 11 * 37 steps: the loops around a block, and a last block that is shorter.
    rows = Dim(1, 0, 0, 0), Dim(5, 1, 0, 19)
    inner = Dim(7, 2000, 11 * 37 * 19, 0), Dim(11, 5, 37 * 19, 0), Dim(37, 50, 19, 0)
    check(Contraction(FLOAT32, rows, Dim(19, 0, 1, 1), inner), level, rng)


@every_level
@pytest.mark.parametrize("columns", [3, 7])
def test_an_empty_sum_of_columns_that_fill_no_vector_is_zero(level, columns, rng):
    rows = Dim(9, 0, 0, 5 * columns), Dim(5, 0, 0, columns)
    check(Contraction(FLOAT32, rows, Dim(columns, 0, 1, 1), (Dim(0, 0, 0, 0),)), level, rng)


@every_level
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("length", [1, 7, 64, 300])
def test_few_columns_are_dot_products(level, columns, length, rng):
    rows = Dim(5, length, 0, columns), Dim(2, 5 * length, 0, 5 * columns)
    inner = Dim(3, 1, 2, 0), Dim(length, 1, 1, 0)
    contraction = Contraction(FLOAT32, rows, Dim(columns, 0, length, 1), inner)
    check(contraction, level, rng)
    check(replace(contraction, accumulate=True), level, rng, at_end=False, count=3)


@every_level
@pytest.mark.parametrize("columns", [37, 1], ids=["tiles", "dots"])
def test_the_bits_do_not_depend_on_how_rows_are_divided(level, columns, rng):
    rows, inner = 31, 1100
    function = native(product_of(rows, inner, columns), level)
    a = rng.standard_normal((rows, inner)).astype(np.float32)
    b = rng.standard_normal((inner, columns)).astype(np.float32)
    whole, parts = np.empty((2, rows, columns), np.float32)
    function(a, b, whole, rows)
    bounds = [0, 1, 3, 8, 30, 31]
    for first, following in pairwise(bounds):
        function(a[first:], b, parts[first:], following - first)
    np.testing.assert_array_equal(whole, parts)


def bias_and_relu(f, value, place):
    """max(value + bias[column], 0), where the bias may be read."""
    element = value.element
    pointer = f.place(Value(POINTER, "%bias"), place.column, element)
    if place.mask is None:
        bias = f.load(value.type, pointer, 4)
    else:
        name = f"llvm.masked.load.v{value.lanes}f32.p0"
        nothing = Value(value.type, "zeroinitializer")
        bias = f.call(name, value.type, pointer, Value("i32", "4"), place.mask, nothing)
    return f.intrinsic(
        "maxnum", f.op("fadd", value, bias), f.splat(number(element, 0), value.lanes)
    )


@every_level
@pytest.mark.parametrize("size", [(9, 20, 37), (9, 1100, 16), (9, 1, 5), (9, 64, 1)], ids=str)
def test_a_finish_works_on_each_result_once(level, size, rng):
    rows, _, columns = size
    bias = Guarded(0, columns - 1, FLOAT32)
    bias.array[...] = rng.standard_normal(columns)
    finish = Finish((Value(POINTER, "%bias"),), bias_and_relu)

    def after(result):
        return np.maximum(result.reshape(rows, columns) + bias.array, 0).ravel()

    check(product_of(*size), level, rng, finish=finish, others=[bias.pointer], after=after)


def row_numbers(f, value, place):
    """What the loops' counters say, in place of each result."""
    code = index(0)
    for counter in place.rows:
        code = f.add(f.times(code, 10), counter)
    code = f.add(f.times(code, 1000), place.offset)
    return f.splat(f.convert("sitofp", code, "double"), value.lanes)


@every_level
def test_a_finish_knows_its_place(level, rng):
    # b moves in the first loop; the second and the third are joined; the last has one turn.
    sizes, columns = (2, 3, 4, 1), 2
    strides = [12, 4, 1, 0]
    rows = tuple(
        Dim(size, stride, 7 if i == 0 else 0, stride * columns)
        for i, (size, stride) in enumerate(zip(sizes, strides, strict=True))
    )
    contraction = Contraction(np.dtype("float64"), rows, Dim(columns, 0, 1, 1), (Dim(3, 1, 2, 0),))
    places_of_rows = np.indices(sizes).reshape(4, -1)
    codes = np.ravel_multi_index(places_of_rows, (10, 10, 10, 10))
    wanted = codes * 1000 + np.arange(24) * columns
    a, b, c = (operand(contraction, letter, rng, True) for letter in "abc")
    finish = Finish((), row_numbers)
    native(contraction, level, finish)(a.pointer, b.pointer, c.pointer, 2)
    np.testing.assert_array_equal(c.array.reshape(24, columns)[:, 0], wanted)


@pytest.mark.parametrize(
    "contraction",
    [product_of(64, 784, 256), product_of(784, 64, 256, transposed=True), product_of(3, 784, 256),
     product_of(64, 128, 10), product_of(768, 1152, 128), product_of(50, 70, 90)],
    ids=str,
)  # fmt: skip
def test_a_tile_stays_in_registers(contraction):
    text = assembly(str(opened(module_of(contraction, AVX512), "contraction")), AVX512)
    fused = text.count("vfmadd")
    assert fused >= 16
    assert not [line for line in text.splitlines() if "zmm" in line and "(%rsp)" in line]


@pytest.mark.parametrize(
    ("contraction", "looks_ahead"),
    [(product_of(64, 784, 256, transposed=True), True), (product_of(64, 784, 256), False),
     (product_of(16, 784, 256, transposed=True), False)],
    ids=["far apart", "along rows", "near"],
)  # fmt: skip
def test_a_sum_across_far_rows_fetches_what_the_next_tile_reads(contraction, looks_ahead):
    text = assembly(str(opened(module_of(contraction, AVX512), "contraction")), AVX512)
    assert ("prefetch" in text) is looks_ahead


def test_a_sum_across_far_rows_goes_in_short_blocks():
    across, along = product_of(64, 784, 256, transposed=True), product_of(64, 784, 256)
    assert [reads_across(x) for x in (across, along)] == [True, False]
    for contraction, length in ((across, 112), (along, 784)):
        blocks = sum_blocks(contraction.sums, 4, reads_across(contraction))
        assert prod(dim.size for dim in blocks.inside) == length


def test_tiles_for_arm_are_fused_products_too():
    target = cross("aarch64-linux-gnu")
    text = assembly(str(opened(module_of(product_of(64, 100, 64), target), "contraction")), target)
    assert text.count("fmla") >= 16
    assert "fmaf" not in text


def test_nothing_fused_where_the_processor_cannot():
    target = cross("x86_64-linux-gnu")
    text = str(module_of(product_of(8, 100, 20), target))
    assert "llvm.fma" not in text
    assert "llvm.masked" not in text
