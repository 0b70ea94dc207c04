"""Comparisons, choice and bits: primitives, and the methods that apply them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lunzi.core.elementwise import ElementwiseMethods
from lunzi.core.errors import KindError
from lunzi.core.primitive import Elementwise, primitive, same_dtype
from lunzi.core.spec import Array, Spec, bool_, broadcast_shapes

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor


class Comparison(Elementwise):
    """Two numbers to a truth value."""

    __slots__ = ()

    def infer(self, *inputs: Any, **_: Any) -> Spec:
        return Elementwise.infer(self, *inputs).with_dtype(bool_)


@primitive
class Equal(Comparison):
    """y = (a = b)."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.equal(a, b)


@primitive
class NotEqual(Comparison):
    """y = (a is not b), true for NaN against NaN."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.not_equal(a, b)


@primitive
class Less(Comparison):
    """y = (a < b)."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.less(a, b)


@primitive
class LessEqual(Comparison):
    """y = (a <= b)."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.less_equal(a, b)


@primitive
class Where(Elementwise):
    """y = a where the condition holds, else b."""

    def evaluate(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition, a, b)

    def infer(self, condition: Spec, a: Spec, b: Spec) -> Spec:
        if condition.dtype != bool_:
            raise KindError(f"the condition of where is bool, got {condition.dtype.name}")
        same_dtype(self, (a, b))
        return Spec(broadcast_shapes(condition.shape, a.shape, b.shape), a.dtype)

    def gradient(
        self, dy: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor
    ) -> tuple[Tensor | None, ...]:
        da = condition.where(dy, 0) if a.requires_grad else None
        return None, da, condition.where(0, dy) if b.requires_grad else None


class Bitwise(Elementwise):
    """Acts on the bits of integers; `and`, `or` and `xor` on truth values too."""

    __slots__ = ()
    kinds = "biu"


@primitive
class BitwiseAnd(Bitwise):
    """y = the bits that are set in a and in b."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.bitwise_and(a, b)


@primitive
class BitwiseOr(Bitwise):
    """y = the bits that are set in a or in b."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.bitwise_or(a, b)


@primitive
class BitwiseXor(Bitwise):
    """y = the bits that are set in one of a and b alone."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.bitwise_xor(a, b)


class Shift(Elementwise):
    """Moves the bits of integers."""

    __slots__ = ()
    kinds = "iu"


@primitive
class ShiftLeft(Shift):
    """y = a 2^b, what leaves at the top is lost; b in [0, bits)."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.left_shift(a, b, dtype=a.dtype)


@primitive
class ShiftRight(Shift):
    """y = floor(a / 2^b); b in [0, bits)."""

    def evaluate(self, a: Array, b: Array) -> Array:
        return np.right_shift(a, b, dtype=a.dtype)


class LogicMethods(ElementwiseMethods):
    """Comparisons (`==` too goes element by element), choice, and operators on bits."""

    __slots__ = ()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # as in NumPy
        return self.compare(Equal(), other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # as in NumPy
        return self.compare(NotEqual(), other)

    def compare(self, op: Comparison, other: object) -> Tensor:
        try:
            return self.binary(op, self.operand(other))
        except KindError:
            return NotImplemented  # type: ignore[no-any-return]  # so that `x == None` is False

    def __lt__(self, other: Any) -> Tensor:
        return self.binary(Less(), other)

    def __le__(self, other: Any) -> Tensor:
        return self.binary(LessEqual(), other)

    def __gt__(self, other: Any) -> Tensor:
        return self.operand(other).binary(Less(), self)

    def __ge__(self, other: Any) -> Tensor:
        return self.operand(other).binary(LessEqual(), self)

    def equal(self, other: Any) -> Tensor:
        """a = b, element by element."""
        return self.binary(Equal(), other)

    def where(self, a: Any, b: Any) -> Tensor:
        """`a` where this bool tensor is true, else `b`.

        Raises:
            KindError: when this tensor is not bool.
        """
        if self.dtype != bool_:
            raise KindError(f"the condition of where is bool, got {self.dtype.name}")
        if isinstance(b, LogicMethods):
            b, a = b.meet(a)
        else:
            a, b = self.operand(a).meet(b)
        return self.apply(Where(), a, b)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """Values below `min` become `min`, values above `max` become `max`; NaN stays.

        The gradient passes where the value was kept, the bounds included, as in PyTorch.
        """
        result = self.as_dtype(self.dtype)
        if min is not None:
            result = (result < min).where(min, result)
        if max is not None:
            result = (result > max).where(max, result)
        return result

    def isnan(self) -> Tensor:
        """True where the value is NaN."""
        return self != self

    def isinf(self) -> Tensor:
        """True where the value is infinite."""
        return self.floating().abs() == np.inf

    def isfinite(self) -> Tensor:
        """True where the value is neither infinite nor NaN."""
        return self.floating().abs() < np.inf

    def logical_not(self) -> Tensor:
        """True where the value is 0 or false."""
        return self.equal(0)

    def __invert__(self) -> Tensor:
        every_bit = {"b": True, "i": -1, "u": 2 ** (8 * self.dtype.itemsize) - 1}
        return self.binary(BitwiseXor(), every_bit.get(self.dtype.kind, 0))

    def __and__(self, other: Any) -> Tensor:
        return self.binary(BitwiseAnd(), other)

    def __rand__(self, other: Any) -> Tensor:
        return self.operand(other).binary(BitwiseAnd(), self)

    def __or__(self, other: Any) -> Tensor:
        return self.binary(BitwiseOr(), other)

    def __ror__(self, other: Any) -> Tensor:
        return self.operand(other).binary(BitwiseOr(), self)

    def __xor__(self, other: Any) -> Tensor:
        return self.binary(BitwiseXor(), other)

    def __rxor__(self, other: Any) -> Tensor:
        return self.operand(other).binary(BitwiseXor(), self)

    def __lshift__(self, other: Any) -> Tensor:
        return self.binary(ShiftLeft(), other)

    def __rlshift__(self, other: Any) -> Tensor:
        return self.operand(other).binary(ShiftLeft(), self)

    def __rshift__(self, other: Any) -> Tensor:
        return self.binary(ShiftRight(), other)

    def __rrshift__(self, other: Any) -> Tensor:
        return self.operand(other).binary(ShiftRight(), self)
