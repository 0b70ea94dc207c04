"""The error function against the C library's, which is exact to within 1 ulp."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.erf import erf

# Around the ends of the intervals, where two approximations meet, and far on both sides.
ENDS = [0.0, 0.84375, 1.25, 1 / 0.35, 6.0]
NEAR_ENDS = [end + step for end in ENDS for step in (-1e-3, -1e-9, -1e-15, 0, 1e-15, 1e-9, 1e-3)]
SMALL = [0.0, 5e-324, 1e-310, 1e-300, 1e-30, 1e-10, 1e-5, 1e-3]
FAR = [5.8, 5.9, 5.92, 5.95, 27.0, 1e10, 1e38]


def distance(values, exact):
    """How far apart numbers are, in units of the last place of the exact ones."""
    return np.abs(values.astype("float64") - exact) / np.spacing(np.abs(exact).astype(values.dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_within_2_ulp_everywhere(dtype, rng):
    points = np.concatenate([rng.uniform(-7, 7, 50_000), rng.standard_normal(50_000)])
    points = np.concatenate([points, NEAR_ENDS, SMALL, FAR]).astype(dtype)
    points = np.concatenate([points, -points])
    exact = np.array([math.erf(x) for x in points.tolist()])
    result = erf(points)
    assert result.dtype == dtype
    assert distance(result, exact).max() <= 2


def test_float16_is_rounded_once():
    every = np.arange(2**16, dtype="uint16").view("float16")
    points = every[np.isfinite(every)]
    exact = np.array([math.erf(x) for x in points.tolist()]).astype("float16")
    np.testing.assert_array_equal(erf(points), exact)


def test_the_ends_and_what_is_no_number():
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(erf(x), [1, -1, np.nan, 0, 0])
    assert np.signbit(erf(x)[4])
    assert not np.signbit(erf(x)[3])


def test_is_odd_and_keeps_the_shape(rng):
    x = rng.standard_normal((3, 4)).T
    np.testing.assert_array_equal(erf(-x), -erf(x))
    assert erf(x).shape == (4, 3)
    assert lz.erf(0.5).shape == ()
    assert lz.erf(np.zeros((0, 2))).shape == (0, 2)
