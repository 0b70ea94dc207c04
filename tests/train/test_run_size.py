import dataclasses

import numpy as np
import pytest

from lunzi.data import ArrayDataset, DataLoader
from lunzi.train.run_size import RunSize

# A small network: a step takes an eager run some 0.5 ms, compiling 0.4 s.
SMALL = RunSize(tensors=4, multiply_adds=5_000, batches={32: 300, 8: 10})


def larger(**sizes):
    return dataclasses.replace(SMALL, **sizes)


def test_a_short_run_stays_eager():
    assert not SMALL.pays_off(32)


@pytest.mark.parametrize(
    "run",
    [
        larger(batches={32: 30_000}),
        larger(multiply_adds=5_000_000),
    ],
)
def test_a_run_with_more_of_anything_is_compiled(run):
    assert run.pays_off(32)


def test_more_of_anything_never_speaks_against_it():
    before = 0
    for factor in (1, 3, 10, 30, 100):
        pays_off = larger(batches={32: 300 * factor}).pays_off(32)
        assert pays_off >= before
        before = pays_off


def test_a_last_batch_that_comes_seldom_stays_eager_in_a_run_that_is_compiled():
    run = larger(batches={32: 30_000, 8: 10})
    assert run.pays_off(32)
    assert not run.pays_off(8)


def test_a_size_that_the_run_has_not_is_no_work():
    assert not larger(batches={32: 10**9}).pays_off(31)


@pytest.mark.parametrize(
    ("samples", "drop_last", "batches"),
    [
        (70, False, {32: 20, 6: 10}),
        (70, True, {32: 20}),
        (64, False, {32: 20}),
        (5, False, {5: 10}),
    ],
)
def test_batches_are_counted_over_all_epochs(samples, drop_last, batches):
    loader = DataLoader(ArrayDataset(np.zeros(samples)), 32, drop_last=drop_last)
    assert RunSize.of(loader, 10, 4, 5_000).batches == batches
