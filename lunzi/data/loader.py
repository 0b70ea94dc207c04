"""Batches of a dataset, in an order and with changes that depend on the seed alone."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

import numpy as np

from lunzi.core.arguments import whole_number
from lunzi.core.errors import KindError, RangeError, StateKeyError
from lunzi.core.spec import as_flag
from lunzi.data.dataset import Batch, Dataset, Indices, checked_dataset, take_batch
from lunzi.data.keys import checked_seed, epoch_key, permutation, sample_keys
from lunzi.data.transforms import Transform

# What must agree for a resumed run to see the same batches.
SETTINGS = ("samples", "batch_size", "shuffle", "seed", "drop_last")


class DataLoader:
    """Iterate over a dataset in batches: tuples of NumPy arrays, batch axis first.

    The order is a function of (seed, epoch), the changes that `transform` makes to a sample are
    one of (seed, epoch, sample): neither knows what ran before. One `for` loop is one epoch; a
    loop that runs to its end moves on to the next, and one that is left early does not.

    `state_dict()` holds the epoch and how many of its batches were handed out (prefetched ones
    do not count); after `load_state_dict` the next loop goes on from there, with the same bits.

    Args:
        dataset: what to read; its `take_batch(indices)`, where it has one, gives whole batches.
        batch_size: samples in a batch; the last one of an epoch may be smaller.
        shuffle: take the samples in a new random order in each epoch.
        seed: of the order and of the changes.
        drop_last: leave out a last batch that is not full.
        prefetch: batches made ahead in a thread while the current one is used; 0 for no thread.
        transform: called with the first array of each batch (the inputs) and one random key per
            sample; returns the changed array.

    Raises:
        RangeError: when the dataset is empty, or an argument outside its range.
        KindError: when the dataset is none, or an argument is not of its kind.

    Source: the names are those of torch.utils.data.DataLoader. Differences: `batch_size` is 32
    unless given, `seed` is a number, and there are no worker processes.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 32,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        prefetch: int = 0,
        transform: Transform | None = None,
    ) -> None:
        self.dataset = checked_dataset(dataset)
        self.batch_size = whole_number("batch_size", batch_size)
        self.shuffle = as_flag(shuffle, "shuffle")
        self.seed = checked_seed(seed)
        self.drop_last = as_flag(drop_last, "drop_last")
        self.prefetch = whole_number("prefetch", prefetch, 0)
        if transform is not None and not callable(transform):
            raise KindError(f"transform is a function of images and keys, got {transform!r}")
        self.transform = transform
        self.epoch = 0
        self._handed_out = 0
        self._resume_at = 0
        if len(dataset) == 0:
            raise RangeError(
                "DataLoader needs a dataset with at least one sample, got an empty one"
            )
        if len(self) == 0:
            raise RangeError(
                f"drop_last leaves no batch: the dataset has {len(dataset)} samples and "
                f"batch_size is {self.batch_size}"
            )

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        start, self._resume_at = self._resume_at, 0
        self._handed_out = start
        return self._epoch(self.epoch, start)

    def set_epoch(self, epoch: int) -> None:
        """Let the next loop be that epoch; from its beginning, unless the loader stands in it."""
        epoch = whole_number("epoch", epoch, 0)
        if epoch != self.epoch:
            self.epoch, self._handed_out, self._resume_at = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """The place in the data, and the settings on which its meaning depends."""
        return {"epoch": self.epoch, "batches": self._handed_out, **self._settings()}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Let the next loop go on from the place in `state`.

        Raises:
            StateKeyError: when a name is missing or unexpected, or a setting differs, so that the
                batches would not be those of the run that is resumed.
            RangeError: when the place does not exist.
        """
        names = {"epoch", "batches", *SETTINGS}
        if not isinstance(state, Mapping) or state.keys() != names:
            found = list(state) if isinstance(state, Mapping) else state
            raise StateKeyError(
                f"a DataLoader's state has the names {sorted(names)}, got {found!r}"
            )
        for name, here in self._settings().items():
            if state[name] != here:
                raise StateKeyError(
                    f"the saved DataLoader had {name} {state[name]}, this one has {here}: its "
                    "batches would not be the same"
                )
        epoch = whole_number("epoch", state["epoch"], 0)
        batches = whole_number("batches", state["batches"], 0)
        if batches > len(self):
            raise RangeError(f"batches must be at most {len(self)}, got {batches}")
        self.epoch, self._handed_out, self._resume_at = epoch, batches, batches

    def _settings(self) -> dict[str, int]:
        return {
            "samples": len(self.dataset),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "drop_last": self.drop_last,
        }

    def _epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        order = self._order(epoch)

        def make(number: int) -> Batch:
            first = number * self.batch_size
            return self._batch(epoch, order[first : first + self.batch_size])

        numbers = range(start, len(self))
        batches = _ahead(make, numbers, self.prefetch) if self.prefetch else map(make, numbers)
        for handed_out, batch in enumerate(batches, start + 1):
            self._handed_out = handed_out
            yield batch
        self.epoch, self._handed_out = epoch + 1, 0

    def _order(self, epoch: int) -> Indices:
        if self.shuffle:
            return permutation(epoch_key(self.seed, epoch), len(self.dataset))
        return np.arange(len(self.dataset))

    def _batch(self, epoch: int, indices: Indices) -> Batch:
        batch = take_batch(self.dataset, indices)
        if self.transform is None:
            return batch
        return self.transform(batch[0], sample_keys(self.seed, epoch, indices)), *batch[1:]


def _ahead(make: Callable[[int], Batch], numbers: range, depth: int) -> Iterator[Batch]:
    """make(n) for each number in turn, up to `depth` of them ahead, in one thread.

    An error in `make` is raised here, with its traceback, when its batch is due. The thread has
    ended when this iterator is exhausted, closed or collected.
    """
    # The thread speaks the language, and has the other context variables, of this one.
    context = copy_context()
    pending: deque[Future[Batch]] = deque()
    executor = ThreadPoolExecutor(1, thread_name_prefix="lunzi-prefetch")
    try:
        for number in numbers:
            pending.append(executor.submit(context.run, make, number))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
