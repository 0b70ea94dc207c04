"""Entries: what they take, refuse and keep alive; the same in Python and in native code."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

from lunzi.compiler import entry
from lunzi.compiler.builder import INDEX, POINTER, Module, Value, index
from lunzi.compiler.entry import (
    Entry,
    Place,
    PythonEntry,
    has_native_entry,
    make_entry,
    native_entry,
    program_at,
)
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
from lunzi.core.spec import DTYPES, Spec, float32, int64
from lunzi.core.tensor import Tensor

# x and y in the first words of the table, the result in the fourth
PLACES = (Place(Spec((2, 3)), 0), Place(Spec((), int64), 1), Place(Spec((1,)), 3))
X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = np.array(5)


def written() -> Module:
    """result[0] = x[0, 1] + y"""
    module = Module()
    names = [(POINTER, "%table"), (POINTER, "%team"), (INDEX, "%thread"), (INDEX, "%threads")]
    f = module.function("program", [Value(*name) for name in names], internal=False)
    table = f.parameters[0]
    x, y, result = (f.load(POINTER, f.place(table, index(slot), POINTER), 8) for slot in (0, 1, 3))
    number = f.convert("sitofp", f.load("i64", y, 8), "float")
    total = f.op("fadd", f.load("float", f.place(x, index(1), "float"), 4), number)
    f.store(total, result, 4)
    f.ret()
    return module


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(object_code(str(written()), host()), ["program"])


@pytest.fixture
def table() -> np.ndarray:
    return np.full(5, -1, np.int64)


@pytest.fixture(params=[native_entry, PythonEntry], ids=["native", "python"])
def make(request):
    """How an entry is made, of one kind and the other."""
    return request.param


@pytest.fixture
def enter(make, library, table) -> Entry:
    """An entry that calls the program."""
    return make(PLACES, table, library.address("program"), library)


@pytest.fixture
def filler(make, table):
    """Make an entry that fills the table, from its places."""
    return lambda *places: make(places, table, 0, None)


def result() -> np.ndarray:
    return np.zeros(1, np.float32)


def test_native_entries_work_here():
    assert has_native_entry()


@pytest.mark.parametrize("field", ["TYPE", "DATA", "NDIM", "DTYPE", "FLAGS"])
def test_a_field_that_is_elsewhere_is_noticed(field, monkeypatch):
    monkeypatch.setattr(entry, field, getattr(entry, field) - 4)
    assert not all(entry.fields_stand(array) for array in entry.known_arrays())


def test_lengths_and_strides_that_are_elsewhere_are_noticed(monkeypatch):
    shape, strides = entry.SHAPE, entry.STRIDES
    monkeypatch.setattr(entry, "SHAPE", strides)
    assert not all(entry.fields_stand(array) for array in entry.known_arrays())
    monkeypatch.setattr(entry, "SHAPE", shape)
    monkeypatch.setattr(entry, "STRIDES", shape)
    assert not all(entry.fields_stand(array) for array in entry.known_arrays())


def test_arrays_that_fit_reach_the_program(enter, table):
    z = result()
    assert enter(X, Y, z) is True
    assert z[0] == 6
    assert list(table) == [X.ctypes.data, Y.ctypes.data, -1, z.ctypes.data, -1]


def test_a_table_can_be_filled_without_a_call(filler, table):
    z = result()
    assert filler(*PLACES)(X, Y, z) is True
    assert list(table) == [X.ctypes.data, Y.ctypes.data, -1, z.ctypes.data, -1]
    assert z[0] == 0


def test_arrays_that_are_only_read_may_be_read_only(enter):
    x = X.copy()
    x.flags.writeable = False
    assert enter(x, Y, result()) is True


class Subclass(np.ndarray):
    """An array that may mean something else."""


def unaligned() -> np.ndarray:
    return np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3)


WRONG = {
    "a list": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
    "none": None,
    "a number": 3.0,
    "a scalar of NumPy": np.float32(3),
    "a tensor": Tensor(X),
    "a class": np.ndarray,
    "a subclass": X.view(Subclass),
    "another dtype": X.astype(np.float64),
    "a dtype of the same size": X.view(np.int32),
    "the other order of bytes": X.astype(X.dtype.newbyteorder()),
    "fewer axes": X.ravel(),
    "more axes": X[None],
    "no axes": np.float32(1) + np.zeros((), np.float32),
    "another shape": X.reshape(3, 2),
    "one row more": np.zeros((3, 3), np.float32),
    "another order in memory": np.asfortranarray(X),
    "gaps": np.zeros((2, 6), np.float32)[:, ::2],
    "not aligned": unaligned(),
    "objects": X.astype(object),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused_and_the_program_is_not_called(what, enter):
    z = result()
    assert enter(WRONG[what], Y, z) is False
    assert z[0] == 0


def test_a_wrong_array_behind_right_ones_is_refused(enter):
    z = np.zeros(2, np.float32)
    assert enter(X, Y, z) is False
    assert list(z) == [0, 0]


@pytest.mark.parametrize("arrays", [(), (X,), (X, Y), (X, Y, result(), X)])
def test_too_few_and_too_many_are_refused(arrays, enter, table):
    assert enter(*arrays) is False
    assert list(table) == [-1] * 5


def test_names_are_refused_in_the_way_of_python(enter):
    with pytest.raises(TypeError, match="keyword argument"):
        enter(X, Y, result=result())


def test_an_array_with_strides_of_its_own(filler, table):
    fill = filler(Place(Spec((3, 2)), 2, strides=(1, 3)))
    transposed = X.T
    assert fill(transposed) is True
    assert table[2] == X.ctypes.data
    in_c_order, with_gaps = np.zeros((3, 2), np.float32), np.zeros((4, 6), np.float32)[::2, ::2].T
    assert [fill(array) for array in (in_c_order, with_gaps, X)] == [False] * 3


def test_strides_of_short_axes_do_not_matter(filler):
    fill = filler(Place(Spec((1, 3)), 0, strides=(0, 1)))
    assert fill(np.zeros((5, 3), np.float32)[2:3]) is True
    assert fill(np.zeros((5, 6), np.float32)[2:3, ::2]) is False


def test_strides_may_run_backwards(filler):
    fill = filler(Place(Spec((3,)), 0, strides=(-1,)))
    x = np.zeros(3, np.float32)
    assert [fill(x[::-1]), fill(x)] == [True, False]


def test_what_is_written_must_not_be_read_only(filler):
    fill = filler(Place(Spec((2, 3)), 0, is_written=True))
    x = X.copy()
    assert fill(x) is True
    x.flags.writeable = False
    assert fill(x) is False


@pytest.mark.parametrize("strides", [None, (1,)])
def test_what_is_not_aligned_is_refused_whatever_its_strides(strides, filler):
    assert filler(Place(Spec((6,)), 0, strides))(unaligned().reshape(6)) is False


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (1, 2, 3, 4)])
def test_each_dtype_and_shape_that_tensors_have(dtype, shape, filler, table):
    fill = filler(Place(Spec(shape, dtype), 0))
    array = np.ones(shape, dtype)
    assert fill(array) is True
    assert table[0] == array.ctypes.data
    others = [other for other in DTYPES if other != dtype]
    assert [fill(np.ones(shape, other)) for other in others] == [False] * len(others)


def test_an_entry_of_no_arrays(filler):
    fill = filler()
    assert fill() is True
    assert fill(X) is False


def test_references_are_counted_right(enter):
    z = result()
    before = [sys.getrefcount(thing) for thing in (X, Y, z, True, False, float32)]
    for _ in range(1000):
        enter(X, Y, z)
        enter(X, Y)
    after = [sys.getrefcount(thing) for thing in (X, Y, z, True, False, float32)]
    assert after == pytest.approx(before, abs=20)  # other threads hold some for a moment


def test_an_entry_keeps_its_table_and_its_code(make):
    library = Library(object_code(str(written()), host()), ["program"])
    alive = weakref.ref(library)
    enter = make(PLACES, np.zeros(5, np.int64), library.address("program"), library)
    del library
    gc.collect()
    z = result()
    assert enter(X, Y, z) is True
    assert z[0] == 6
    del enter
    gc.collect()
    assert alive() is None


def test_several_threads_enter_at_once(enter):
    wrong: list[float] = []

    def work(number: int) -> None:
        y, z = np.array(number), result()
        for _ in range(500):
            enter(X, y, z)
            if z[0] != number + 1:
                wrong.append(z[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_native_kind_is_made_where_it_works(monkeypatch, table):
    assert type(make_entry(PLACES, table)) is type(len)
    monkeypatch.setattr(entry, "has_native_entry", lambda: False)
    assert type(make_entry(PLACES, table)) is PythonEntry


def test_a_table_that_is_too_short_is_a_mistake_of_ours():
    with pytest.raises(AssertionError):
        make_entry(PLACES, np.zeros(3, np.int64))


@pytest.mark.parametrize("holds_lock", [False, True])
def test_a_program_is_called_with_or_without_the_lock(library, holds_lock):
    z = result()
    table = np.array([X.ctypes.data, Y.ctypes.data, 0, z.ctypes.data])
    program_at(library.address("program"), holds_lock)(table.ctypes.data, 0, 0, 1)
    assert z[0] == 6
