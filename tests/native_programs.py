"""Functions of tensors as native programs, forced onto several threads, beside the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from lunzi.compiler import arena, cache, executable, regions, threads
from lunzi.compiler.executable import Native
from lunzi.compiler.interpreted import Interpreted
from lunzi.compiler.memories import layout_of, memories_of
from lunzi.core.spec import Array
from lunzi.core.structure import flatten
from lunzi.core.trace import is_example, trace

FENCE = 2**14  # bytes before and behind each memory that nobody may write
MARK = 0xA5


class Fenced:
    """Memory between marks, which are looked at afterwards."""

    def __init__(self) -> None:
        self.rooms: list[Array] = []

    def empty(self, size: int) -> Array:
        """So many bytes, at the start of a cache line."""
        room = np.full(size + 2 * FENCE + 64, MARK, np.uint8)
        start = FENCE + -(room.ctypes.data + FENCE) % 64
        self.rooms += [room[:start], room[start + size :]]
        return room[start : start + size]

    def copy(self, array: Array) -> Array:
        """The same numbers with the same strides, also those of a broken order."""
        axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        backwards = tuple(slice(None, None, -1 if step < 0 else 1) for step in array.strides)
        there = self.empty(array.nbytes).view(array.dtype)
        there = there.reshape([array.shape[axis] for axis in axes]).transpose(np.argsort(axes))
        there = there[(*backwards, ...)]
        there[...] = array
        return there

    def check(self) -> None:
        for room in self.rooms:
            assert (room == MARK).all(), "a program wrote outside of its memory"


class Program:
    """A function, traced and compiled, that runs on copies of its state.

    Args:
        parallel: as many regions as possible, and in blocks of few rows, however small the
            work; else as it is chosen.
    """

    def __init__(
        self, function: Callable[..., Any], *arguments: Any, parallel: bool = False
    ) -> None:
        graph = trace(function, *arguments)
        left = tuple((s, node) for s, node in graph.updates if node is not None)
        self.graph = replace(graph, updates=left)
        self.slots = memories_of(self.graph)
        self.memories = [slot.read() for slot in self.slots]
        self.interpreted = Interpreted(self.graph, self.slots)
        self.fenced = Fenced()
        sizes = (0, 1, 2**10) if parallel else FEW_TURNS_AND_SO
        with (
            patch.object(executable, "FEW_TURNS", sizes[0]),
            patch.object(regions, "SMALL", sizes[1]),
            patch.object(arena, "SCRATCH_BYTES", sizes[2]),
            patch.object(cache, "load", lambda key, target, make: make()),
            patch.object(executable, "aligned_bytes", self.fenced.empty),
        ):
            self.native = Native(self.graph, self.slots, list(map(layout_of, self.memories)))

    def run(self, backend: Any, arguments: Sequence[Any]) -> tuple[list[Array], list[Array]]:
        """The outputs and the memories after one run."""
        fenced = Fenced()
        arrays = [
            fenced.copy(np.array(x, order="C", copy=None)) for x in flatten(arguments, is_example)
        ]
        memories = [fenced.copy(x) for x in self.memories]
        outputs = [fenced.copy(np.empty(node.shape, node.dtype)) for node in self.graph.outputs]
        backend(arrays, memories, outputs)
        fenced.check()
        self.fenced.check()
        return outputs, memories

    def on(self, count: int) -> Callable[..., None]:
        """The native program on so many threads."""

        def run_by_all(code: int, table: int, threads: int) -> None:
            self.are_missing = RUN(code, table, threads) < threads

        def run(arguments: list[Array], memories: list[Array], outputs: list[Array]) -> None:
            with (
                patch.object(executable, "get_num_threads", lambda: count),
                patch.object(executable, "TURNS_OF_A_THREAD", 1),
                patch.object(threads, "run", run_by_all),
                patch.object(executable, "aligned_bytes", self.fenced.empty),
            ):
                self.native(arguments, memories, outputs)

        return run

    def run_together(self, threads: int, arguments: Sequence[Any]) -> tuple[list[Array], ...]:
        """The outputs and the memories; who has just been started may not be there at once."""
        for _ in range(10_000):
            self.are_missing = False
            result = self.run(self.on(threads), arguments)
            if not self.are_missing:
                return result
        raise AssertionError(f"there is no team of {threads} threads")

    def __call__(self, *arguments: Any, threads: int = 1) -> list[Array]:
        """The outputs."""
        return self.run_together(threads, arguments)[0]

    def all(self, *arguments: Any, threads: int = 1) -> list[Array]:
        """The outputs, then the memories."""
        outputs, memories = self.run_together(threads, arguments)
        return outputs + memories

    def expected(self, *arguments: Any) -> list[Array]:
        """The outputs that the interpreter gives."""
        return self.run(self.interpreted, arguments)[0]

    def all_expected(self, *arguments: Any) -> list[Array]:
        outputs, memories = self.run(self.interpreted, arguments)
        return outputs + memories


RUN = threads.run
FEW_TURNS_AND_SO = (executable.FEW_TURNS, regions.SMALL, arena.SCRATCH_BYTES)
