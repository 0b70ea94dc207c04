"""What a Trainer is fed with: batches of pairs (input, target), from a place on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lunzi.core.errors import KindError, ShapeError
from lunzi.core.spec import Array
from lunzi.data import ArrayDataset, DataLoader

Data = Any  # a DataLoader, a dataset, or (x, y) arrays


def as_loader(data: Data, batch_size: int, shuffle: bool = False, seed: int = 0) -> DataLoader:
    """Batches of a loader, a dataset or a pair of arrays.

    Raises:
        KindError: when it is none of these.
        ShapeError: when there are not two arrays, or they differ in length.
        RangeError: when there is no sample, or the batch size is below 1.
    """
    if isinstance(data, DataLoader):
        return data
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise ShapeError(
                f"data is (x, y), a dataset or a DataLoader; got a {type(data).__name__} of "
                f"{len(data)}. Samples one by one become (x, y) by np.stack of each part"
            )
        data = ArrayDataset(*data)
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise KindError(f"data is (x, y), a dataset or a DataLoader; got {type(data).__name__}")
    return DataLoader(data, batch_size, shuffle=shuffle, seed=seed)


def pairs(loader: DataLoader, epoch: int, start: int = 0) -> Iterator[tuple[Array, Array]]:
    """The batches of an epoch, from the batch `start` on.

    The place is stated here and not left to the loader, which may have been used by somebody
    else in between.

    Raises:
        ShapeError: when a batch is not two arrays.
    """
    loader.load_state_dict({**loader.state_dict(), "epoch": epoch, "batches": start})
    for batch in loader:
        if len(batch) != 2:
            raise ShapeError(
                f"training takes samples (input, target), this dataset gives {len(batch)} "
                f"{'array' if len(batch) == 1 else 'arrays'} each: pass (x, y), or a dataset "
                f"whose samples are such pairs"
            )
        yield batch[0], batch[1]


def samples_between(loader: DataLoader, first: int, end: int) -> int:
    """How many samples the batches from `first` to before `end` have together."""
    size = loader.batch_size
    return min(end * size, len(loader.dataset)) - first * size


def batch_sizes(loader: DataLoader) -> dict[int, int]:
    """How many batches of which size an epoch has: the full ones, and the rest."""
    full, rest = divmod(len(loader.dataset), loader.batch_size)
    counts = {loader.batch_size: full, rest: len(loader) - full}
    return {size: count for size, count in counts.items() if count}
