"""What each part of a compiled program costs, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lunzi.core.spec import Array, Spec, is_floating

SEED = 0  # of numbers that are made up

HEADS = ("", "time", "share", "GFLOP/s", "of peak", "GB/s", "of peak", "what", "lines")
LONGEST = 60  # characters of a list of operations


@dataclass(frozen=True)
class RegionCost:
    """One region of a program: the stages that run block of rows by block of rows.

    Args:
        number: as `show("stages")` counts them.
        phase: regions of one phase may run at the same time.
        operations: their names, each once.
        lines: the user's lines that it comes from, `net.py:3, 7`.
        seconds: of one run.
        flops: floating-point operations; a product with its sum counts as two, an exp as one.
        nbytes: what it must fetch from outside and leave there, each number once.
    """

    number: int
    phase: int
    operations: tuple[str, ...]
    lines: str
    seconds: float
    flops: int
    nbytes: int


@dataclass(frozen=True)
class Cost:
    """The cost of each region of a program, and of the whole. `print(cost)` shows the table.

    Args:
        regions: in the order in which one thread runs them.
        seconds: of the whole program, in one piece.
        threads: on which it ran.
        peak_flops: operations a second that so many threads of this machine can do in float32.
        peak_bandwidth: bytes a second that they can read from memory. What lies in a cache can
            come faster.
        peak_memory: bytes that a call needs, state and arguments included.
    """

    regions: tuple[RegionCost, ...]
    seconds: float
    threads: int
    peak_flops: float
    peak_bandwidth: float
    peak_memory: int

    @property
    def flops(self) -> int:
        return sum(region.flops for region in self.regions)

    @property
    def nbytes(self) -> int:
        return sum(region.nbytes for region in self.regions)

    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells: HEADS, then a row for each region, then their sum."""
        total = sum(region.seconds for region in self.regions)
        rows: list[tuple[str, ...]] = [HEADS]
        for region in self.regions:
            what = shortened(region.operations)
            name, seconds = f"region {region.number}", region.seconds
            numbers = self.numbers(seconds, total, region.flops, region.nbytes)
            rows.append((name, *numbers, what, region.lines))
        numbers = self.numbers(total, total, self.flops, self.nbytes)
        rows.append(("sum", *numbers, "", ""))
        return rows

    def numbers(self, seconds: float, total: float, flops: int, nbytes: int) -> tuple[str, ...]:
        """The cells of numbers: time, share, and what was done in a second, with its share."""
        seconds_, total_ = max(seconds, 1e-12), max(total, 1e-12)
        return (
            in_time(seconds),
            f"{seconds / total_:.0%}",
            f"{flops / seconds_ / 1e9:.3g}",
            f"{flops / seconds_ / self.peak_flops:.0%}",
            f"{nbytes / seconds_ / 1e9:.3g}",
            f"{nbytes / seconds_ / self.peak_bandwidth:.0%}",
        )

    def facts(self) -> list[str]:
        """What stands below the table."""
        on = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return [
            f"the whole in one piece: {in_time(self.seconds)} on {on}; "
            f"{self.flops:,} operations, {self.nbytes:,} bytes between regions",
            f"peak of {on} of this machine: {self.peak_flops / 1e9:.3g} GFLOP/s in float32, "
            f"{self.peak_bandwidth / 1e9:.3g} GB/s read from memory (caches are faster)",
            f"peak memory of a call: {self.peak_memory:,} bytes",
        ]

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [
                cell.rjust(width) if is_number(place) else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        lines.insert(1, "-" * max(map(len, lines)))
        return "\n".join([*lines, *self.facts()])

    __repr__ = __str__


def made_up(specs: Sequence[Spec]) -> list[Array]:
    """Arrays of these specs: floats from N(0, 1), and zeros, which are indices of any axis."""
    rng = np.random.default_rng(SEED)
    return [
        rng.standard_normal(spec.shape).astype(spec.dtype)
        if is_floating(spec.dtype)
        else np.zeros(spec.shape, spec.dtype)
        for spec in specs
    ]


def is_number(column: int) -> bool:
    """Whether a column of the table holds numbers."""
    return 0 < column < HEADS.index("what")


def in_time(seconds: float) -> str:
    """A time in the unit that fits it.

    >>> in_time(0.00123), in_time(4.5e-5), in_time(6.78e-8)
    ('1.23 ms', '45 us', '67.8 ns')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def shortened(operations: Sequence[str]) -> str:
    text = ", ".join(operations)
    return text if len(text) <= LONGEST else text[: LONGEST - 4].rpartition(",")[0] + ", ..."
