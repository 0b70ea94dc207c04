"""Entry: how Python hands arrays to native code at little cost.

A program reads the addresses of its arrays from a table. An entry is a function of arrays: it
checks that each is what the program was compiled for, writes their addresses into the table,
and may call the program at once. It answers True, or False when an array is anything else; then
the program was not called, and the caller has to make the array fit or to explain what is wrong.

There are two kinds, with the same answers: one in Python, which takes a microsecond for each
array, and one in native code, made into a function of CPython, which takes some nanoseconds. It
reads the fields of NumPy's arrays where they stand in memory. NumPy promises those places to
compiled extensions; that they hold is checked once, and where they do not, Python's serves.

The native code is the same for all programs. What differs stands in words of memory:

    count ndarray True False incref program table, then for each array
        dtype flags ndim slot, then for each axis
            length stride mask          the stride matters where the mask is -1
"""

from __future__ import annotations

import ctypes
import functools
import struct
import sys
import sysconfig
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lunzi.compiler import cache
from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
from lunzi.core.spec import Array, Spec, float32

Entry = Callable[..., bool]
Program = Callable[[int, int, int, int], None]

# void program(ptr table, ptr team, i64 thread, i64 threads)
SIGNATURE = (None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)

# Where fields stand in objects, in bytes. CPython: PyObject of Include/object.h; NumPy:
# PyArrayObject_fields of numpy/ndarraytypes.h, the same in NumPy 1 and 2.
TYPE = 8
DATA, NDIM, SHAPE, STRIDES, DTYPE, FLAGS = 16, 24, 32, 40, 56, 64
ARRAY_BYTES = 72  # of the fields that are read

# NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE
CONTIGUOUS, ALIGNED, WRITEABLE = 0x0001, 0x0100, 0x0400

FASTCALL = 0x0080  # METH_FASTCALL: object f(object self, object *arguments, ssize_t count)

# Places of the words, as the module's description names them.
COUNT, NDARRAY, TRUE, FALSE, INCREF, PROGRAM, TABLE, HEADER = range(8)
ITS_DTYPE, ITS_FLAGS, ITS_NDIM, ITS_SLOT, RECORD = range(5)
LENGTH, STRIDE, MASK, AXIS = range(4)
WORD = 8


class Place(NamedTuple):
    """An array that an entry takes.

    Args:
        slot: which word of the table gets its address.
        strides: in elements, of an array that need not be in C order; along axes of length 0
            and 1 they do not matter.
        is_written: the program writes it.
    """

    spec: Spec
    slot: int
    strides: tuple[int, ...] | None = None
    is_written: bool = False

    @property
    def flags(self) -> int:
        """What NumPy's flags must have."""
        order = CONTIGUOUS if self.strides is None else 0
        return order | ALIGNED | (WRITEABLE if self.is_written else 0)

    @property
    def axes(self) -> list[tuple[int, int, int]]:
        """Of each axis: the length, the stride in bytes, and -1 where the stride matters, or 0."""
        if self.strides is None:
            return [(length, 0, 0) for length in self.spec.shape]
        return [
            (length, stride * self.spec.dtype.itemsize, -1 if length > 1 else 0)
            for length, stride in zip(self.spec.shape, self.strides, strict=True)
        ]


class MethodDefinition(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def program_at(address: int, holds_lock: bool = False) -> Program:
    """A compiled program as a function of Python.

    Args:
        address: of `void program(ptr table, ptr team, i64 thread, i64 threads)`.
        holds_lock: keep Python's lock meanwhile, which is faster for programs of microseconds;
            otherwise other threads go on.
    """
    kind = ctypes.PYFUNCTYPE if holds_lock else ctypes.CFUNCTYPE
    return kind(*SIGNATURE)(address)


def make_entry(
    places: Sequence[Place], table: Array, program: int = 0, code: object = None
) -> Entry:
    """A function that takes arrays and writes their addresses into a table.

    It keeps Python's lock. Who lets a program run without the lock must keep others from the
    table meanwhile.

    Args:
        places: what is expected, argument by argument.
        table: int64, where the addresses are written.
        program: address of the program that is called when all fit, alone, with the table; the
            table is only filled if it is 0.
        code: what the program stands in; it lives as long as the entry.
    """
    assert table.dtype == np.int64
    assert table.flags.c_contiguous
    assert all(0 <= place.slot < table.size for place in places)
    kind = native_entry if has_native_entry() else PythonEntry
    return kind(places, table, program, code)


class PythonEntry:
    """An entry in Python; see `make_entry`."""

    def __init__(self, places: Sequence[Place], table: Array, program: int, code: object) -> None:
        self.places = places
        self.table = table
        self.program = program_at(program, holds_lock=True) if program else None
        self.code = code
        self.lock = threading.Lock()

    def __call__(self, *arrays: object) -> bool:
        if len(arrays) != len(self.places):
            return False
        with self.lock:  # or another thread could come between the table and the program
            for array, place in zip(arrays, self.places, strict=True):
                if type(array) is not np.ndarray or not fits(array, place):
                    return False
                self.table[place.slot] = array.ctypes.data
            if self.program is not None:
                self.program(self.table.ctypes.data, 0, 0, 1)
        return True


def fits(array: Array, place: Place) -> bool:
    """Whether a program that was compiled for a place can use the array where it stands."""
    return (
        array.dtype is np.dtype(place.spec.dtype.name)  # one object for each plain dtype
        and array.shape == place.spec.shape
        and array.flags.num & place.flags == place.flags
        and all(
            (found ^ stride) & mask == 0
            for found, (_, stride, mask) in zip(array.strides, place.axes, strict=True)
        )
    )


def native_entry(places: Sequence[Place], table: Array, program: int, code: object) -> Entry:
    """An entry of native code; see `make_entry`."""
    definition = MethodDefinition(b"enter", entry_code().address("enter"), FASTCALL, None)
    words = np.array(words_of(places, table, program), np.int64)
    # The function holds the words as its first argument and, in the place where others have
    # the name of their module, all else that must not go before it.
    enter: Entry = new_function()(definition, words, (definition, table, code))
    return enter


def words_of(places: Sequence[Place], table: Array, program: int) -> list[int]:
    """What the native code reads; an object of CPython stands where its id says."""
    incref = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value or 0
    words = [len(places), id(np.ndarray), id(True), id(False), incref, program, table.ctypes.data]
    for place in places:
        dtype = np.dtype(place.spec.dtype.name)
        words += [id(dtype), place.flags, place.spec.ndim, place.slot]
        words += [word for axis in place.axes for word in axis]
    return words


@functools.cache
def entry_code() -> Library:
    text = entry_text()
    return Library(cache.load(text, host(), lambda: object_code(text, host())), ["enter"])


def entry_text() -> str:
    """The native code of all entries: object enter(object words, object *arrays, ssize_t n)."""
    module = Module()
    words, arrays, count = Value(POINTER, "%words"), Value(POINTER, "%arrays"), Value(INDEX, "%n")
    f = module.function("enter", [words, arrays, count], POINTER, internal=False)
    words = field(f, words, DATA)
    require(f, f.compare("icmp eq", count, word(f, words, COUNT, INDEX)))
    table = word(f, words, TABLE)
    with f.loop(index(0), count, carried=[at(f, words, HEADER * WORD)]) as loop:
        array = f.load(POINTER, f.place(arrays, loop.counter, POINTER), WORD)
        require(f, f.compare("icmp eq", field(f, array, TYPE), word(f, words, NDARRAY)))
        loop.next = [emit_checks(f, array, loop.carried[0])]
        slot = word(f, loop.carried[0], ITS_SLOT, INDEX)
        f.store(field(f, array, DATA), f.place(table, slot, POINTER), WORD)
    program = word(f, words, PROGRAM)
    with f.when(f.compare("icmp ne", program, Value(POINTER, "null"))):
        f.do(f"call void {program.name}({table}, ptr null, i64 0, i64 1)")
    answer(f, words, TRUE)
    f.begin("refused")
    answer(f, words, FALSE)
    return str(module)


def emit_checks(f: Function, array: Value, record: Value) -> Value:
    """Go on where the array is as its record says; the value is where the next record begins."""
    require(f, f.compare("icmp eq", field(f, array, DTYPE), word(f, record, ITS_DTYPE)))
    ndim = word(f, record, ITS_NDIM, INDEX)
    found = f.convert("sext", field(f, array, NDIM, "i32"), INDEX)
    require(f, f.compare("icmp eq", found, ndim))
    flags = word(f, record, ITS_FLAGS, INDEX)
    found = f.convert("zext", field(f, array, FLAGS, "i32"), INDEX)
    require(f, f.compare("icmp eq", f.op("and", found, flags), flags))
    shape, strides = field(f, array, SHAPE), field(f, array, STRIDES)
    with f.loop(index(0), ndim, carried=[at(f, record, RECORD * WORD)]) as loop:
        axis = loop.carried[0]
        length = f.load(INDEX, f.place(shape, loop.counter, INDEX), WORD)
        require(f, f.compare("icmp eq", length, word(f, axis, LENGTH, INDEX)))
        stride = f.load(INDEX, f.place(strides, loop.counter, INDEX), WORD)
        differing = f.op("xor", stride, word(f, axis, STRIDE, INDEX))
        differing = f.op("and", differing, word(f, axis, MASK, INDEX))
        require(f, f.compare("icmp eq", differing, index(0)))
        loop.next = [at(f, axis, AXIS * WORD)]
    return loop.carried[0]


def require(f: Function, truth: Value) -> None:
    """Go on where it holds, else to the block `refused`."""
    following = f.new_label("fits")
    f.branch(truth, following, "refused")
    f.begin(following)


def answer(f: Function, words: Value, which: int) -> None:
    """Return an object of Python, counted."""
    result, incref = word(f, words, which), word(f, words, INCREF)
    f.do(f"call void {incref.name}({result})")
    f.ret(result)


def at(f: Function, pointer: Value, offset: int) -> Value:
    return f.place(pointer, index(offset), "i8")


def field(f: Function, thing: Value, offset: int, type_: str = POINTER) -> Value:
    return f.load(type_, at(f, thing, offset), 4 if type_ == "i32" else 8)


def word(f: Function, start: Value, place: int, type_: str = POINTER) -> Value:
    return field(f, start, place * WORD, type_)


@functools.cache
def new_function() -> Callable[..., Entry]:
    """CPython's PyCFunction_NewEx."""
    kind = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.POINTER(MethodDefinition), ctypes.py_object, ctypes.py_object
    )
    return kind(("PyCFunction_NewEx", ctypes.pythonapi))


@functools.cache
def has_native_entry() -> bool:
    """Whether entries of native code work here: CPython with its lock, arrays as expected."""
    return (
        sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and ctypes.sizeof(ctypes.c_void_p) == 8
        and np.ndarray.__basicsize__ >= ARRAY_BYTES
        and all(fields_stand(array) for array in known_arrays())
    )


def known_arrays() -> list[Array]:
    """Arrays that differ in each field."""
    whole = np.zeros((2, 3, 5), float32)
    return [whole, whole[:, 1:], np.zeros((), np.int64), np.frombuffer(bytes(9), np.uint8)]


def fields_stand(array: Array) -> bool:
    """Whether what memory holds at the places of an array's fields is what NumPy says."""
    content = ctypes.string_at(id(array), ARRAY_BYTES)

    def read(kind: str, offset: int) -> int:
        return int(struct.unpack_from(kind, content, offset)[0])

    def numbers(offset: int) -> tuple[int, ...]:
        if not array.ndim:
            return ()  # there may be nothing where it points
        return struct.unpack(f"{array.ndim}q", ctypes.string_at(read("P", offset), 8 * array.ndim))

    return (
        read("P", TYPE) == id(np.ndarray)
        and read("P", DATA) == array.ctypes.data
        and read("i", NDIM) == array.ndim
        and read("P", DTYPE) == id(array.dtype)
        and read("i", FLAGS) == array.flags.num
        and numbers(SHAPE) == array.shape
        and numbers(STRIDES) == array.strides
    )
