"""Apply what the compiler writes for one primitive to arrays."""

import ctypes
import functools
from collections.abc import Callable, Sequence

import numpy as np

from lunzi.compiler.builder import POINTER, TYPES, Function, Module, Value, index, vector
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.scalar import emit
from lunzi.compiler.target import host_at
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Spec, bool_

Write = Callable[[Function, list[Value]], Value]


@functools.cache
def compiled(op: Primitive, dtypes: tuple[np.dtype, ...], lanes: int, level: str) -> Library:
    """`apply(n, inputs..., output)` over n elements, a multiple of the lanes."""
    dtype = op.infer(*(Spec((1,), each) for each in dtypes)).dtype

    def write(f: Function, inputs: list[Value]) -> Value:
        return emit(f, op, inputs, dtypes, dtype)

    return elementwise(write, dtypes, dtype, lanes, level)


def elementwise(
    write: Write, dtypes: Sequence[np.dtype], dtype: np.dtype, lanes: int, level: str = ""
) -> Library:
    """A loop over arrays whose body is written by `write`."""
    target = host_at(level)
    module = Module(has_fma=target.has_fma)
    count = Value("i64", "%n")
    pointers = [Value(POINTER, f"%x{place}") for place in range(len(dtypes))]
    out = Value(POINTER, "%y")
    f = module.function("apply", [count, *pointers, out], internal=False)
    with f.loop(index(0), count, lanes) as loop:
        inputs = [
            read(f, pointer, loop.counter, dtype_, lanes)
            for pointer, dtype_ in zip(pointers, dtypes, strict=True)
        ]
        store(f, write(f, inputs), out, loop.counter, dtype)
    f.ret()
    return Library(object_code(str(module), target), ["apply"])


def read(f: Function, pointer: Value, place: Value, dtype: np.dtype, lanes: int) -> Value:
    element = "i8" if dtype == bool_ else TYPES[dtype.name]
    value = f.load(vector(element, lanes), f.place(pointer, place, element), dtype.itemsize)
    return f.convert("trunc", value, "i1") if dtype == bool_ else value


def store(f: Function, value: Value, pointer: Value, place: Value, dtype: np.dtype) -> None:
    value = f.convert("zext", value, "i8") if dtype == bool_ else value
    assert value.element == ("i8" if dtype == bool_ else TYPES[dtype.name])
    f.store(value, f.place(pointer, place, value.element), dtype.itemsize)


def run(library: Library, arrays: Sequence[np.ndarray], dtype: np.dtype, lanes: int) -> np.ndarray:
    """Call a loop that `elementwise` made on arrays of one length."""
    size = len(arrays[0])
    padded = [np.concatenate([x, np.repeat(x[-1:], -size % lanes)]) for x in arrays]
    y = np.empty(len(padded[0]), dtype)
    kinds = [ctypes.c_int64] + [ctypes.c_void_p] * (len(arrays) + 1)
    function = ctypes.CFUNCTYPE(None, *kinds)(library.address("apply"))
    function(len(y), *(x.ctypes.data for x in padded), y.ctypes.data)
    return y[:size]


def apply(op: Primitive, *arrays: np.ndarray, lanes: int = 16, level: str = "") -> np.ndarray:
    """The compiled primitive on arrays of one length."""
    dtypes = tuple(x.dtype for x in arrays)
    dtype = op.infer(*(Spec((1,), each) for each in dtypes)).dtype
    return run(compiled(op, dtypes, lanes, level), arrays, dtype, lanes)
