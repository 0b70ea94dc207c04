"""Many numbers divided by one, in native code: bit for bit what a division gives."""

import numpy as np
import pytest
from native_programs import Program

from lunzi.compiler.target import host

# 0 / 0, overflow and the like are what is tested: NumPy's warnings of them say nothing.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 3.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-38, 1.2e-38, 3.4e38,
    -3.4e38, 2.0**-96, np.nextafter(np.float32(2.0**-96), 0), 2.0**96, 2.0**97, 2.0**-24, 2.0**24,
]  # fmt: skip
# Mantissas of all ones and their neighbours are the hardest to round.
HARD = np.array([0x3F7FFFFF, 0x3FFFFFFF, 0x3FFFFFFE, 0x3F800001, 0x3FC00001], np.uint32)


def dividends(rng):
    wide = rng.integers(0, 2**32, 4096, np.uint32).view(np.float32)
    near = rng.uniform(1, 2, 4096).astype(np.float32)
    mantissas = (HARD[:, None] + np.arange(-8, 8, dtype=np.int32)).astype(np.uint32)
    return np.concatenate([np.float32(SPECIAL), wide, near, mantissas.view(np.float32).ravel()])


def same_bits(a, b):
    is_nan = np.isnan(b)
    np.testing.assert_array_equal(np.isnan(a), is_nan)
    np.testing.assert_array_equal(a[~is_nan].view(np.uint32), b[~is_nan].view(np.uint32))


def divisors(rng):
    mantissas = rng.uniform(1, 2, 40).astype(np.float32)
    return [*np.float32(SPECIAL), *HARD.view(np.float32), *mantissas, np.float32(0.1) * 1e-6]


def test_quotients_by_a_number_of_one_element_are_rounded_once(rng):
    a = dividends(rng)
    program = Program(lambda a, b: a / b, a, np.float32(1))
    for b in divisors(rng):
        same_bits(program(a, b)[0], a / b)


def test_each_row_has_a_divisor_of_its_own(rng):
    a = np.tile(dividends(rng)[:200], (40, 1))
    b = rng.uniform(-2, 2, (40, 1)).astype(np.float32)
    same_bits(Program(lambda a, b: a / b, a, b)(a, b)[0], a / b)


@pytest.mark.skipif(not host().has_fma, reason="without fused multiplications all is divided")
def test_lanes_are_multiplied_by_one_reciprocal(rng):
    a = rng.normal(size=1000).astype(np.float32)
    assert "llvm.fma" in text_of(lambda a, b: a / b, a, np.float32(3))


def test_numbers_of_float64_are_divided_as_they_stand():
    a = np.arange(1.0, 1001.0)
    assert "llvm.fma" not in text_of(lambda a, b: a / b, a, np.float64(3))


def test_a_divisor_for_each_number_is_no_reason_for_reciprocals(rng):
    a = rng.normal(size=1000).astype(np.float32)
    assert "llvm.fma" not in text_of(lambda a, b: a / b, a, a)


def text_of(function, *arguments):
    _, emitted = Program(function, *arguments).native.emitted(host())
    return str(emitted.module)
