"""A call taken apart: its numbers, which are data, and all else, which tells programs apart."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, cast

import numpy as np

from lunzi.core.arrays import as_array
from lunzi.core.errors import TraceError
from lunzi.core.spec import DTYPES, Array, DType, Shape, Spec
from lunzi.core.structure import SEQUENCES, flatten
from lunzi.core.tensor import Tensor

# Looked up once: a union of types would be made anew at each call.
DATA = (Tensor, np.ndarray, np.generic)


class Data(NamedTuple):
    """What is known of a tensor or array among the arguments without its numbers."""

    shape: Shape
    dtype: DType
    requires_grad: bool

    def __str__(self) -> str:
        return f"{Spec(self.shape, self.dtype)}{' with gradient' * self.requires_grad}"


class Setting(NamedTuple):
    """An argument that is part of the program: text, None, a truth value, a number, an object.

    Equal values of one kind are one setting; what cannot be hashed is told by identity.
    """

    kind: type
    value: Hashable

    def __str__(self) -> str:
        if isinstance(self.value, Same):
            return self.value.text
        return str(float.fromhex(str(self.value))) if self.kind is float else repr(self.value)


class Item(NamedTuple):
    """An argument in a dict, or by name."""

    key: Hashable
    value: Hashable


class Same:
    """Any object, equal to itself alone; it is held, so that its identity stays its own."""

    __slots__ = ("text", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.text = f"this {type(value).__name__}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def is_data(value: Any) -> bool:
    """Whether an argument is handed to the program at each call."""
    return isinstance(value, DATA) and not isinstance(value, np.bool_)


def key_of(value: Any) -> Hashable:
    """What of an argument tells programs apart."""
    if isinstance(value, Tensor):
        return Data(value.shape, value.dtype, value.requires_grad)
    if is_data(value):
        return Data(value.shape, known_dtype(value), False)
    if isinstance(value, SEQUENCES):
        return (type(value), *map(key_of, value))
    if isinstance(value, dict):
        return (type(value), *(Item(key, key_of(item)) for key, item in value.items()))
    if isinstance(value, float):
        # As text, in which 0.0 and -0.0 differ and NaN is itself.
        return Setting(type(value), value.hex())
    try:
        hash(value)
    except TypeError:
        return Setting(type(value), Same(value))
    return Setting(type(value), value)


def known_dtype(value: Array | np.generic) -> DType:
    """The dtype in which tensors take an array."""
    return value.dtype if value.dtype in DTYPES else as_array(value).dtype


class Call(NamedTuple):
    """What of a call tells programs apart, besides the state."""

    arguments: Hashable
    named: Hashable
    recording: bool  # whether gradients are recorded where it is made

    @classmethod
    def of(cls, arguments: tuple[Any, ...], named: dict[str, Any], recording: bool) -> Call:
        return cls(key_of(arguments), key_of(named), recording)

    @property
    def data(self) -> list[Data] | None:
        """The arguments, where all are data without gradients, none by name or nested."""
        _, *arguments = cast("tuple[Hashable, ...]", self.arguments)
        data = [x for x in arguments if isinstance(x, Data) and not x.requires_grad]
        return data if len(data) == len(arguments) and self.named == (dict,) else None


def arrays_of(arguments: tuple[Any, ...], named: dict[str, Any]) -> list[Array]:
    """The data of a call as arrays that are ready for a program, in order."""
    return [ready(item) for item in flatten((arguments, named), is_data)]


def ready(value: Any) -> Array:
    """Data as an array in C order, aligned, of a dtype that tensors come in."""
    if isinstance(value, Tensor):
        if not isinstance(value.payload, np.ndarray):
            raise TraceError(f"{value} belongs to a trace, which has ended, and has no numbers")
        array = value.checked()
    else:
        array = np.asarray(value)
        if array.dtype not in DTYPES:
            array = as_array(array)
    if array.flags.c_contiguous and array.flags.aligned:
        return array
    return np.array(array, order="C")


class Difference(NamedTuple):
    """What tells two calls apart, in words, and whether it is a Python number."""

    text: str
    is_number: bool = False

    def __str__(self) -> str:
        return self.text


def difference(old: Call, new: Call) -> Difference:
    """The first thing that tells two calls apart."""
    if old.recording is not new.recording:
        return Difference(f"gradients were {'on' if old.recording else 'off'} before")
    if old == new:
        return Difference("its state, or a setting of a module or optimiser, is another one")
    where, before, after = "", cast("Any", old.arguments), cast("Any", new.arguments)
    if before == after:
        before, after = cast("Any", old.named), cast("Any", new.named)
    while is_nesting(before) and is_nesting(after) and len(before) == len(after):
        if before[0] != after[0]:
            break
        pairs = enumerate(zip(before[1:], after[1:], strict=True))
        step: Any
        step, (before, after) = next(item for item in pairs if item[1][0] != item[1][1])
        if isinstance(before, Item) and isinstance(after, Item) and before.key == after.key:
            step, before, after = before.key, before.value, after.value
        where += f"[{step!r}]"
    text = f"argument {where} was {spoken(before)} and is {spoken(after)}"
    return Difference(text, is_number(before) and is_number(after))


def is_number(key: Any) -> bool:
    return isinstance(key, Setting) and key.kind in (int, float)


def is_nesting(key: Any) -> bool:
    return isinstance(key, tuple) and not isinstance(key, Data | Setting | Item)


def spoken(key: Any) -> str:
    return "of another nesting" if is_nesting(key) or isinstance(key, Item) else str(key)
