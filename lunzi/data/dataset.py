"""Datasets: what has a length and gives sample i as a tuple of arrays."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lunzi.core.arguments import listed, real_number
from lunzi.core.errors import KindError, PositionError, RangeError, ShapeError
from lunzi.core.spec import as_index
from lunzi.data.keys import permutation, split_key

Batch = tuple[NDArray[Any], ...]
Indices = NDArray[np.intp]


class Dataset(Protocol):
    """Anything with a length, and with samples that are a tuple (or one) of arrays or numbers."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@runtime_checkable
class BatchDataset(Protocol):
    """A dataset that can also give many samples at once, faster than one by one."""

    def take_batch(self, indices: Indices, /) -> Batch:
        """The samples at `indices`, each array with the batch as its first axis."""
        ...


class ArrayDataset:
    """Samples along the first axis of arrays: sample i is (arrays[0][i], arrays[1][i], ...).

    Raises:
        RangeError: when there is no array or no sample.
        ShapeError: when the arrays differ in length, or one has no axis.
        KindError: when an array does not hold numbers.
    """

    def __init__(self, *arrays: ArrayLike) -> None:
        if not arrays:
            raise RangeError("ArrayDataset needs at least one array, for instance (x, y)")
        self.arrays = tuple(_checked_array(f"array {i}", array) for i, array in enumerate(arrays))
        for place, array in enumerate(self.arrays):
            if array.ndim == 0:
                raise ShapeError(
                    f"array {place} is a single number; its first axis must be the samples"
                )
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) > 1:
            shapes = ", ".join(str(array.shape) for array in self.arrays)
            raise ShapeError(
                f"ArrayDataset needs arrays of the same length, got {lengths} (shapes {shapes}): "
                "sample i is row i of each of them"
            )
        if lengths[0] == 0:
            raise RangeError("ArrayDataset needs at least one sample, got arrays of length 0")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> Batch:
        index = as_index(index, "the index of a sample")
        if not -len(self) <= index < len(self):
            raise PositionError(f"index {index} is outside a dataset of {len(self)} samples")
        return tuple(array[index] for array in self.arrays)

    def take_batch(self, indices: Indices) -> Batch:
        return tuple(array[indices] for array in self.arrays)


class Subset:
    """Chosen samples of another dataset, in the order of `indices`.

    Raises:
        PositionError: when an index is outside the dataset.
        KindError: when the indices are not integers.
    """

    def __init__(self, dataset: Dataset, indices: ArrayLike) -> None:
        self.dataset = checked_dataset(dataset)
        self.indices = _checked_indices(indices, len(dataset))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        index = as_index(index, "the index of a sample")
        if not -len(self) <= index < len(self):
            raise PositionError(f"index {index} is outside a subset of {len(self)} samples")
        return self.dataset[int(self.indices[index])]

    def take_batch(self, indices: Indices) -> Batch:
        return take_batch(self.dataset, self.indices[indices])


def take_batch(dataset: Dataset, indices: Indices) -> Batch:
    """The samples at `indices` as one batch: at once where the dataset can, else stacked.

    Raises:
        ShapeError: when the samples differ in shape or in the number of their arrays.
    """
    if isinstance(dataset, BatchDataset):
        return dataset.take_batch(indices)
    samples = [_as_tuple(dataset[int(index)]) for index in indices]
    counts = {len(sample) for sample in samples}
    if len(counts) > 1:
        raise ShapeError(f"samples of one batch have different numbers of arrays: {sorted(counts)}")
    return tuple(_stack(place, column) for place, column in enumerate(zip(*samples, strict=True)))


def random_split(dataset: Dataset, lengths: Sequence[float], seed: int = 0) -> list[Subset]:
    """Split a dataset at random into parts that share no sample.

    Args:
        lengths: the number of samples of each part, summing up to the dataset's; or shares of
            it, summing up to 1, whose remainders go to the first parts one by one.
        seed: the same seed gives the same parts.

    Raises:
        RangeError: when the lengths do not sum up, or a part would be empty.
    """
    counts = _part_lengths(listed("lengths", lengths), len(checked_dataset(dataset)))
    order = permutation(split_key(seed), len(dataset))
    ends = np.cumsum(counts)
    return [
        Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts, strict=True)
    ]


def checked_dataset(dataset: Any) -> Dataset:
    """The dataset itself.

    Raises:
        KindError: when it has no length or no samples by position; also for a tuple of arrays,
            which would pass for a dataset of as many samples as it has arrays.
    """
    is_indexed = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    is_number = getattr(dataset, "shape", None) == ()
    if not is_indexed or is_number or isinstance(dataset, tuple | str | bytes | Mapping):
        raise KindError(
            f"a dataset has a length and samples by position, as ArrayDataset(x, y) has; "
            f"got {type(dataset).__name__}"
        )
    checked: Dataset = dataset
    return checked


def _part_lengths(lengths: Sequence[float], total: int) -> list[int]:
    for length in lengths:
        real_number("a length", length)
    if not lengths:
        raise RangeError("random_split needs the length of one part at least, got none")
    if all(isinstance(length, int | np.integer) for length in lengths):
        counts = [int(length) for length in lengths]
        if sum(counts) != total:
            raise RangeError(
                f"lengths must sum up to the {total} samples of the dataset (or be shares that "
                f"sum up to 1), got {counts} with the sum {sum(counts)}"
            )
    else:
        if not math.isclose(math.fsum(lengths), 1.0, rel_tol=0, abs_tol=1e-6):
            raise RangeError(f"shares must sum up to 1, got {list(lengths)}")
        counts = [math.floor(total * share) for share in lengths]
        for part in range(total - sum(counts)):
            counts[part % len(counts)] += 1
    if 0 in counts:
        raise RangeError(f"each part needs at least one sample, got {counts} of {total}")
    return counts


def _checked_array(what: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{what} has rows of different lengths: {error}") from None
    if array.dtype.kind not in "biuf":
        raise KindError(f"{what} must hold numbers, got dtype {array.dtype}")
    return array


def _checked_indices(indices: ArrayLike, length: int) -> Indices:
    try:
        array = np.atleast_1d(np.asarray(indices))
    except ValueError as error:
        raise KindError(f"indices must be a list of integers: {error}") from None
    if array.size == 0:
        return np.zeros(0, np.intp)
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise KindError(
            f"indices must be a list of integers, got dtype {array.dtype} of shape {array.shape}"
            + (": np.flatnonzero turns a mask into indices" if array.dtype.kind == "b" else "")
        )
    if array.min() < 0 or array.max() >= length:
        raise PositionError(
            f"indices must be in 0 ... {length - 1}, got {array.min()} ... {array.max()}"
        )
    return array.astype(np.intp)


def _as_tuple(sample: Any) -> tuple[Any, ...]:
    return sample if isinstance(sample, tuple) else (sample,)


def _stack(place: int, values: tuple[ArrayLike, ...]) -> NDArray[Any]:
    arrays = [_checked_array(f"array {place} of a sample", value) for value in values]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ShapeError(
            f"array {place} of the samples has different shapes in one batch: "
            f"{', '.join(map(str, sorted(shapes)))}; pad or crop them in the dataset, or use "
            "batch_size=1"
        )
    return np.stack(arrays)
