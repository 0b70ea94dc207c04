"""Products summed over an axis: matmul, and einsum composed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.core.errors import ShapeError
from lunzi.core.indexing import IndexingMethods
from lunzi.core.primitive import Primitive, primitive, same_dtype
from lunzi.core.spec import Array, Spec, broadcast_shapes

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


@primitive
class Matmul(Primitive):
    """y[..., m, n] = sum over k of a[..., m, k] b[..., k, n].

    With `transpose_a` or `transpose_b` the last two axes of that input are exchanged first: the
    gradients of a product are such products, and the exchange costs no operation of its own.

    Shapes:
        a (..., M, K), b (..., K, N) -> y (..., M, N), first axes broadcast
    """

    transpose_a: bool = False
    transpose_b: bool = False

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.matmul(a.mT if self.transpose_a else a, b.mT if self.transpose_b else b)

    def infer(self, a: Spec, b: Spec) -> Spec:
        same_dtype(self, (a, b))
        if a.ndim < 2 or b.ndim < 2:
            raise ShapeError(f"{self} takes matrices or stacks of them, got {a.shape}, {b.shape}")
        rows, inner = a.shape[:-3:-1] if self.transpose_a else a.shape[-2:]
        other_inner, columns = b.shape[:-3:-1] if self.transpose_b else b.shape[-2:]
        if inner != other_inner:
            raise ShapeError(
                f"matmul of {a.shape} and {b.shape}: the last axis of the first "
                f"must be as long as the last but one of the second"
                + (f" (with {self})" if self.transpose_a or self.transpose_b else "")
            )
        first = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return a.with_shape((*first, rows, columns))

    def gradient(
        self, dy: Tensor, y: Tensor, a: Tensor, b: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        da = db = None
        if a.requires_grad:
            # y = a b: da = dy b^T; where a was transposed, da^T is wanted: b dy^T.
            da = (
                b.apply(Matmul(self.transpose_b, True), dy)
                if self.transpose_a
                else dy.apply(Matmul(False, not self.transpose_b), b)
            )
        if b.requires_grad:
            db = (
                dy.apply(Matmul(True, self.transpose_a), a)
                if self.transpose_b
                else a.apply(Matmul(not self.transpose_a, False), dy)
            )
        return da, db


class ContractionMethods(IndexingMethods):
    """Matrix products."""

    def matmul(self, other: Any) -> Tensor:
        """The matrix product; a vector counts as a row before it and as a column behind it.

        Shapes:
            (M, K) @ (K, N) -> (M, N); (K,) @ (K, N) -> (N,); (M, K) @ (K,) -> (M,);
            (..., M, K) @ (..., K, N) -> (..., M, N), first axes broadcast

        Raises:
            ShapeError: when the inner lengths differ, or an operand has no axis.
        """
        a, b = self.meet(other)
        if a.ndim == 2 == b.ndim:
            return a.apply(Matmul(), b)
        if not a.ndim or not b.ndim:
            raise ShapeError(f"matmul of {a.shape} and {b.shape}: a number has no axis; use *")
        if a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
            raise ShapeError(
                f"matmul of {a.shape} and {b.shape}: the inner lengths differ, "
                f"{a.shape[-1]} and {b.shape[max(b.ndim - 2, 0)]}"
            )
        if a.ndim == 1:
            return a.expand_dims(0).matmul(b).squeeze(-2 if b.ndim > 1 else 0)
        if b.ndim == 1:
            return a.matmul(b.expand_dims(1)).squeeze(-1)
        if b.ndim == 2:
            # One product of matrices instead of many, and no stack of gradients to sum for b.
            rows = a.flatten(0, -2)
            return rows.apply(Matmul(), b).reshape(*a.shape[:-1], b.shape[-1])
        return a.apply(Matmul(), b)

    def __matmul__(self, other: Any) -> Tensor:
        return self.matmul(other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self.operand(other).matmul(self)
