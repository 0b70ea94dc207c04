"""Call what the compiler writes on memory between pages that nobody may touch."""

import ctypes
import mmap
import os

import numpy as np
import pytest

from lunzi.compiler.builder import INDEX, POINTER, Module, Value
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host_at, host_levels

PAGE = mmap.PAGESIZE
KINDS = {POINTER: ctypes.c_void_p, INDEX: ctypes.c_int64}

every_level = pytest.mark.parametrize("level", host_levels())


def opened(module: Module, name: str) -> Module:
    """The module with `entry`, which calls an internal function from outside."""
    parameters = [
        Value(parameter.type, f"%p{i}")
        for i, parameter in enumerate(module.functions[name].parameters)
    ]
    entry = module.function("entry", parameters, internal=False)
    entry.run(name, *parameters)
    entry.ret()
    return module


class Native:
    """A function of a module, to be called with addresses and counts."""

    def __init__(self, module: Module, name: str, level: str) -> None:
        self.module = opened(module, name)
        self.library = Library(object_code(str(module), host_at(level)), ["entry"])
        kinds = [KINDS[parameter.type] for parameter in module.functions[name].parameters]
        self.call = ctypes.CFUNCTYPE(None, *kinds)(self.library.address("entry"))

    def __call__(self, *arguments: int | np.ndarray) -> None:
        self.call(*(x.ctypes.data if isinstance(x, np.ndarray) else x for x in arguments))


class Guarded:
    """Numbers at the very end or the very beginning of the memory between two such pages.

    Args:
        lowest, highest: offsets of the outermost numbers from the pointer.
    """

    def __init__(self, lowest: int, highest: int, dtype: np.dtype, at_end: bool = True) -> None:
        size = (highest - lowest + 1) * dtype.itemsize
        pages = -(-size // PAGE)
        self.map = mmap.mmap(-1, (pages + 2) * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        forbid(start)
        forbid(start + (pages + 1) * PAGE)
        skipped = pages * PAGE - size if at_end else 0
        self.array = np.frombuffer(self.map, dtype, size // dtype.itemsize, PAGE + skipped)
        self.pointer = self.array.ctypes.data - lowest * dtype.itemsize
        self.lowest = lowest


def forbid(address: int) -> None:
    if os.name == "posix":
        protect = ctypes.CDLL(None).mprotect
        assert protect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE), 0) == 0
