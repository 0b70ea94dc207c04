"""Stages that copy a matrix with its axes exchanged, square by square."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lunzi.compiler import access
from lunzi.compiler.builder import Function, Module, Value, index
from lunzi.compiler.loops import Load, Memory, Stage, Store
from lunzi.compiler.packing import emit_transpose
from lunzi.compiler.target import Target
from lunzi.core.spec import DType, float32, float64

FEW_TURNS = 256  # shorter copies are plain loops


class Transpose(NamedTuple):
    """A copy: source[row, column] goes to target[column, row], for all turns of other loops."""

    store: Store
    load: Load
    rows: int  # the loop along which the target is contiguous
    columns: int  # the loop along which the source is


def transpose_of(stage: Stage) -> Transpose | None:
    """The transpose that a stage is, if it is one that squares can do."""
    if len(stage.stores) != 1 or stage.reductions or stage.checks or stage.turns < FEW_TURNS:
        return None
    (store,) = stage.stores
    load = store.term
    if not isinstance(load, Load) or load.gathers or store.gathers or store.adds:
        return None
    if load.dtype not in (float32, float64) or load.dtype != store.memory.dtype:
        return None
    strides = list(zip(load.address.strides, store.address.strides, strict=True))
    columns = [loop for loop, (source, target) in enumerate(strides) if source == 1 != target]
    rows = [loop for loop, (source, target) in enumerate(strides) if target == 1 != source]
    if len(rows) != 1 or len(columns) != 1 or stage.lead == columns[0]:
        return None
    if min(stage.sizes[rows[0]], stage.sizes[columns[0]]) < 4:
        return None
    return Transpose(store, load, rows[0], columns[0])


class Transposes:
    """The transposes of one module; equal ones share their code."""

    def __init__(self, module: Module, target: Target) -> None:
        self.module = module
        self.target = target
        self.names: dict[tuple[DType, int, int, int], str] = {}

    def name_of(self, dtype: DType, columns: int, source: int, target: int) -> str:
        key = (dtype, columns, source, target)
        name = self.names.get(key)
        if name is None:
            name = self.names[key] = f"transpose{len(self.names)}"
            emit_transpose(self.module, self.target, dtype, columns, source, target, name)
        return name

    def call(
        self,
        f: Function,
        stage: Stage,
        found: Transpose,
        pointers: Callable[[Memory], Value],
        rows: tuple[Value, Value] | None,
    ) -> None:
        """Write the copy for a range of the leading loop's rows."""
        places = [
            (found.load.memory, found.load.address),
            (found.store.memory, found.store.address),
        ]
        starts = [
            f.place(pointers(memory), index(address.offset), access.memory_type(memory.dtype))
            for memory, address in places
        ]
        outer = [loop for loop in range(len(stage.sizes)) if loop not in found[2:]]
        self.around(f, stage, found, outer, starts, rows)

    def around(
        self,
        f: Function,
        stage: Stage,
        found: Transpose,
        outer: list[int],
        starts: list[Value],
        rows: tuple[Value, Value] | None,
    ) -> None:
        """The outer loops, and the call within."""
        element = access.memory_type(found.load.dtype)
        strides = [found.load.address.strides, found.store.address.strides]

        def moved(loop: int, counter: Value) -> list[Value]:
            return [
                f.place(start, f.times(counter, steps[loop]), element)
                for start, steps in zip(starts, strides, strict=True)
            ]

        if outer:
            loop = outer[0]
            bounds = rows if loop == stage.lead and rows else (index(0), index(stage.sizes[loop]))
            with f.loop(*bounds) as turn:
                inside = moved(loop, turn.counter)
                self.around(f, stage, found, outer[1:], inside, rows)
            return
        first, count = index(0), index(stage.sizes[found.rows])
        if stage.lead == found.rows and rows is not None:
            first, count = rows[0], f.op("sub", rows[1], rows[0])
        name = self.name_of(
            found.load.dtype,
            stage.sizes[found.columns],
            strides[0][found.rows],
            strides[1][found.columns],
        )
        f.run(name, *moved(found.rows, first), count)
