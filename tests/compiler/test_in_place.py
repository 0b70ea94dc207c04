"""Values that are written over others, row by row, where these are read last."""

from unittest.mock import patch

import numpy as np
import pytest
from native_programs import Program

from lunzi.compiler import executable
from lunzi.compiler.arena import plan_memory
from lunzi.compiler.in_place import heirs

ROWS, WIDTH = 96, 32


def number_by_number(x, w):
    h = (x @ w).tanh()
    return (h * h.sum(axis=0)).mT @ x


def by_a_later_stage(x, w):
    h = (x @ w).tanh()
    return ((h * h.sum(axis=0)) @ w).tanh().mT @ x


def twice(x, w):
    h = (x @ w).tanh()
    for _ in range(2):
        h = (h * h.sum(axis=0)).tanh()
    return h.mT @ x


def by_the_last_that_reads_it(x, w):
    h = (x @ w).tanh()
    early = (h * h.sum(axis=0)).tanh()
    late = (early @ w) * h
    return early.mT @ x + late.mT @ x


def read_once_more(x, w):
    h = (x @ w).tanh()
    return (h * h.sum(axis=0)).mT @ h


def from_the_other_end_of_the_row(x, w):
    h = (x @ w).tanh()
    return (h[:, ::-1] * h.sum(axis=0)).mT @ x


def by_a_product_that_reads_it(x, w):
    h = (x @ w).tanh()
    return (h @ (h.mT @ h)).mT @ x


def planned(function, rng):
    x = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    w = rng.normal(size=(WIDTH, WIDTH)).astype(np.float32) / WIDTH
    program = Program(function, x, w, parallel=True)
    results = [program(x, w, threads=threads)[0] for threads in (1, 2, 3)]
    np.testing.assert_allclose(results[0], program.expected(x, w)[0], rtol=1e-4, atol=1e-5)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    with patch.object(executable, "FEW_TURNS", 0):
        return program.native.plan()


@pytest.mark.parametrize(
    ("function", "count"),
    [(number_by_number, 1), (by_a_later_stage, 1), (by_the_last_that_reads_it, 1), (twice, 2)],
)
def test_a_value_lies_where_one_of_as_many_bytes_a_row_was_read_last(function, count, rng):
    plan = planned(function, rng)
    found = {new: old for new, old in heirs(plan).items() if new.elements == ROWS * WIDTH}
    assert len(found) == count
    offsets = plan_memory(plan).offsets
    assert all(offsets[new] == offsets[old] for new, old in found.items())


@pytest.mark.parametrize(
    "function", [read_once_more, from_the_other_end_of_the_row, by_a_product_that_reads_it]
)
def test_what_is_read_later_or_elsewhere_in_a_row_stays(function, rng):
    plan = planned(function, rng)
    assert not [new for new in heirs(plan) if new.elements == ROWS * WIDTH]
