"""Random programs: eager = interpreted = behind the passes = native, on any number of threads."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from native_programs import Program
from random_programs import Recipe, long_recipe, recipes

import lunzi as lz
from lunzi.compiler import checks
from lunzi.compiler.passes import prepare
from lunzi.core.checked import Bounds
from lunzi.core.interpreter import interpret
from lunzi.core.spec import float64

THREADS = (1, 2, 3, 5)
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def check(recipe: Recipe) -> None:
    arrays = recipe.argument_arrays()
    states = recipe.state_tensors()
    eager = [np.array(x.numpy()) for x in recipe.function(states)(*map(lz.tensor, arrays))]
    left = [x.numpy() for x in states]

    states = recipe.state_tensors()
    serial = Program(recipe.function(states), *arrays)
    parallel = Program(recipe.function(states), *arrays, parallel=True)
    outputs, memories = serial.run(serial.interpreted, tuple(arrays))
    assert_equal(outputs, eager)
    expected = outputs + memories
    for slot, memory in zip(serial.slots, memories, strict=True):
        (place,) = [i for i, state in enumerate(states) if state is slot.tensor]
        np.testing.assert_array_equal(memory, left[place])

    state = [slot.read() for slot in serial.graph.slots]
    assert_equal(
        interpret(prepare(serial.graph.ends), arrays, state),
        interpret(serial.graph.ends, arrays, state),
    )
    assert_equal(serial.all(*arrays), expected)
    for threads in THREADS:
        assert_equal(parallel.all(*arrays, threads=threads), expected)


# A concat whose first part reads other rows of a value than the last one.
OTHER_ROWS = Recipe(
    seed=52,
    dtype=float64,
    arguments=(15,),
    states=((5, 0),),
    genes=(
        (9, 1, 20, 28),
        (19, 23, 0, 30),
        (13, 5, 28, 31),
        (7, 13, 3, 2),
        (8, 2, 15, 10),
        (12, 26, 7, 23),
        (14, 3, 15, 30),
        (21, 22, 31, 15),
        (29, 18, 2, 28),
        (20, 12, 12, 14),
        (7, 16, 20, 25),
        (23, 22, 24, 12),
        (6, 8, 6, 10),
        (5, 22, 7, 16),
        (6, 31, 16, 14),
        (9, 2, 19, 3),
    ),
)


@BOUNDED
@given(recipes)
@example(OTHER_ROWS)
def test_native_programs_give_the_numbers_of_eager_ones(recipe):
    check(recipe)


@BOUNDED
@given(recipes)
def test_a_program_whose_checks_fail_has_written_nothing(recipe):
    arrays = recipe.argument_arrays()
    # All checks ask for too much. The interpreter then does it all, with state as it was.
    with patch.object(checks, "from_either_end", lambda length: Bounds(10**6, 10**6)):
        serial = Program(recipe.function(recipe.state_tensors()), *arrays)
        parallel = Program(recipe.function(recipe.state_tensors()), *arrays, parallel=True)
    assert_equal(serial.all(*arrays), serial.all_expected(*arrays))
    for threads in THREADS:
        assert_equal(parallel.all(*arrays, threads=threads), parallel.all_expected(*arrays))


@pytest.mark.parametrize("seed", range(50))
def test_long_native_programs_give_the_numbers_of_eager_ones(seed):
    check(long_recipe(seed))


def test_long_programs_are_cut_for_the_largest_team():
    for seed in range(10):
        recipe = long_recipe(seed)
        arrays = recipe.argument_arrays()
        parallel = Program(recipe.function(recipe.state_tensors()), *arrays, parallel=True)
        assert not parallel.native.parts.is_serial
        assert parallel.native.parts.turns >= max(THREADS)
