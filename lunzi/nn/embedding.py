"""Embedding: a learned vector for each of a number of things, such as the words of a text."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from lunzi.core.arguments import whole_number
from lunzi.core.checked import Bounds, Checked, checked
from lunzi.core.errors import KindError, PositionError, RangeError, ShapeError
from lunzi.core.primitive import primitive
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn import init
from lunzi.nn.arguments import as_weight
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, memory


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The row of a table for each index; see `Embedding`.

    Shapes:
        indices (...) of integers, weight (V, F) -> y (..., F)

    Raises:
        KindError: when the indices are not whole numbers.
        PositionError: when an index lies outside the table.
        ShapeError: when the table is none of rows.
    """
    indices, weight = as_tensor(input), as_weight(weight)
    if weight.ndim != 2:
        raise ShapeError(f"the table is (rows, features), got {weight.shape}")
    rows: Tensor = weight.take(rows_of_table(indices, weight.shape[0]))
    if padding_idx is None:
        return rows
    padding = row_number(padding_idx, weight.shape[0])
    return indices.equal(padding).expand_dims(-1).where(rows.detach(), rows)


@primitive
class TableRow(Checked):
    """y = x; numbers that are no rows of a table of `count` are refused."""

    count: int

    @property
    def bounds(self) -> Bounds:
        return Bounds(0, self.count - 1)

    def refuse(self, x: Array) -> NoReturn:
        lowest, highest = int(x.min()), int(x.max())
        wrong = lowest if lowest < 0 else highest
        raise PositionError(
            f"index {wrong} is outside the table, which has {self.count} rows: "
            f"0 to {self.count - 1}"
        )


def rows_of_table(indices: Tensor, count: int) -> Tensor:
    """The indices, which are rows of a table of so many."""
    if indices.dtype.kind not in "iu":
        raise KindError(
            f"expects whole numbers as indices, got {indices.dtype.name}: "
            f'convert them with astype("int64")'
        )
    return checked(TableRow(count), indices)


def row_number(padding_idx: int, count: int) -> int:
    """The padding's row counted from 0; -1 names the last.

    Raises:
        RangeError: when the table has no such row.
    """
    index = whole_number("padding_idx", padding_idx, -count)
    if index >= count:
        raise RangeError(f"padding_idx must be below the {count} rows of the table, got {index}")
    return index % count


class Embedding(Module):
    """Look up a learned vector for each index.

        y[..., :] = weight[index[...], :]

    Initial values are normal with mean 0 and variance 1; the padding's row is 0. Of PyTorch's
    arguments `max_norm`, `norm_type`, `scale_grad_by_freq` and `sparse` are not offered.

    Args:
        num_embeddings: how many vectors there are.
        embedding_dim: how long they are.
        padding_idx: the index of a vector that gets no gradient, from the end where it is
            negative.

    Shapes:
        indices (...) of integers -> y (..., embedding_dim)
        weight (num_embeddings, embedding_dim)

    Raises:
        KindError: when the indices are not whole numbers.
        PositionError: when an index lies outside the table.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None
    ) -> None:
        self.num_embeddings = whole_number("num_embeddings", num_embeddings)
        self.embedding_dim = whole_number("embedding_dim", embedding_dim)
        self.padding_idx = (
            None if padding_idx is None else row_number(padding_idx, self.num_embeddings)
        )
        self.weight = Parameter(memory(self.num_embeddings, self.embedding_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            is_padding = np.arange(self.num_embeddings)[:, None] == self.padding_idx
            self.weight.assign(as_tensor(is_padding).where(0.0, self.weight.detach()))

    def forward(self, input: Any) -> Tensor:
        return embedding(input, self.weight, self.padding_idx)
