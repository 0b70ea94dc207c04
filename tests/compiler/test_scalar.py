"""Elementwise primitives in native code, bit for bit as eager has them."""

import math

import numpy as np
import pytest
from native_loops import apply, elementwise, run

from lunzi.compiler.access import is_outside
from lunzi.compiler.builder import TYPES, Function, Module, Value, splat_number, vector
from lunzi.compiler.mathematics import BOUNDS
from lunzi.compiler.scalar import RULES, emit
from lunzi.compiler.target import host_levels
from lunzi.core.checked import Bounds, Checked
from lunzi.core.elementwise import (
    Add,
    Cast,
    FloorDivide,
    Maximum,
    Minimum,
    Multiply,
    Power,
    Remainder,
)
from lunzi.core.errors import KindError
from lunzi.core.indexing import FromStart
from lunzi.core.logic import Where
from lunzi.core.primitive import PRIMITIVES, Elementwise
from lunzi.core.reduction import Sum
from lunzi.core.spec import (
    DTYPES,
    bool_,
    float16,
    float32,
    float64,
    is_floating,
    uint32,
)  # fmt: skip

# Out of range, 0 / 0 and the like are what is tested: NumPy's warnings of them say nothing.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

LANES = (1, 4, 16)
EXACT = [op for op in RULES if op not in BOUNDS]
FLOATS = [
    0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 0.1, 7.0, -7.0, 3.0, -3.0, 1e-3, 65504.0,
    65519.0, 65520.0, 1e5, -1e5, 2.0**24 + 1, 2.0**31, -(2.0**31), 2.0**31 - 0.5, 3e9, 2.0**63,
    -(2.0**63), 1e30, -1e30, 3e38, 1e-38, 1e-40, 1e-45, -1e-45, 6e-8, -3e-8, 2.98e-8, 6.1e-5,
    np.inf, -np.inf, np.nan,
]  # fmt: skip


def numbers(dtype: np.dtype, rng: np.random.Generator, count: int = 200) -> np.ndarray:
    """Special numbers of a dtype, and random ones of all sizes."""
    if dtype == bool_:
        return rng.integers(0, 2, count).astype(bool)
    if is_floating(dtype):
        wide = rng.integers(0, 2**32, count, np.uint32).view(float32).astype(float64)
        return np.concatenate([FLOATS, wide, rng.normal(0, 3, count)]).astype(dtype)
    limits = np.iinfo(dtype)
    special = [limits.min, limits.min + 1, limits.max - 1, limits.max, 0, 1, 2, 3]
    signed = [-1, -2, -3, -7] if limits.min else [127, 128, 254]
    wide = rng.integers(limits.min, limits.max, count, dtype, endpoint=True)
    return np.concatenate([np.array(special + signed, dtype), wide, wide % 11]).astype(dtype)


def pairs(dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    """Each number beside many others."""
    x = numbers(dtype, rng, 60)
    a, b = np.meshgrid(x, x)
    return [a.ravel(), b.ravel()]


def inputs_of(op: type, dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    if op.evaluate.__code__.co_argcount == 2:  # self and one input
        return [numbers(dtype, rng)]
    return pairs(dtype, rng)


def assert_same_bits(result: np.ndarray, expected: np.ndarray, *inputs: np.ndarray) -> None:
    """Equal to the last bit, with the signs of zeros; NaN is NaN."""
    assert result.dtype == expected.dtype
    same = result == expected
    if is_floating(result.dtype):
        same = (same & (np.signbit(result) == np.signbit(expected))) | (
            np.isnan(result) & np.isnan(expected)
        )
    wrong = np.flatnonzero(~same)[:5]
    shown = [(*(x[place] for x in inputs), result[place], expected[place]) for place in wrong]
    assert not shown, f"(inputs, compiled, eager): {shown}"


def check(op, *inputs, lanes=16, level=""):
    expected = op.evaluate(*inputs)
    assert_same_bits(apply(op, *inputs, lanes=lanes, level=level), expected, *inputs)


CASES = [(op, dtype) for op in EXACT for dtype in DTYPES if dtype.kind in op.kinds]
WHOLE = [dtype for dtype in DTYPES if dtype.kind in "iu"]
LOWER_LEVELS = host_levels()[1:]


def name_of(each: object) -> str:
    return getattr(each, "__name__", str(each))


@pytest.mark.parametrize(("op", "dtype"), CASES, ids=name_of)
def test_an_exact_primitive_gives_the_bits_of_eager(op, dtype, rng):
    check(op(), *inputs_of(op, dtype, rng))


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_number_of_lanes_does_not_matter(dtype, lanes, rng):
    for op in (op for op, each in CASES if each == dtype):
        check(op(), *(x[:99] for x in inputs_of(op, dtype, rng)), lanes=lanes)


@pytest.mark.parametrize("level", LOWER_LEVELS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_level_gives_the_same_bits(dtype, level, rng):
    for op in (op for op, each in CASES if each == dtype):
        check(op(), *inputs_of(op, dtype, rng), lanes=8, level=level)


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_a_cast_gives_the_bits_of_eager(source, target, rng):
    x = numbers(source, rng, 500)
    if is_floating(source) and target == uint32:
        x = x[(x > -(2.0**31)) & (x < 2.0**32)]  # elsewhere eager depends on the place
    for lanes in LANES:
        check(Cast(target), x, lanes=lanes)
    for level in LOWER_LEVELS:
        check(Cast(target), x, lanes=8, level=level)


@pytest.mark.parametrize("level", ["", "generic"])
def test_every_float16_becomes_a_float32_and_comes_back(level):
    x = np.arange(2**16, dtype=np.uint16).view(float16)
    check(Cast(float32), x, level=level)
    check(Cast(float16), x.astype(float32), level=level)


@pytest.mark.parametrize("level", ["", "generic"])
@pytest.mark.parametrize("source", [float32, float64], ids=str)
def test_halfway_between_two_float16_goes_to_the_even_one(source, level):
    x = np.arange(0x7C00, dtype=np.uint16).view(float16).astype(source)
    middle = (x[1:] + x[:-1]) / 2
    for near in (middle, np.nextafter(middle, 0), np.nextafter(middle, source.type(np.inf))):
        check(Cast(float16), near, level=level)
        check(Cast(float16), -near, level=level)


def test_a_float64_is_rounded_to_float16_once():
    # In float32 it would become the middle of 1 and the next float16, and then 1.
    x = np.array([1 + 2.0**-11 + 2.0**-40])
    assert apply(Cast(float16), x).tolist() == [1 + 2.0**-10]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_where_chooses_lane_by_lane(dtype, rng):
    a, b = pairs(dtype, rng)
    condition = rng.integers(0, 2, len(a)).astype(bool)
    for lanes in LANES:
        check(Where(), condition, a, b, lanes=lanes)


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_whole_powers_wrap_around_as_in_eager(dtype, rng):
    base = numbers(dtype, rng, 300)
    for exponent in (0, 1, 2, 3, 7, 63, 100):
        for lanes in LANES:
            check(Power(), base, np.full_like(base, exponent), lanes=lanes)
    check(Power(), base, rng.integers(0, 2**7, len(base)).astype(dtype))


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
def test_exponents_that_eager_refuses_are_told(dtype, rng):
    exponents = numbers(dtype, rng)
    bounds = Bounds(0, math.inf)
    library = elementwise(lambda f, x: is_outside(f, x[0], dtype, bounds), [dtype], bool_, 16)
    np.testing.assert_array_equal(run(library, [exponents], bool_, 16), exponents < 0)


@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
@pytest.mark.parametrize("lanes", LANES)
def test_numbers_outside_are_told_and_nan_is_not(dtype, lanes):
    x = np.array([-np.inf, -0.5, -0.0, 0.0, 0.3, 1.0, 1.001, np.inf, np.nan], dtype)
    bounds = Bounds(0.0, 1.0)
    library = elementwise(lambda f, x: is_outside(f, x[0], dtype, bounds), [dtype], bool_, lanes)
    np.testing.assert_array_equal(run(library, [x], bool_, lanes), bounds.outside(x))


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
@pytest.mark.parametrize("lanes", LANES)
def test_indices_count_from_the_start_and_outsiders_are_told(dtype, lanes):
    length = 5
    low = -length if dtype.kind == "i" else 0
    inside = np.arange(low, length).astype(dtype)
    check(FromStart(length), inside, lanes=lanes)
    bounds = Bounds(-length, length - 1)
    library = elementwise(lambda f, x: is_outside(f, x[0], dtype, bounds), [dtype], bool_, lanes)
    outside = np.array([length, length + 1, np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    indices = np.concatenate([inside, outside if dtype.kind == "i" else outside[:3]])
    told = run(library, [indices], bool_, lanes)
    np.testing.assert_array_equal(told, np.arange(len(indices)) >= len(inside))


@pytest.mark.parametrize("op", [FloorDivide(), Remainder()], ids=str)
@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
def test_division_of_numbers_of_very_different_size_is_exact(op, dtype, rng):
    exponents = np.finfo(dtype).minexp - 5, np.finfo(dtype).maxexp - 1
    a, b = (
        np.ldexp(rng.uniform(-1, 1, 3000), rng.integers(*exponents, 3000)).astype(dtype)
        for _ in range(2)
    )
    check(op, a, b)
    check(op, a, (a * rng.uniform(0, 2, 3000)).astype(dtype))
    check(op, np.rint(a / b).astype(dtype) * b, b)


@pytest.mark.parametrize("op", [Maximum(), Minimum()], ids=str)
def test_nan_wins_in_maximum_and_minimum(op):
    a, b = np.array([np.nan, 1, np.nan], float32), np.array([1, np.nan, np.nan], float32)
    assert np.isnan(apply(op, a, b)).all()


def test_nothing_is_contracted_or_reassociated(rng):
    a, b, c = (rng.normal(size=4096).astype(float32) for _ in range(3))

    def product_and_sum(f: Function, x: list[Value]) -> Value:
        product = emit(f, Multiply(), x[:2], (float32, float32), float32)
        return emit(f, Add(), [product, x[2]], (float32, float32), float32)

    library = elementwise(product_and_sum, [float32] * 3, float32, 16)
    assert_same_bits(run(library, [a, b, c], float32, 16), a * b + c)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("op", RULES, ids=name_of)
def test_constants_are_inputs_like_others(op, lanes):
    for dtype in (each for each in DTYPES if each.kind in op.kinds):
        count = op.evaluate.__code__.co_argcount - 1
        numbers = np.array([1, 2], dtype)[:count].tolist()
        expected = apply(op(), *(np.full(16, number, dtype) for number in numbers))

        def write(f: Function, _: list[Value], dtype=dtype, numbers=numbers, result=expected.dtype):
            type_ = vector(TYPES[dtype.name], lanes)
            constants = [splat_number(type_, number) for number in numbers]
            return emit(f, op(), constants, [dtype] * len(numbers), result)

        library = elementwise(write, [dtype], expected.dtype, lanes)
        result = run(library, [np.zeros(16, dtype)], expected.dtype, lanes)
        assert_same_bits(result, expected)


def test_every_elementwise_primitive_can_be_emitted():
    elsewhere = {Cast, Where, FromStart}  # these need more than their inputs
    families = {op for op in PRIMITIVES if issubclass(op, Elementwise)}
    families = {op for op in families if not issubclass(op, Checked)}  # their input as it is
    assert families == RULES.keys() | elsewhere


def test_a_primitive_that_is_not_elementwise_is_refused():
    f = Module().function("f", [])
    with pytest.raises(KindError, match=r"Sum\(axes=\(0,\), keepdims=False\) is not elementwise"):
        emit(f, Sum((0,)), [Value("float", "%x")], (float32,), float32)
