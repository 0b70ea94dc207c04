import numpy as np
import pytest

from lunzi.core.errors import ShapeError
from lunzi.data import ArrayDataset, DataLoader
from lunzi.train.batches import as_loader, pairs, samples_between


@pytest.fixture
def loader():
    return DataLoader(ArrayDataset(np.arange(7), np.arange(7) * 10), 3)


def firsts(batches):
    return [x.tolist() for x, _ in batches]


def test_pairs_begin_at_any_batch_whatever_the_loader_did_before(loader):
    next(iter(loader))
    assert firsts(pairs(loader, 0, 1)) == [[3, 4, 5], [6]]
    assert firsts(pairs(loader, 0)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert firsts(pairs(loader, 0, 3)) == []


def test_pairs_of_a_shuffled_loader_are_those_of_the_epoch(loader):
    shuffled = DataLoader(loader.dataset, 3, shuffle=True)
    orders = [firsts(shuffled) for _ in range(3)]
    for epoch in (2, 0, 1):
        assert firsts(pairs(shuffled, epoch)) == orders[epoch]


def test_a_loader_stays_as_it_is(loader):
    assert as_loader(loader, 99) is loader


def test_arrays_are_shuffled_by_a_seed():
    x = np.arange(8)
    order = firsts(as_loader((x, x), 4, shuffle=True, seed=3))
    assert order == firsts(DataLoader(ArrayDataset(x, x), 4, shuffle=True, seed=3))
    assert order != firsts(as_loader((x, x), 4))


def test_samples_between_knows_that_the_last_batch_is_smaller(loader):
    assert samples_between(loader, 0, 2) == 6
    assert samples_between(loader, 1, 3) == 4
    assert samples_between(loader, 2, 3) == 1


def test_the_number_of_arrays_is_checked():
    with pytest.raises(ShapeError, match="gives 1 array each"):
        next(pairs(DataLoader(ArrayDataset(np.arange(3))), 0))
    with pytest.raises(ShapeError, match="gives 3 arrays each"):
        next(pairs(DataLoader(ArrayDataset(*[np.arange(3)] * 3)), 0))
