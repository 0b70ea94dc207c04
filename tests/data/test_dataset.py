import numpy as np
import pytest

from lunzi.core.errors import KindError, PositionError, RangeError, ShapeError
from lunzi.data.dataset import ArrayDataset, Subset, random_split, take_batch


class Squares:
    """A user's own dataset: no more than a length and an item."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.full(2, index), index**2


def test_sample_i_is_row_i_of_each_array():
    dataset = ArrayDataset([[1, 2], [3, 4]], [5, 6])
    x, y = dataset[1]
    assert (x.tolist(), int(y)) == ([3, 4], 6)
    assert int(dataset[-1][1]) == 6
    assert len(dataset) == 2


def test_an_array_dataset_can_be_walked_through():
    assert [int(x) for (x,) in ArrayDataset([4, 5, 6])] == [4, 5, 6]


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ((), RangeError, "at least one array"),
        (([1, 2], [1, 2, 3]), ShapeError, r"same length, got \[2, 3\]"),
        ((np.zeros((0, 3)),), RangeError, "at least one sample"),
        ((3.0,), ShapeError, "single number"),
        (([[1, 2], [3]],), ShapeError, "rows of different lengths"),
        ((["a", "b"],), KindError, "must hold numbers"),
        (([1j],), KindError, "must hold numbers"),
    ],
)
def test_arrays_that_make_no_dataset_are_refused(arrays, error, message):
    with pytest.raises(error, match=message):
        ArrayDataset(*arrays)


def test_an_index_outside_is_refused():
    with pytest.raises(PositionError, match="index 2 is outside a dataset of 2 samples"):
        ArrayDataset([1, 2])[2]
    with pytest.raises(PositionError, match="outside a subset of 1"):
        Subset(ArrayDataset([1, 2]), [0])[1]
    with pytest.raises(KindError, match="the index of a sample must be a whole number"):
        ArrayDataset([1, 2])[0.5]


@pytest.mark.parametrize("dataset", [None, 3, "text", {"x": [1]}, {1, 2}, np.array(3), object()])
def test_what_is_no_dataset_is_refused(dataset):
    with pytest.raises(KindError, match="a dataset has a length and samples by position"):
        Subset(dataset, [0])


def test_a_tuple_of_arrays_is_no_dataset_of_as_many_samples():
    with pytest.raises(KindError, match=r"as ArrayDataset\(x, y\) has; got tuple"):
        random_split((np.zeros(4), np.zeros(4)), [1, 1])


def test_samples_of_a_plain_dataset_are_stacked():
    x, y = take_batch(Squares(), np.array([3, 1]))
    assert (x.tolist(), y.tolist()) == ([[3, 3], [1, 1]], [9, 1])


def test_an_array_is_a_dataset_of_its_rows():
    # It has a method `take` of another meaning, which must not be called.
    (x,) = take_batch(np.array([[1, 2], [3, 4], [5, 6]]), np.array([2, 0]))
    assert x.tolist() == [[5, 6], [1, 2]]


def test_a_batch_of_an_array_dataset_equals_its_samples_stacked(rng):
    dataset = ArrayDataset(rng.random((6, 2)), np.arange(6))
    indices = np.array([4, 4, 0])
    for at_once, one_by_one in zip(
        dataset.take_batch(indices), zip(*(dataset[i] for i in indices), strict=True), strict=True
    ):
        np.testing.assert_array_equal(at_once, np.stack(one_by_one))


def test_samples_of_different_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"different shapes in one batch: \(1,\), \(2,\)"):
        take_batch([np.zeros(1), np.zeros(2)], np.array([0, 1]))
    with pytest.raises(ShapeError, match=r"different numbers of arrays: \[1, 2\]"):
        take_batch([(1,), (1, 2)], np.array([0, 1]))


def test_a_subset_has_the_chosen_samples_in_their_order():
    subset = Subset(Squares(), [4, 0])
    assert [int(y) for _, y in subset] == [16, 0]
    assert take_batch(subset, np.array([1, 0]))[1].tolist() == [0, 16]


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([5], PositionError, "must be in 0 ... 4, got 5 ... 5"),
        ([-1, 2], PositionError, "got -1 ... 2"),
        ([0.5], KindError, "list of integers"),
        ([[0], [1, 2]], KindError, "list of integers"),
        ([True, False, True, True, True], KindError, "flatnonzero"),
    ],
)
def test_indices_that_make_no_subset_are_refused(indices, error, message):
    with pytest.raises(error, match=message):
        Subset(Squares(), indices)


def test_a_split_gives_each_sample_to_one_part():
    parts = random_split(range(10), [7, 3])
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(i for part in parts for i in part.indices) == list(range(10))


def test_the_same_seed_gives_the_same_parts():
    first, second, other = (random_split(range(50), [40, 10], seed)[1] for seed in (3, 3, 4))
    assert first.indices.tolist() == second.indices.tolist() != other.indices.tolist()


def test_remainders_of_shares_go_to_the_first_parts():
    # floor of 11 / 3 three times leaves 2
    assert [len(part) for part in random_split(range(11), [1 / 3, 1 / 3, 1 / 3])] == [4, 4, 3]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([7, 4], r"sum up to the 10 samples .* got \[7, 4\] with the sum 11"),
        ([0.5, 0.4], "shares must sum up to 1"),
        ([10, 0], "each part needs at least one sample"),
        ([0.99, 0.01], "each part needs at least one sample"),
        ([-1, 11], "a length must be 0 or more, got -1"),
        ([], "the length of one part at least"),
    ],
)
def test_lengths_that_do_not_sum_up_are_refused(lengths, message):
    with pytest.raises(RangeError, match=message):
        random_split(range(10), lengths)
