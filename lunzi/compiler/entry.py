"""Entry: how Python hands arrays to native code at little cost.

A program reads the addresses of its arrays from a table. An entry is a function of arrays: it
checks that each is what the program was compiled for, writes their addresses into the table,
and may call the program at once. It answers True, or False when an array is anything else; then
nothing was written, and the caller has to make it fit or to explain what is wrong.

There are two, with the same answers: one in Python, which takes a microsecond for each array,
and one in native code, made into a function of CPython, which takes some nanoseconds. It reads
the fields of NumPy's arrays where they stand in memory. NumPy promises those places to compiled
extensions; that they hold is checked once, and where they do not, Python's entry serves.
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

from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index
from lunzi.core.spec import DTYPES, Array, Spec, float32

Entry = Callable[..., bool]
Program = Callable[[int, int, int, int], None]

# void program(ptr table, ptr team, i64 thread, i64 threads)
PROGRAM = (None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)

# Where fields stand in objects, in bytes. CPython: PyObject of Include/object.h; NumPy:
# PyArrayObject_fields of numpy/ndarraytypes.h, the same in NumPy 1 and 2.
TYPE = 8
DATA, NDIM, SHAPE, STRIDES, DTYPE, FLAGS = 16, 24, 32, 40, 56, 64
ARRAY_BYTES = 72  # of the fields that are read

# NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_ALIGNED, NPY_ARRAY_WRITEABLE
CONTIGUOUS, ALIGNED, WRITEABLE = 0x0001, 0x0100, 0x0400

FASTCALL = 0x0080  # METH_FASTCALL: object f(object self, object *arguments, ssize_t count)


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
    def steps(self) -> list[tuple[int, int]]:
        """The axes whose strides matter, and what those must be, in bytes."""
        pairs = zip(self.spec.shape, self.strides or (), strict=self.strides is not None)
        itemsize = self.spec.dtype.itemsize
        return [(axis, step * itemsize) for axis, (n, step) in enumerate(pairs) if n > 1]


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
    return kind(*PROGRAM)(address)


def python_entry(places: Sequence[Place], table: Array, run: Program | None = None) -> Entry:
    """An entry in Python.

    Args:
        places: what is expected, argument by argument.
        table: int64, where the addresses are written.
        run: the program that is called when all fit, alone, with the table.
    """
    start, lock = table.ctypes.data, threading.Lock()

    def enter(*arrays: object) -> bool:
        if len(arrays) != len(places):
            return False
        addresses = []
        for array, place in zip(arrays, places, strict=True):
            if type(array) is not np.ndarray or not fits(array, place):
                return False
            addresses.append((place.slot, array.ctypes.data))
        with lock:  # or another thread could come between the table and the program
            for slot, address in addresses:
                table[slot] = address
            if run is not None:
                run(start, 0, 0, 1)
        return True

    return enter


def fits(array: Array, place: Place) -> bool:
    """Whether a program that was compiled for a place can use the array where it stands."""
    return (
        array.dtype is np.dtype(place.spec.dtype.name)  # one object for each plain dtype
        and array.shape == place.spec.shape
        and array.flags.num & place.flags == place.flags
        and all(array.strides[axis] == step for axis, step in place.steps)
    )


def emit_entry(module: Module, name: str, places: Sequence[Place], program: str = "") -> None:
    """Write an entry of native code into a module; see `native_entry`.

    Args:
        name: of the function.
        places: what is expected, argument by argument.
        program: the function of the module that is called when all fit; none if empty.
    """
    table, arrays, count = Value(POINTER, "%self"), Value(POINTER, "%arrays"), Value(INDEX, "%n")
    f = module.function(name, [table, arrays, count], POINTER, internal=False)
    require(f, [f.compare("icmp eq", count, index(len(places)))])
    given = [f.load(POINTER, at(f, arrays, 8 * i), 8) for i in range(len(places))]
    ndarray = outside(module, "numpy.ndarray")
    require(f, [f.compare("icmp eq", field(f, array, TYPE), ndarray) for array in given])
    pairs = list(zip(given, places, strict=True))
    require(f, [truth for array, place in pairs for truth in kind_truths(f, array, place)])
    require(f, [truth for array, place in pairs for truth in shape_truths(f, array, place)])
    words = field(f, table, DATA)
    for array, place in pairs:
        f.store(field(f, array, DATA), at(f, words, 8 * place.slot), 8)
    if program:
        f.run(program, words, Value(POINTER, "null"), index(0), index(1))
    answer(f, "python.True")
    f.begin("refused")
    answer(f, "python.False")


def kind_truths(f: Function, array: Value, place: Place) -> list[Value]:
    """Whether dtype, number of axes and flags are as expected."""
    dtype = outside(f.module, f"numpy.{place.spec.dtype.name}")
    ndim, wanted = Value("i32", str(place.spec.ndim)), Value("i32", str(place.flags))
    return [
        f.compare("icmp eq", field(f, array, DTYPE), dtype),
        f.compare("icmp eq", field(f, array, NDIM, "i32"), ndim),
        f.compare("icmp eq", f.op("and", field(f, array, FLAGS, "i32"), wanted), wanted),
    ]


def shape_truths(f: Function, array: Value, place: Place) -> list[Value]:
    """Whether each axis has its length and stride; there must be as many axes."""
    lengths = list(enumerate(place.spec.shape))
    return [
        f.compare("icmp eq", field(f, numbers, 8 * axis, INDEX), index(expected))
        for numbers, pairs in (
            (field(f, array, SHAPE), lengths),
            (field(f, array, STRIDES), place.steps),
        )
        for axis, expected in pairs
    ]


def require(f: Function, truths: Sequence[Value]) -> None:
    """Go on where all of these hold, else to the block `refused`."""
    if not truths:
        return
    every = functools.reduce(lambda a, b: f.op("and", a, b), truths)
    following = f.new_label("fits")
    f.branch(every, following, "refused")
    f.begin(following)


def answer(f: Function, name: str) -> None:
    """Return an object of Python."""
    result = outside(f.module, name)
    f.run("Py_IncRef", result)
    f.ret(result)


def at(f: Function, pointer: Value, offset: int) -> Value:
    return f.place(pointer, index(offset), "i8")


def field(f: Function, thing: Value, offset: int, type_: str = POINTER) -> Value:
    return f.load(type_, at(f, thing, offset), 4 if type_ == "i32" else 8)


def outside(module: Module, name: str) -> Value:
    """The address of an object of this process; the code on disk holds its name."""
    module.globals[name] = f"@{name} = external global i8"
    return Value(POINTER, f"@{name}")


@functools.cache
def entry_symbols() -> dict[str, int]:
    """The addresses that entries of native code need, for `Library`."""
    objects = {"python.True": True, "python.False": False, "numpy.ndarray": np.ndarray}
    objects |= {f"numpy.{dtype.name}": dtype for dtype in DTYPES}
    # An object stands where its id says; `has_native_entry` has seen that this is CPython.
    addresses = {name: id(thing) for name, thing in objects.items()}
    incref = ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value
    return {**addresses, "Py_IncRef": incref or 0}


def native_entry(address: int, table: Array, code: object) -> Entry:
    """An entry of native code as a function of Python. It keeps Python's lock.

    Args:
        address: of a function that `emit_entry` has written.
        table: int64, where the addresses are written.
        code: the library that the function stands in, which lives as long as the result.
    """
    assert table.dtype == np.int64
    assert table.flags.c_contiguous
    definition = MethodDefinition(b"enter", address, FASTCALL, None)
    # The function holds its first argument and, in the place where others have the name of
    # their module, all else that must not go before it.
    enter: Entry = new_function()(definition, table, (definition, code))
    return enter


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
