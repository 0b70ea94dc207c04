"""Conversions of float16 by hand, against NumPy's, on processors that lack them."""

import ctypes

import numpy as np
import pytest

from lunzi.compiler.builder import INDEX, POINTER, Module, Value, index
from lunzi.compiler.half import with_conversions
from lunzi.compiler.native import Library, assembly, object_code
from lunzi.compiler.target import Target, cross, host, host_at

HALVES = np.arange(65536, dtype=np.uint16).view(np.float16)
FINITE = HALVES[np.isfinite(HALVES)]
TYPES = {np.float16: "half", np.float32: "float", np.float64: "double"}


def converted(array: np.ndarray, dtype: type, function: str = "") -> np.ndarray:
    """The numbers in another dtype, as code of the lowest level converts them."""
    module = Module()
    x, y, n = (Value(POINTER, "%x"), Value(POINTER, "%y"), Value(INDEX, "%n"))
    f = module.function("convert", [x, y, n], internal=False)
    before, after = TYPES[array.dtype.type], TYPES[dtype]
    with f.loop(index(0), n) as loop:
        read = f.load(before, f.place(x, loop.counter, before), 2)
        name = "fpext" if array.dtype.itemsize < np.dtype(dtype).itemsize else "fptrunc"
        f.store(f.convert(name, read, after), f.place(y, loop.counter, after), 2)
    f.ret()
    library = Library(object_code(str(module), host_at("generic")), ["convert"])
    result = np.zeros(array.shape, dtype)
    kinds = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    call = ctypes.CFUNCTYPE(None, *kinds)(library.address("convert"))
    call(array.ctypes.data, result.ctypes.data, array.size)
    return result


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal to the last bit; NaN of any payload are alike, for NumPy's keep it in their way."""
    bits = f"u{a.dtype.itemsize}"
    equal = (a.view(bits) == b.view(bits)) | (np.isnan(a) & np.isnan(b))
    return bool(np.all(equal & (np.signbit(a) == np.signbit(b))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_float16_becomes_wider(dtype):
    assert same(converted(HALVES, dtype), HALVES.astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_float16_comes_back(dtype):
    assert same(converted(HALVES.astype(dtype), np.float16), HALVES)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_go_to_even_and_their_neighbours_to_the_nearer_side(dtype):
    with np.errstate(over="ignore"):
        upwards = np.nextafter(FINITE, np.float16(np.inf)).astype(dtype)
    upwards[np.isinf(upwards)] = 65536  # what would come after the largest
    middle = (FINITE.astype(dtype) + upwards) / 2
    for numbers in (middle, np.nextafter(middle, dtype(1e9)), np.nextafter(middle, dtype(-1e9))):
        with np.errstate(over="ignore"):
            assert same(converted(numbers, np.float16), numbers.astype(np.float16))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_of_all_sizes_become_float16(dtype, rng):
    bits = rng.integers(0, 2**63, 100_000, dtype=np.uint64)
    wide = bits.view(dtype)
    near = (rng.standard_normal(100_000) * 2.0 ** rng.integers(-30, 18, 100_000)).astype(dtype)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 65519.99, 65520, 1e30], dtype)
    for numbers in (wide, -wide, near, special):
        with np.errstate(over="ignore", invalid="ignore"):
            assert same(converted(numbers, np.float16), numbers.astype(np.float16))


def test_nan_stays_nan_when_its_payload_is_lost():
    signalling = np.array([0x7F800001, 0xFF800001], np.uint32).view(np.float32)
    assert np.isnan(converted(signalling, np.float16)).all()


def test_only_processors_that_lack_them_get_them():
    text = "define half @f(half %x) {\n  ret half %x\n}"
    whole = Target(host().triple, "avx512", "+avx512fp16")
    for target in (whole, cross("aarch64-linux-gnu")):
        assert with_conversions(text, target) == text
    assert with_conversions("define void @f() {\n  ret void\n}", host_at("generic")).count("@") == 1
    assert "__truncdfhf2" in with_conversions(text, host_at("generic"))


def test_they_call_nothing():
    module = "define half @f(half %x) {\n  ret half %x\n}"
    assert "call" not in assembly(module, host_at("generic"))
