"""What a primitive is: a value that states its meaning, its shape rule and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from lunzi.core.errors import (
    KindError,
    LunziError,
    OutOfMemoryError,
    PositionError,
    RangeError,
)
from lunzi.core.spec import Array, Spec, broadcast_shapes

if TYPE_CHECKING:
    from lunzi.core.tensor import Tensor

PRIMITIVES: list[type[Primitive]] = []


class Primitive:
    """An operation with rules of its own.

    A subclass is a frozen dataclass whose fields are its parameters, so that it prints as
    it is written, compares, hashes and is matched: `Sum(axes=(0,))`. It states three facts,
    each a pure function of the inputs.
    """

    __slots__ = ()
    is_view: ClassVar[bool] = False  # the result may share memory with its one input

    __match_args__: ClassVar[tuple[str, ...]] = ()  # the names of the fields

    def fields(self) -> tuple[Any, ...]:
        """The parameters of the primitive."""
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.fields() == self.fields()

    def __hash__(self) -> int:
        return hash((type(self), self.fields()))

    def __repr__(self) -> str:
        values = zip(self.__match_args__, self.fields(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in values)})"

    def evaluate(self, *inputs: Any, **_: Any) -> Array:
        """The meaning of the operation, in NumPy."""
        raise NotImplementedError

    def infer(self, *inputs: Any, **_: Any) -> Spec:
        """Spec of the result. Raises ShapeError or KindError when the inputs do not fit."""
        raise NotImplementedError

    def gradient(
        self, dy: Tensor, y: Tensor, *inputs: Any, **_: Any
    ) -> Tensor | tuple[Tensor | None, ...] | None:
        """Gradient of the loss for each input, given `dy`, its gradient for the output `y`.

        Written in tensor methods only, so that it runs eagerly, is traced and is itself
        differentiated. It may ignore broadcasting: the caller sums over broadcast axes.
        None stands for an input that has no gradient, or whose gradient is 0.
        """
        return (None,) * len(inputs)


P = TypeVar("P", bound=Primitive)


@dataclass_transform(frozen_default=True)
def primitive(cls: type[P]) -> type[P]:
    """Freeze a Primitive subclass into a value type and list it in PRIMITIVES."""
    # Equality and repr are Primitive's: to generate them for each class takes half of the import.
    frozen = dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)
    PRIMITIVES.append(frozen)
    return frozen


def same_dtype(op: Primitive, inputs: Sequence[Spec]) -> None:
    """Refuse inputs of different dtypes: methods of Tensor promote before they apply."""
    if len({x.dtype for x in inputs}) > 1:
        dtypes = ", ".join(x.dtype.name for x in inputs)
        raise KindError(f"{op} takes inputs of one dtype, got {dtypes}")


def explained(error: Exception, op: Primitive, inputs: Sequence[Spec]) -> LunziError:
    """The error that teaches, in place of NumPy's."""
    if isinstance(error, LunziError):
        return error
    try:
        op.infer(*inputs)  # raises what is wrong with the shapes and dtypes
    except LunziError as better:
        return better
    if isinstance(error, MemoryError):
        return OutOfMemoryError(f"{op}: {error}")
    if isinstance(error, IndexError):
        return PositionError(f"{op}: {error}")
    return RangeError(f"{op}: {error}")


# What the kinds of dtype that NumPy names by a letter are called in errors.
KINDS = {
    "biuf": "numbers and truth values",
    "iuf": "numbers, not truth values",
    "f": "floating numbers",
    "biu": "integers and truth values",
    "iu": "integers",
}


class Elementwise(Primitive):
    """Acts on each element alone; inputs of one dtype broadcast against each other."""

    __slots__ = ()
    kinds: ClassVar[str] = "biuf"  # the kinds of dtype that it takes, by NumPy's letters

    def infer(self, *inputs: Any, **_: Any) -> Spec:
        same_dtype(self, inputs)
        if inputs[0].dtype.kind not in self.kinds:
            raise KindError(f"{self} takes {KINDS[self.kinds]}, got {inputs[0].dtype.name}")
        return Spec(broadcast_shapes(*(x.shape for x in inputs)), inputs[0].dtype)


class Move(Primitive):
    """The numbers of one input, seen in another order or shape.

    Whether NumPy copies depends on the memory order, so each result counts as a view.
    """

    __slots__ = ()
    is_view = True
