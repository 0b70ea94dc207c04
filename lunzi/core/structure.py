"""Tensors inside tuples, lists and dicts: taken out in order, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

# Looked up once: a union of types would be made anew at each value.
SEQUENCES = (tuple, list)


def flatten(value: Any, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """The leaves of nested tuples, lists and dicts, in order; other values are left out."""
    if is_leaf(value):
        return [value]
    if isinstance(value, dict):
        value = [value[key] for key in in_order(value)]
    if isinstance(value, SEQUENCES):
        return [leaf for item in value for leaf in flatten(item, is_leaf)]
    return []


def replace(value: Any, is_leaf: Callable[[Any], bool], leaves: Iterator[Any]) -> Any:
    """The same nesting with each leaf replaced by the next of `leaves`."""
    if is_leaf(value):
        return next(leaves)
    if isinstance(value, dict):
        replaced = {key: replace(value[key], is_leaf, leaves) for key in in_order(value)}
        return {key: replaced[key] for key in value}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(replace(item, is_leaf, leaves) for item in value))
    if isinstance(value, SEQUENCES):
        return type(value)(replace(item, is_leaf, leaves) for item in value)
    return value


def places(value: Any, is_leaf: Callable[[Any], bool], name: str) -> list[str]:
    """Where each leaf stands, as one would write it: `state[0]['h']`."""
    if is_leaf(value):
        return [name]
    if isinstance(value, dict):
        inner = [(f"{name}[{key!r}]", value[key]) for key in in_order(value)]
    elif isinstance(value, SEQUENCES):
        inner = [(f"{name}[{place}]", item) for place, item in enumerate(value)]
    else:
        inner = []
    return [place for path, item in inner for place in places(item, is_leaf, path)]


def in_order(value: dict[Any, Any]) -> list[Any]:
    """The keys in an order that does not depend on when each was added."""
    return sorted(value, key=repr)
