"""Nested states as arrays and JSON, which a checkpoint file can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lunzi.core.errors import FileFormatError, KindError
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor
from lunzi.files.header import name_problem
from lunzi.messages import text


def pack(tree: Any, arrays: dict[str, Array], path: str = "") -> Any:
    """The tree as JSON; its tensors and arrays go to `arrays`, under the path at which they stood.

    Every value keeps its kind: dicts their keys (whole numbers too), tuples, infinite numbers,
    NaN, NumPy's numbers. Arrays keep the order of their axes in memory, because a sum over a
    whole array goes through it in that order and another one would give other last bits.

    Raises:
        KindError: when a value is neither a tensor, an array, a number, text, None, nor a dict
            (by texts or whole numbers), list or tuple of such.
    """
    match tree:
        case Tensor():
            return {"tensor": stored(tree.numpy(), arrays, path)}
        case np.ndarray():
            return {"array": stored(tree, arrays, path)}
        case bool() | int() | str() | None:
            return tree
        case float():
            return float(tree) if math.isfinite(tree) else {"float": repr(float(tree))}
        case np.generic():
            return {"number": stored(np.asarray(tree), arrays, path)}
        case Mapping():
            return {"dict": [packed_item(key, tree[key], arrays, path) for key in tree]}
        case list() | tuple():
            items = [pack(value, arrays, joined(path, place)) for place, value in enumerate(tree)]
            return {"list" if isinstance(tree, list) else "tuple": items}
    raise KindError(
        f"a state holds numbers, texts, tensors, and dicts and lists of them; "
        f"{path or 'this one'} is a {type(tree).__name__}"
    )


def packed_item(key: Any, value: Any, arrays: dict[str, Array], path: str) -> list[Any]:
    if not isinstance(key, str | int):
        raise KindError(
            f"the dicts of a state have texts or whole numbers as keys; {path or 'this one'} has "
            f"{key!r}"
        )
    return [key, pack(value, arrays, joined(path, key))]


def joined(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def stored(array: Array, arrays: dict[str, Array], path: str) -> list[Any]:
    """Put an array away under its path, where a file can have that name: [name, *axes].

    The axes are those of the array in the order of memory, the widest apart first.
    """
    axes = memory_order(array)
    name, number = path, len(arrays)
    while name_problem(name) is not None or name in arrays:
        name, number = f"tensor {number}", number + 1
    arrays[name] = array.transpose(axes)
    return [name, *axes]


def memory_order(array: Array) -> list[int]:
    axes = range(array.ndim)
    if array.flags.c_contiguous:
        return list(axes)
    return sorted(axes, key=lambda axis: -abs(array.strides[axis]))


def unpack(packed: Any, arrays: Mapping[str, Array], path: str) -> Any:
    """The tree that `pack` took apart.

    Args:
        packed: from the file at `path`: nothing about it is believed.
        arrays: the arrays of the file by name.
        path: the file, for the error.

    Raises:
        FileFormatError: when it was not made by `pack`, or an array is missing.
    """
    try:
        return unpacked(packed, arrays)
    except (IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        raise FileFormatError(text("training.damaged_checkpoint", path=path)) from None


def unpacked(packed: Any, arrays: Mapping[str, Array]) -> Any:
    match packed:
        case None | bool() | int() | float() | str():
            return packed
        case {"tensor": [name, *axes]}:
            return Tensor(taken(arrays[name], axes))
        case {"array": [name, *axes]}:
            return taken(arrays[name], axes)
        case {"number": [name, *axes]}:
            return taken(arrays[name], axes)[()]
        case {"float": str(written)}:
            return float(written)
        case {"dict": list(items)}:
            return {key: unpacked(item, arrays) for key, item in items}
        case {"list": list(items)}:
            return [unpacked(item, arrays) for item in items]
        case {"tuple": list(items)}:
            return tuple(unpacked(item, arrays) for item in items)
    raise ValueError(f"a state has no {packed!r}")


def taken(array: Array, axes: list[int]) -> Array:
    """The array with its axes where they were before `stored` put them in the order of memory."""
    if sorted(axes) != list(range(array.ndim)):
        raise ValueError(f"{axes} are not the axes of an array of {array.ndim}")
    return array.transpose(np.argsort(axes)) if axes else array
