"""The order of numbers, found in machine code: that of a stable sort, NaN last."""

import numpy as np
import pytest
from native_programs import Program

import lunzi as lz
from lunzi.core.spec import DTYPES, bool_, is_floating

LENGTHS = (0, 1, 2, 3, 7, 16, 33, 100, 1000)


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Numbers of which many are equal, with all special ones."""
    wide = rng.integers(-5, 5, shape)
    if not is_floating(dtype):
        few = wide.astype(dtype)
        return few if dtype == bool_ else np.where(wide > 3, np.iinfo(dtype).max, few)
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 6e-8, -6e-8, 65504, -65504])
    return np.where(rng.random(shape) < 0.5, special[wide + 5], wide / 2).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_length_is_sorted_as_eager_sorts_it(dtype, rng):
    arrays = [numbers(rng, (3, length), dtype) for length in LENGTHS]

    def orders(*tensors):
        return [x.argsort(axis) for x in tensors for axis in (0, 1)]

    for found, expected in zip(
        Program(orders, *arrays)(*arrays),
        [np.argsort(x, axis, kind="stable") for x in arrays for axis in (0, 1)],
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_are_shared_by_threads(threads, rng):
    x = numbers(rng, (5, 7, 40), np.dtype(np.float32))

    def orders(x):
        return [x.argsort(axis) for axis in range(3)], x.flip(1).abs().argsort(2, descending=True)

    program = Program(orders, x, parallel=True)
    for found, expected in zip(program(x, threads=threads), program.expected(x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_values_come_in_their_order(rng):
    x = numbers(rng, (4, 50), np.dtype(np.float64))
    program = Program(lambda x: (x.sort(1), *x.topk(3, 0), x.sum(0).argsort()), x)
    for found, expected in zip(program(x), program.expected(x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_sort_between_other_stages(rng):
    weight = lz.tensor(numbers(rng, (6, 30), np.dtype(np.float32)))

    def step(x):
        order = (weight * x).argsort(0)
        weight.assign(weight.take_along_axis(order, 0) + 1)
        return order, weight.sum()

    x = rng.normal(size=(6, 30)).astype(np.float32)
    program = Program(step, x, parallel=True)
    for found, expected in zip(program.all(x), program.all_expected(x), strict=True):
        np.testing.assert_array_equal(found, expected)
