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
        y: Array = np.matmul(a.mT if self.transpose_a else a, b.mT if self.transpose_b else b)
        return y

    def infer(self, a: Spec, b: Spec) -> Spec:
        same_dtype(self, (a, b))
        if a.ndim < 2 or b.ndim < 2:
            raise ShapeError(
                f"matmul of {a.shape} and {b.shape}: the primitive takes matrices or stacks of them"
            )
        rows, inner = a.shape[:-3:-1] if self.transpose_a else a.shape[-2:]
        other_inner, columns = b.shape[:-3:-1] if self.transpose_b else b.shape[-2:]
        if inner != other_inner:
            raise ShapeError(
                f"matmul of {a.shape} and {b.shape}: the inner lengths differ, "
                f"{inner} and {other_inner}"
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
                b.apply(PRODUCTS[self.transpose_b, True], dy)
                if self.transpose_a
                else dy.apply(PRODUCTS[False, not self.transpose_b], b)
            )
        if b.requires_grad:
            db = (
                dy.apply(PRODUCTS[True, self.transpose_a], a)
                if self.transpose_b
                else a.apply(PRODUCTS[not self.transpose_a, False], dy)
            )
        return da, db


# Made once: a primitive with fields takes 0.5 us to make.
PRODUCTS = {(a, b): Matmul(a, b) for a in (False, True) for b in (False, True)}
MATMUL = PRODUCTS[False, False]


class ContractionMethods(IndexingMethods):
    """Matrix products."""

    __slots__ = ()

    def matmul(self, other: Any) -> Tensor:
        """The matrix product; a vector counts as a row before it and as a column behind it.

        Shapes:
            (M, K) @ (K, N) -> (M, N); (K,) @ (K, N) -> (N,); (M, K) @ (K,) -> (M,);
            (..., M, K) @ (..., K, N) -> (..., M, N), first axes broadcast

        Raises:
            ShapeError: when the inner lengths differ, or an operand has no axis.
        """
        if not isinstance(other, ContractionMethods):
            other = self.operand(other)
        if self.payload.ndim == 2 == other.payload.ndim:
            return self.binary(MATMUL, other)
        a, b = self.meet(other)
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
            return rows.apply(MATMUL, b).reshape(*a.shape[:-1], b.shape[-1])
        return a.apply(MATMUL, b)

    def __matmul__(self, other: Any) -> Tensor:
        return self.matmul(other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self.operand(other).matmul(self)
