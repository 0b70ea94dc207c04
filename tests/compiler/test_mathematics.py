"""Functions that are not exact, in native code: within their bounds, and right at the edges."""

import math

import numpy as np
import pytest
from native_loops import apply

from lunzi.compiler.mathematics import BOUNDS, FUNCTIONS
from lunzi.compiler.target import host_at, host_levels
from lunzi.core.elementwise import (
    Cos,
    Erf,
    Exp,
    Expm1,
    Log,
    Log1p,
    Power,
    Sigmoid,
    Sin,
    Tanh,
)
from lunzi.core.spec import float16, float32, float64

# Overflow, 0 / 0 and the like are what is tested: NumPy's warnings of them say nothing.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

INF, NAN = math.inf, math.nan
LEVELS = host_levels()
EXTENDED = np.longdouble
# Where it is no wider than float64, the reference itself may be off by one ulp of it.
SLACK = 0 if np.finfo(EXTENDED).nmant > 60 else 1


def true_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


def true_erf(x):
    """The power series below 1; above, 1 - erfc, where an error of erfc hardly counts."""
    inside = np.where(np.abs(x) < 1, x, 0)
    term = total = inside
    for n in range(1, 30):
        term = term * (-inside * inside / n)
        total = total + term / (2 * n + 1)
    near = total * 2 / np.sqrt(np.arccos(x.dtype.type(-1)))
    beyond = np.vectorize(math.erfc, otypes=[float64])(np.abs(x).astype(float64))
    return np.where(np.abs(x) < 1, near, np.copysign(1 - beyond.astype(x.dtype), x))


TRUE = {
    Exp: np.exp, Expm1: np.expm1, Log: np.log, Log1p: np.log1p, Tanh: np.tanh,
    Sigmoid: true_sigmoid, Sin: np.sin, Cos: np.cos, Erf: true_erf, Power: np.power,
}  # fmt: skip
UNARY = [op for op in FUNCTIONS if op is not Power]


def ulps(y: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How far y is from the true values, in units of their last place in y's dtype."""
    limits = np.finfo(y.dtype)
    _, exponent = np.frexp(np.where(np.isfinite(true), true, 1))
    lowest = limits.minexp - limits.nmant
    ulp = np.ldexp(true.dtype.type(1), np.maximum(exponent - limits.nmant - 1, lowest))
    # What is too large rounds to infinity.
    bounded = np.where(
        np.abs(true) >= true.dtype.type(2) ** limits.maxexp, np.copysign(INF, true), true
    )
    same = (y == bounded) | (np.isnan(y) & np.isnan(true))
    same |= (y == true.astype(y.dtype)) & ~np.isfinite(y)
    distance = np.abs(np.where(same, 0, y.astype(true.dtype) - bounded)) / ulp
    return np.where(np.isnan(distance), INF, distance)


def assert_within_bound(op, level, *inputs):
    y = apply(op, *inputs, level=level)
    wide = float64 if y.dtype == float32 else EXTENDED
    true = TRUE[type(op)](*(x.astype(wide) for x in inputs))
    distance = ulps(y, true)
    worst = distance.argmax()
    shown = [x[worst] for x in inputs]
    bound = BOUNDS[type(op)] + (SLACK if y.dtype == float64 else 0)
    assert distance[worst] <= bound, f"{op} at {shown}: {y[worst]} is {distance[worst]} ulp off"
    is_number = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(y)[is_number], np.signbit(true)[is_number])


def float32_of_all_sizes(rng: np.random.Generator) -> np.ndarray:
    """Each 10,007th float32: of both signs, subnormal, infinite and NaN; and usual ones."""
    every = np.arange(0, 2**32, 10_007, dtype=np.uint64).astype(np.uint32).view(float32)
    return np.concatenate(
        [every, rng.normal(size=20_000), rng.uniform(-9, 9, 20_000)], dtype=float32
    )


def float64_of_all_sizes(rng: np.random.Generator) -> np.ndarray:
    wild = rng.integers(0, 2**64, 20_000, np.uint64).view(float64)
    sizes = rng.normal(size=20_000) * 10.0 ** rng.integers(-12, 4, 20_000)
    return np.concatenate([wild, sizes, rng.normal(size=20_000), rng.uniform(-9, 9, 20_000)])


OF_ALL_SIZES = {float32: float32_of_all_sizes, float64: float64_of_all_sizes}
every_float = pytest.mark.parametrize("dtype", [float32, float64], ids=str)
every_level = pytest.mark.parametrize("level", LEVELS)
every_function = pytest.mark.parametrize("op", UNARY, ids=lambda op: op.__name__)


@every_level
@every_float
@every_function
def test_a_function_keeps_its_bound(op, dtype, level, rng):
    assert_within_bound(op(), level, OF_ALL_SIZES[dtype](rng))


@every_level
@every_float
@pytest.mark.parametrize("op", [Sin, Cos], ids=lambda op: op.__name__)
def test_sine_and_cosine_keep_their_bounds_near_multiples_of_half_pi(op, dtype, level, rng):
    # There x - n pi/2 loses nearly all its bits.
    few, many = np.arange(1, 40_000), rng.integers(1, 2**50, 10_000)
    huge = many * 2.0 ** rng.integers(0, 70, 10_000)
    near = (np.concatenate([few, many, huge]) * (np.pi / 2)).astype(dtype)
    for x in (near, np.nextafter(near, dtype.type(0)), -near):
        assert_within_bound(op(), level, x)


@every_level
def test_the_bits_that_a_reduction_loses_are_not_lost_twice(level):
    x = np.array([556417.4107123214, 394120.1449604825, -1133104.6749213026])
    assert_within_bound(Sin(), level, x)
    assert_within_bound(Cos(), level, x)


@every_level
def test_cosine_is_right_where_float64_comes_nearest_to_a_multiple_of_half_pi(level):
    # Source: J.-M. Muller 2006, "Elementary functions", section 11.1 (table of worst cases).
    x = np.array([6381956970095103 * 2.0**797])
    assert apply(Cos(), x, lanes=1, level=level)[0] == pytest.approx(
        -4.68716592425462761112e-19, rel=4e-16
    )


@every_level
@every_float
def test_powers_keep_their_bound(dtype, level, rng):
    n = 5000
    near_one = 1 + rng.normal(size=n) * 10.0 ** rng.integers(-7, -1, n)
    x = [np.exp(rng.normal(0, 3, n)), near_one, rng.uniform(0.9, 1, n), rng.uniform(0, 1e-38, n)]
    y = [rng.normal(0, 5, n), rng.normal(0, 3e4, n), rng.integers(1, 5000, n), rng.normal(size=n)]
    assert_within_bound(
        Power(), level, np.concatenate(x).astype(dtype), np.concatenate(y).astype(dtype)
    )


@every_level
@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
def test_powers_at_the_edges_are_those_of_ieee_754(dtype, level):
    special = [0, 1, 2, 3, 0.5, 1.5, INF, 1e-7, 6e4, 2**11 + 1]
    numbers = np.array([*special, *(-x for x in special), NAN]).astype(dtype)
    x, y = (each.ravel() for each in np.meshgrid(numbers, numbers))
    expected = np.power(x, y)
    for lanes in (1, 4, 16):
        result = apply(Power(), x, y, lanes=lanes, level=level)
        np.testing.assert_allclose(result, expected, rtol=4 * np.finfo(dtype).eps)
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(result)[number], np.signbit(expected)[number])


def test_a_power_of_an_optimiser_is_right_to_the_last_bits():
    beta, steps = np.full(6, 0.999), np.array([1.0, 2, 10, 1000, 100_000, 700_000])
    exact = [0.999**n for n in steps.tolist()]
    np.testing.assert_allclose(apply(Power(), beta, steps, lanes=1), exact, rtol=2.3e-16, atol=0)


EDGES = [
    (Exp, [(INF, INF), (-INF, 0), (0.0, 1), (-0.0, 1), (1e4, INF), (-1e4, 0)]),
    (Expm1, [(INF, INF), (-INF, -1), (0.0, 0.0), (-0.0, -0.0), (1e4, INF), (-1e4, -1)]),
    (
        Log,
        [(INF, INF), (-INF, NAN), (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (-1e-7, NAN)],
    ),
    (Log1p, [(INF, INF), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-2.0, NAN)]),
    (Tanh, [(INF, 1), (-INF, -1), (0.0, 0.0), (-0.0, -0.0), (6e4, 1), (-6e4, -1)]),
    (Sigmoid, [(INF, 1), (-INF, 0), (0.0, 0.5), (-0.0, 0.5), (6e4, 1), (-6e4, 0)]),
    (Sin, [(INF, NAN), (-INF, NAN), (0.0, 0.0), (-0.0, -0.0)]),
    (Cos, [(INF, NAN), (-INF, NAN), (0.0, 1), (-0.0, 1)]),
    (Erf, [(INF, 1), (-INF, -1), (0.0, 0.0), (-0.0, -0.0), (9.0, 1), (-9.0, -1)]),
]


@every_level
@pytest.mark.parametrize("dtype", [float16, float32, float64], ids=str)
@pytest.mark.parametrize(("op", "cases"), EDGES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_edges_are_exact(op, cases, dtype, level):
    x, expected = np.array([*cases, (NAN, NAN)], dtype).T.copy()
    for lanes in (1, 4, 16):
        y = apply(op(), x, lanes=lanes, level=level)
        np.testing.assert_array_equal(y, expected)
        same_sign = np.signbit(y) == np.signbit(expected)
        assert (same_sign | np.isnan(expected)).all()


@every_float
@pytest.mark.parametrize("op", [Expm1, Log1p, Tanh, Sin], ids=lambda op: op.__name__)
def test_tiny_numbers_are_kept_to_the_last_bit(op, dtype):
    tiny = np.finfo(dtype).smallest_subnormal * np.array([1, 2, 3, 5, 2**20 + 1], dtype)
    np.testing.assert_array_equal(apply(op(), tiny), tiny)
    np.testing.assert_array_equal(apply(op(), -tiny), -tiny)


@every_level
@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.__name__)
def test_float16_is_computed_in_float32_and_rounded_once(op, level, rng):
    x = np.arange(0, 2**16, dtype=np.uint16).view(float16)
    inputs = (x, rng.permutation(x)) if op is Power else (x,)
    wide = apply(op(), *(each.astype(float32) for each in inputs), level=level)
    np.testing.assert_array_equal(apply(op(), *inputs, level=level), wide.astype(float16))


@every_float
@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.__name__)
def test_lanes_and_levels_with_fused_products_give_the_same_bits(op, dtype, rng):
    x = OF_ALL_SIZES[dtype](rng)[::37]
    inputs = (np.abs(x), rng.permutation(x)) if op is Power else (x,)
    expected = apply(op(), *inputs)
    fused = [level for level in LEVELS if host_at(level).has_fma == host_at("").has_fma]
    for level in fused:
        for lanes in (1, 4, 16):
            y = apply(op(), *inputs, lanes=lanes, level=level)
            np.testing.assert_array_equal(y, expected)


def test_every_function_has_a_bound_and_states_it():
    assert FUNCTIONS.keys() == BOUNDS.keys() == TRUE.keys()
    for op, function in FUNCTIONS.items():
        assert f"within {BOUNDS[op]} ulp" in (function.__doc__ or ""), function
