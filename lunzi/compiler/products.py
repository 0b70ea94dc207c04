"""Stages that are matrix products or convolutions, as contractions of the micro-kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lunzi.compiler import access
from lunzi.compiler.builder import Function, Module, Value, index
from lunzi.compiler.contraction import Contraction, Dim, emit_contraction
from lunzi.compiler.loops import Affine, Apply, Load, Memory, Stage
from lunzi.compiler.target import Target

# Products of fewer multiplications are plain loops: the call and its tiles would cost more.
FEW_PRODUCTS = 2048

ONE_TURN = Dim(1, 0, 0, 0)


@dataclass(frozen=True)
class Product:
    """A stage as a contraction, and which loads are its operands.

    `outer` are loops around it: where b moves, and the rows that are divided do not choose it.
    """

    contraction: Contraction
    outer: tuple[Dim, ...]
    a: Load
    b: Load


def operands(stage: Stage) -> tuple[Load, Load] | None:
    """The two loads whose product a stage sums; None where places depend on data."""
    if not stage.is_product:
        return None
    term = stage.reductions[0].store.term
    assert isinstance(term, Apply)
    a, b = term.inputs
    if not (isinstance(a, Load) and isinstance(b, Load)) or a.gathers or b.gathers:
        return None
    return a, b


def product_of(stage: Stage) -> Product | None:
    """The contraction that a stage is, where it is one that the micro-kernel takes."""
    found = operands(stage)
    if found is None or stage.turns < FEW_PRODUCTS:
        return None
    c = stage.reductions[0].store.address
    for a, b in (found, found[::-1]):
        columns = column_loop(stage, a.address, b.address, c)
        if columns is not None:
            return as_product(stage, a, b, c, columns)
    return None


def column_loop(stage: Stage, a: Affine, b: Affine, c: Affine) -> int | None:
    """The loop along which b and c are contiguous and a stands still, the longest of those."""
    fitting = [
        loop
        for loop in range(stage.kept)
        if (a.strides[loop], b.strides[loop], c.strides[loop]) == (0, 1, 1) and loop != stage.lead
    ]
    return max(fitting, key=stage.sizes.__getitem__, default=None)


def as_product(stage: Stage, a: Load, b: Load, c: Affine, columns: int) -> Product:
    dims = [
        Dim(*numbers)
        for numbers in zip(
            stage.sizes, a.address.strides, b.address.strides, c.strides, strict=True
        )
    ]
    lead = [stage.lead] if stage.lead is not None else []
    others = [loop for loop in range(stage.kept) if loop != columns and loop not in lead]
    others.sort(key=lambda loop: not dims[loop].b)  # where b moves, outside
    outer: list[int] = []
    if lead and not dims[lead[0]].b:
        outer = [loop for loop in others if dims[loop].b]
    inside = [*lead, *(loop for loop in others if loop not in outer)]
    rows = tuple(dims[loop] for loop in inside) or (ONE_TURN,)
    inner = tuple(dims[stage.kept :]) or (ONE_TURN,)
    whole = Contraction(a.memory.dtype, rows, dims[columns], inner)
    return Product(whole, tuple(dims[loop] for loop in outer), a, b)


class Products:
    """The contractions of one module; equal ones share their code."""

    def __init__(self, module: Module, target: Target) -> None:
        self.module = module
        self.target = target
        self.names: dict[Contraction, str] = {}

    def name_of(self, contraction: Contraction) -> str:
        name = self.names.get(contraction)
        if name is None:
            name = self.names[contraction] = f"product{len(self.names)}"
            emit_contraction(self.module, self.target, contraction, name)
        return name

    def call(
        self,
        f: Function,
        stage: Stage,
        product: Product,
        pointers: Callable[[Memory], Value],
        rows: tuple[Value, Value] | None,
    ) -> None:
        """Write the call that computes a stage for a range of rows."""
        store = stage.reductions[0].store
        places = [
            (product.a.memory, product.a.address),
            (product.b.memory, product.b.address),
            (store.memory, store.address),
        ]
        count = index(product.contraction.rows[0].size)
        first = index(0)
        if stage.lead is not None and rows is not None:
            first, count = rows[0], f.op("sub", rows[1], rows[0])
        starts = []
        for memory, address in places:
            stride = address.strides[stage.lead] if stage.lead is not None else 0
            offset = f.add(f.times(first, stride), address.offset)
            starts.append(f.place(pointers(memory), offset, access.memory_type(memory.dtype)))
        self.around(f, product, product.outer, starts, count)

    def around(
        self,
        f: Function,
        product: Product,
        outer: tuple[Dim, ...],
        starts: list[Value],
        count: Value,
    ) -> None:
        """The outer loops, and the call within."""
        if not outer:
            f.run(self.name_of(product.contraction), *starts, count)
            return
        element = access.memory_type(product.contraction.dtype)
        with f.loop(index(0), index(outer[0].size)) as loop:
            moved = [
                f.place(start, f.times(loop.counter, stride), element)
                for start, stride in zip(starts, outer[0][1:], strict=True)
            ]
            self.around(f, product, outer[1:], moved, count)
