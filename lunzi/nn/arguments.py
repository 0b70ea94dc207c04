"""What constructors and functions of layers accept: checks that name the argument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.random import Generator, default_generator
from lunzi.core.tensor import Tensor, as_tensor


def whole_numbers(name: str, value: Any, count: int, least: float = 1) -> tuple[int, ...]:
    """One whole number for each of `count` axes; a single one stands for all of them.

    Raises:
        KindError: when one is not a whole number.
        RangeError: when one is below `least`.
        ShapeError: when there are more or fewer.
    """
    if not isinstance(value, tuple | list):
        return (whole_number(name, value, least),) * count
    if len(value) != count:
        raise ShapeError(f"{name} is one number or {count}, one for each axis; got {value!r}")
    return tuple(whole_number(name, item, least) for item in value)


MOST_LAYERS = 10_000


def number_of_layers(value: Any) -> int:
    """`num_layers`, which says how many layers are made.

    Raises:
        KindError: when it is not a whole number.
        RangeError: when it is below 1 or above 10,000.
    """
    count = whole_number("num_layers", value)
    if count > MOST_LAYERS:
        raise RangeError(f"num_layers is {MOST_LAYERS:,} at most, got {count}")
    return count


def as_source(generator: Generator | None) -> Generator:
    """The generator to draw from: None stands for the one that `lunzi.manual_seed` starts.

    Raises:
        KindError: when it is no generator of Lunzi's.
    """
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise KindError(
            f"generator is a lunzi.random.Generator, as Generator(seed) makes one; "
            f"got {generator!r}"
        )
    return generator


def as_weight(value: Any) -> Tensor:
    """A weight handed to a function: arrays fit too, integers become float32."""
    return as_tensor(value).floating()


def as_bias(bias: Any, outputs: int) -> Tensor | None:
    """The bias as a tensor, one number for each output, or None where there is none.

    Raises:
        ShapeError: when it is not (outputs,), and would be spread over the output another way.
    """
    if bias is None:
        return None
    numbers = as_weight(bias)
    if numbers.shape != (outputs,):
        raise ShapeError(
            f"the bias is one number for each of {outputs} outputs, got {numbers.shape}"
        )
    return numbers


def divided(name: str, value: int, parts_name: str, parts: int) -> int:
    """`value` / `parts`, which must be whole.

    Raises:
        RangeError: when it is not.
    """
    if value % parts:
        raise RangeError(
            f"{name} must be a multiple of {parts_name}: {value} is not one of {parts}"
        )
    return value // parts


def lengths(name: str, value: int | Sequence[int], least: float = 1) -> tuple[int, ...]:
    """A shape of one axis or more, given as a whole number or several.

    Raises:
        KindError: when one is not a whole number.
        RangeError: when one is below `least`.
        ShapeError: when there are none.
    """
    items = value if isinstance(value, tuple | list) else (value,)
    if not items:
        raise ShapeError(f"{name} names the length of one axis or more, got {value!r}")
    return tuple(whole_number(name, item, least) for item in items)
