"""Nested states as arrays and JSON, which a checkpoint file can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lunzi.core.errors import FileFormatError, KindError
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor


def pack(tree: Any, arrays: dict[str, Array], path: str = "") -> Any:
    """The tree as JSON; its tensors and arrays go to `arrays`, under the path at which they stood.

    Every value keeps its kind: dicts their keys (whole numbers too), tuples, infinite numbers.

    Raises:
        KindError: when a value is neither a tensor, an array, a plain number, text, None, nor a
            dict, list or tuple of such.
    """
    match tree:
        case Tensor():
            return {"tensor": stored(tree.numpy(), arrays, path)}
        case np.ndarray():
            return {"array": stored(tree, arrays, path)}
        case bool() | int() | str() | None:
            return tree
        case float():
            return tree if math.isfinite(tree) else {"float": repr(tree)}
        case Mapping():
            items = [[key, pack(value, arrays, joined(path, key))] for key, value in tree.items()]
            return {"dict": items}
        case list() | tuple():
            items = [pack(value, arrays, joined(path, place)) for place, value in enumerate(tree)]
            return {"list" if isinstance(tree, list) else "tuple": items}
    raise KindError(f"a state holds numbers, texts and tensors; {path} is a {type(tree).__name__}")


def joined(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def stored(array: Array, arrays: dict[str, Array], path: str) -> str:
    """Put an array away under its path, or one beside it where keys with dots made it taken."""
    name = path if path not in arrays else f"{path}#{len(arrays)}"
    arrays[name] = array
    return name


def unpack(packed: Any, arrays: Mapping[str, Array]) -> Any:
    """The tree that `pack` took apart.

    Raises:
        FileFormatError: when it was not made by `pack`, or an array is missing.
    """
    if not isinstance(packed, dict):
        return packed
    try:
        ((kind, value),) = packed.items()
        match kind:
            case "tensor":
                return Tensor(arrays[value])
            case "array":
                return arrays[value]
            case "float":
                return float(value)
            case "dict":
                return {key: unpack(item, arrays) for key, item in value}
            case "list":
                return [unpack(item, arrays) for item in value]
            case "tuple":
                return tuple(unpack(item, arrays) for item in value)
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"the state is not whole: {error}") from None
    raise FileFormatError(f"the state has a value of unknown kind {kind!r}")
