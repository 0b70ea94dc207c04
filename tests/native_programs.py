"""Functions of tensors as native programs, forced onto several threads, beside the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from lunzi.compiler import cache, executable, regions
from lunzi.compiler.executable import Native
from lunzi.compiler.interpreted import Interpreted
from lunzi.compiler.memories import layout_of, memories_of
from lunzi.core.spec import Array
from lunzi.core.structure import flatten
from lunzi.core.trace import is_example, trace


class Program:
    """A function, traced and compiled, that runs on copies of its state.

    Args:
        parallel: as many regions as possible, however small the work; else as it is chosen.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, parallel: bool = False):
        graph = trace(function, *arguments)
        left = tuple((s, node) for s, node in graph.updates if node is not None)
        self.graph = replace(graph, updates=left)
        slots = memories_of(self.graph)
        self.memories = [np.array(slot.read(), order="K") for slot in slots]
        self.interpreted = Interpreted(self.graph, slots)
        few, small = (0, 1) if parallel else (executable.FEW_TURNS, regions.SMALL)
        with (
            patch.object(executable, "FEW_TURNS", few),
            patch.object(regions, "SMALL", small),
            patch.object(cache, "load", lambda key, target, make: make()),
        ):
            self.native = Native(self.graph, slots, list(map(layout_of, self.memories)))

    def run(self, backend: Any, arguments: tuple[Any, ...]) -> tuple[list[Array], list[Array]]:
        """The outputs and the memories after one run."""
        arrays = [np.array(x, order="C") for x in flatten(arguments, is_example)]
        memories = [np.array(x, order="K") for x in self.memories]
        outputs = [np.empty(node.shape, node.dtype) for node in self.graph.outputs]
        backend(arrays, memories, outputs)
        return outputs, memories

    def on(self, count: int) -> Callable[..., None]:
        """The native program on so many threads."""

        def run(arguments: list[Array], memories: list[Array], outputs: list[Array]) -> None:
            with patch.object(executable, "get_num_threads", lambda: count):
                self.native(arguments, memories, outputs)

        return run

    def __call__(self, *arguments: Any, threads: int = 1) -> list[Array]:
        """The outputs."""
        return self.run(self.on(threads), arguments)[0]

    def all(self, *arguments: Any, threads: int = 1) -> list[Array]:
        """The outputs, then the memories."""
        outputs, memories = self.run(self.on(threads), arguments)
        return outputs + memories

    def expected(self, *arguments: Any) -> list[Array]:
        """The outputs that the interpreter gives."""
        return self.run(self.interpreted, arguments)[0]

    def all_expected(self, *arguments: Any) -> list[Array]:
        outputs, memories = self.run(self.interpreted, arguments)
        return outputs + memories
