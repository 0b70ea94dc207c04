"""Operand: what the families of methods build on; Tensor is its one concrete class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from lunzi.core.errors import KindError
from lunzi.core.primitive import Primitive
from lunzi.core.spec import Array, DType, Shape, Spec, float32, is_floating, promote, size_of

if TYPE_CHECKING:
    from lunzi.core.graph import Node
    from lunzi.core.tensor import Tensor


class Size(int):
    """The number of elements; who calls it, as PyTorch's `x.size(0)`, is told what to write."""

    __slots__ = ()

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise KindError(
            "x.size is the number of elements: write x.shape for all lengths, x.shape[0] for one"
        )


class Operand:
    """The payload of a tensor and the way from it to a primitive.

    The methods of Tensor stand in families beside the primitives that they apply, each
    family built on the one before: Elementwise, Movement, Reduction, Indexing, Contraction.
    """

    __slots__ = ()

    payload: Array | Node
    requires_grad: bool

    # What a family needs of Tensor without importing it.
    def apply(self, op: Primitive, *others: Any) -> Tensor:
        """The result of a primitive of this tensor and others."""
        raise NotImplementedError

    def operand(self, value: Any) -> Tensor:
        """A number or an array as a tensor that meets this one: Python's numbers are weak."""
        raise NotImplementedError

    def astype(self, dtype: Any) -> Tensor:
        """A copy in another dtype."""
        raise NotImplementedError

    def numpy(self) -> Array:
        """The numbers."""
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        return self.payload.shape

    @property
    def dtype(self) -> DType:
        return self.payload.dtype

    @property
    def ndim(self) -> int:
        return self.payload.ndim

    @property
    def size(self) -> Size:
        """Number of elements."""
        return Size(size_of(self.payload.shape))

    @property
    def spec(self) -> Spec:
        return Spec(self.shape, self.dtype)

    def binary(self, op: Primitive, other: Any) -> Tensor:
        """A primitive of two inputs, both brought to one dtype."""
        if not isinstance(other, Operand):
            other = self.operand(other)
        if self.payload.dtype == other.payload.dtype:
            return self.apply(op, other)
        a, b = self.meet(other)
        return a.apply(op, b)

    def meet(self, other: Any) -> tuple[Tensor, Tensor]:
        """This tensor and another, a number or an array, brought to one dtype."""
        other = self.operand(other)
        dtype = promote(self.dtype, other.dtype)
        return self.as_dtype(dtype), other.as_dtype(dtype)

    def as_dtype(self, dtype: DType) -> Tensor:
        """The tensor itself where it has the dtype, else a copy in it."""
        return self if self.dtype == dtype else self.astype(dtype)  # type: ignore[return-value]  # Tensor is the one concrete class

    def floating(self) -> Tensor:
        """The tensor in a floating dtype: integers and booleans become float32."""
        return self.as_dtype(self.dtype if is_floating(self.dtype) else float32)
