"""How much work a run is: what decides whether compiling it pays off.

Sizes alone decide, never the clock: a run that is resumed, or repeated on a busy machine, must
decide in the same way to give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lunzi.data import DataLoader
from lunzi.train.batches import batch_sizes

# Seconds on a usual core, as measured with networks of 5,000 to 5 million parameters. Only
# their relation matters, and that only by its magnitude.
EAGER_MULTIPLY_ADD = 2.5e-10  # in matrix products and convolutions, with what goes with them
EAGER_TENSOR = 1e-4  # what a parameter costs in a step however small it is: calls of NumPy
COMPILING = 0.2  # a program
COMPILING_TENSOR = 0.05  # a program, for each parameter

PASSES = 3  # through the network in a step: forward, and backward for inputs and for weights
# How many times the seconds of compiling an eager run must take: about half of them are saved.
LEAST = 2


@dataclass(frozen=True)
class RunSize:
    """The sizes of a run.

    Args:
        tensors: parameters of the model, each counted as one.
        multiply_adds: of the model for a sample.
        batches: how many there are of which size, in the whole run.
    """

    tensors: int
    multiply_adds: int
    batches: Mapping[int, int]

    @classmethod
    def of(cls, loader: DataLoader, epochs: int, tensors: int, multiply_adds: int) -> RunSize:
        """The sizes of so many epochs, those that are done included."""
        an_epoch = batch_sizes(loader)
        batches = {size: count * epochs for size, count in an_epoch.items()}
        return cls(tensors, multiply_adds, batches)

    def pays_off(self, size: int) -> bool:
        """Whether to compile the step for batches of a size.

        >>> run = RunSize(tensors=4, multiply_adds=5_000, batches={32: 300, 8: 100})
        >>> run.pays_off(32)
        False
        >>> RunSize(4, 5_000, {32: 30_000, 8: 1_000}).pays_off(32)
        True
        """
        step = size * PASSES * self.multiply_adds * EAGER_MULTIPLY_ADD
        step += self.tensors * EAGER_TENSOR
        compiling = COMPILING + self.tensors * COMPILING_TENSOR
        return self.batches.get(size, 0) * step > LEAST * compiling
