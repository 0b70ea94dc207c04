"""A table of a model's layers, found by running it once."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from lunzi.core.creation import zeros
from lunzi.core.mode import no_grad
from lunzi.core.spec import Spec, float32
from lunzi.core.structure import flatten
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.parameter import Parameter

if TYPE_CHECKING:
    from lunzi.nn.module import Module

WIDTH = 80
GAP = "  "
TITLES = ("layer", "class", "output", "parameters", "multiply-adds")
# Columns that give way when a table is too wide, in this order, and how narrow they may become
SHRINKING = {0: 12, 2: 12, 1: 8}


class Row(NamedTuple):
    """One call of a layer.

    `parameters` counts those that no row above has counted; it is None where there are only
    others.
    """

    path: str
    class_name: str
    output: str
    parameters: int | None
    multiply_adds: int

    def cells(self) -> tuple[str, ...]:
        counted = "shared" if self.parameters is None else f"{self.parameters:,}"
        return (self.path, self.class_name, self.output, counted, f"{self.multiply_adds:,}")


@dataclass(frozen=True)
class Summary:
    """What `summary` found; printed, it is a table of at most 80 columns.

    Args:
        rows: one for each call of a layer, in order.
        inputs: the shapes of the inputs.
        parameters: how many numbers training can change, frozen ones included, shared ones once.
        frozen: how many of them have requires_grad=False.
        size: of the parameters, in bytes.
        not_called: layers with parameters that the inputs did not pass through.
    """

    rows: tuple[Row, ...]
    inputs: str
    parameters: int
    frozen: int
    size: int
    not_called: tuple[str, ...]

    @property
    def multiply_adds(self) -> int:
        """For these inputs, over all layers."""
        return sum(row.multiply_adds for row in self.rows)

    def __str__(self) -> str:
        total = ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}")
        table = [TITLES, *(row.cells() for row in self.rows), total]
        lines = aligned(table)
        rule = "-" * max(map(len, lines))
        facts = f"input {self.inputs}; parameters take {bytes_text(self.size)}"
        if self.frozen:
            facts += f", {self.frozen:,} of them are frozen"
        lines = [lines[0], rule, *lines[1:-1], rule, lines[-1], *wrapped(facts)]
        if self.not_called:
            lines += wrapped(f"not called: {', '.join(self.not_called)}")
        return "\n".join(lines)

    __repr__ = __str__


def summary(model: Module, *inputs: Any, dtype: DTypeLike = float32) -> Summary:
    """Run a model once and list its layers with output shapes, parameters and multiply-adds.

    It runs as in `eval()` and without a tape, and leaves the model as it was.

    Args:
        model: the model.
        inputs: for each argument of its forward a shape, the batch axis included; or an array,
            a tensor or a Spec.
        dtype: of inputs that are given by their shape; int64 for indices.

    >>> from lunzi.nn.linear import Linear
    >>> print(summary(Linear(4, 3), (1, 4)))
    layer  class   output  parameters  multiply-adds
    ------------------------------------------------
           Linear  (1, 3)          15             12
    ------------------------------------------------
    total                          15             12
    input (1, 4); parameters take 60 bytes
    """
    examples = [example(value, dtype) for value in inputs]
    with recorded_rows(model) as rows, no_grad():
        model(*examples)
    parameters = list(model.parameters())
    called = {row.path for row in rows}
    return Summary(
        rows=tuple(rows),
        inputs=shapes_text(examples),
        parameters=sum(x.size for x in parameters),
        frozen=sum(x.size for x in parameters if not x.requires_grad),
        size=sum(x.size * x.dtype.itemsize for x in parameters),
        not_called=tuple(
            path
            for path, module in model.named_modules()
            if own_parameters(module) and path not in called
        ),
    )


def example(value: Any, dtype: DTypeLike) -> Tensor:
    """Zeros of a shape or a Spec; an array or a tensor as it is."""
    if isinstance(value, Spec):
        return zeros(value.shape, value.dtype)
    if isinstance(value, tuple | list) and all(isinstance(n, int | np.integer) for n in value):
        return zeros(value, dtype)
    return as_tensor(value)


@contextmanager
def recorded_rows(model: Module) -> Iterator[list[Row]]:
    """Inside the block each call of a layer adds its row, and the model is in eval mode."""
    rows: list[Row] = []
    seen: set[int] = set()
    modes = [(module, module.training) for module in model.modules()]
    handles = []
    for path, module in model.named_modules():

        def record(module: Module, inputs: Any, output: Any, path: str = path) -> None:
            own = own_parameters(module)
            multiply_adds = module.multiply_adds(inputs, output)
            if own or multiply_adds or not any(module.children()):
                new = [x for x in own if id(x) not in seen]
                seen.update(map(id, own))
                count = None if own and not new else sum(x.size for x in new)
                name = type(module).__name__
                rows.append(Row(path, name, shapes_text(output), count, multiply_adds))

        handles.append(module.register_forward_hook(record))
    try:
        model.eval()
        yield rows
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training


def own_parameters(module: Module) -> list[Parameter]:
    """The parameters that a module holds itself, each once."""
    own = {id(x): x for _, x in module.members() if isinstance(x, Parameter)}
    return list(own.values())


def shapes_text(value: Any) -> str:
    """The shapes of all tensors in a value."""
    return ", ".join(str(x.shape) for x in flatten(value, lambda leaf: isinstance(leaf, Tensor)))


def bytes_text(size: int) -> str:
    """A number of bytes in units of 1000."""
    if size < 1000:
        return f"{size} bytes"
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.3g} {unit}"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """The table in columns, the last two flush right; long names are cut to fit 80 columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for column, least in SHRINKING.items():
        excess = sum(widths) + len(GAP) * (len(widths) - 1) - WIDTH
        if excess > 0:
            widths[column] = max(widths[column] - excess, min(widths[column], least))
    lines = []
    for path, *cells in table:
        # The end of a path tells more than its beginning.
        texts = [cut(path[::-1], widths[0])[::-1].ljust(widths[0])]
        texts += [cut(c, n).ljust(n) for c, n in zip(cells[:2], widths[1:3], strict=True)]
        texts += [c.rjust(n) for c, n in zip(cells[2:], widths[3:], strict=True)]
        lines.append(GAP.join(texts))
    return lines


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def wrapped(text: str) -> list[str]:
    """The text in lines of at most 80 characters, broken between words."""
    return textwrap.wrap(text, WIDTH, subsequent_indent=GAP, break_on_hyphens=False)
