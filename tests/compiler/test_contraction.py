"""Contractions: any strides, any sizes, any level of vectors; the same bits however divided."""

import ctypes
import mmap
from functools import cache
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.compiler.builder import INDEX, POINTER, Module, Value
from lunzi.compiler.contraction import Contraction, Dim, emit_contraction
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host_at, levels_of

PAGE = mmap.PAGESIZE
ARGUMENTS = [Value(POINTER, "%a"), Value(POINTER, "%b"), Value(POINTER, "%c"), Value(INDEX, "%n")]


def levels():
    import llvmlite.binding as llvm

    features = {name for name, has in llvm.get_host_cpu_features().items() if has}
    return levels_of(llvm.get_process_triple(), features)


every_level = pytest.mark.parametrize("level", levels())


def text_of(contraction, target, finish=None):
    """A module whose function `entry` is the contraction."""
    module = Module()
    emit_contraction(module, target, contraction, "contraction", finish)
    arguments = [*ARGUMENTS, *(finish.parameters if finish else ())]
    entry = module.function("entry", arguments, internal=False)
    entry.run("contraction", *arguments)
    entry.ret()
    return str(module)


class Compiled:
    def __init__(self, contraction, level, finish=None):
        target = host_at(level)
        code = object_code(text_of(contraction, target, finish), target)
        self.library = Library(code, ["entry"])
        self.address = self.library.address("entry")

    def __call__(self, a, b, c, count, *others):
        pointers = [ctypes.c_void_p] * 3
        kind = ctypes.CFUNCTYPE(None, *pointers, ctypes.c_int64, *[ctypes.c_void_p] * len(others))
        kind(self.address)(a, b, c, count, *(other.ctypes.data for other in others))


compiled = cache(Compiled)


class Guarded:
    """Numbers between two pages that nobody may touch, at the very end or the very beginning.

    Args:
        lowest, highest: offsets of the outermost elements from the pointer.
    """

    def __init__(self, lowest, highest, dtype, at_end):
        size = (highest - lowest + 1) * dtype.itemsize
        pages = -(-size // PAGE)
        self.map = mmap.mmap(-1, (pages + 2) * PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        forbid(self.start, 0)
        forbid(self.start + (pages + 1) * PAGE, 0)
        self.pages = pages
        skipped = pages * PAGE - size if at_end else 0
        self.array = np.frombuffer(self.map, dtype, size // dtype.itemsize, PAGE + skipped)
        self.pointer = self.array.ctypes.data - lowest * dtype.itemsize
        self.lowest = lowest


def forbid(address, protection):
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), protection) == 0


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


def product_of(rows, inner, columns, dtype="float32", transposed=False):
    """An ordinary product of two matrices; `transposed`: a is stored (inner, rows)."""
    a_row, a_inner = (1, rows) if transposed else (inner, 1)
    return Contraction(
        np.dtype(dtype),
        (Dim(rows, a_row, 0, columns),),
        Dim(columns, 0, 1, 1),
        (Dim(inner, a_inner, columns, 0),),
    )


def check(contraction, level, rng, at_end=True):
    a, b, c = (operand(contraction, letter, rng, at_end) for letter in "abc")
    wanted, sizes = expected(contraction, a, b, c), expected(contraction, a, b, c, np.abs)
    Compiled(contraction, level)(a.pointer, b.pointer, c.pointer, contraction.rows[0].size)
    # Each of so many additions and products rounds by at most half a unit of a partial sum.
    roundings = 2 * prod(dim.size for dim in contraction.inner) + 1
    bounds = np.finfo(contraction.dtype).eps / 2 * roundings * sizes
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
@given(contraction=contractions(), at_end=st.booleans())
def test_any_loops_give_their_sums_and_touch_nothing_else(level, contraction, at_end):
    check(contraction, level, np.random.default_rng(0), at_end)


@every_level
@pytest.mark.parametrize(
    "size", [(1, 1, 1), (2, 3, 1), (3, 0, 5), (1, 700, 130), (37, 53, 29), (17, 1301, 33)], ids=str
)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_matrices(level, size, transposed, rng):
    check(product_of(*size, transposed=transposed), level, rng)


@every_level
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("length", [1, 7, 64, 300])
def test_few_columns_are_dot_products(level, columns, length, rng):
    rows = Dim(5, length, 0, columns), Dim(2, 5 * length, 0, 5 * columns)
    inner = Dim(3, 1, 2, 0), Dim(length, 1, 1, 0)
    dtype = np.dtype("float32")
    check(Contraction(dtype, rows, Dim(columns, 0, length, 1), inner), level, rng)


@every_level
def test_the_bits_do_not_depend_on_how_rows_are_divided(level, rng):
    rows, inner, columns = 31, 1100, 37
    function = Compiled(product_of(rows, inner, columns), level)
    a = rng.standard_normal((rows, inner)).astype(np.float32)
    b = rng.standard_normal((inner, columns)).astype(np.float32)
    whole, parts = np.empty((2, rows, columns), np.float32)
    function(a.ctypes.data, b.ctypes.data, whole.ctypes.data, rows)
    for first in (0, 1, 3, 8, 30):
        following = {0: 1, 1: 3, 3: 8, 8: 30, 30: 31}[first]
        function(a[first:].ctypes.data, b.ctypes.data, parts[first:].ctypes.data, following - first)
    np.testing.assert_array_equal(whole, parts)
