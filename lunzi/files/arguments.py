"""Arguments of layers as JSON: which values can stand in a file, and which a layer takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from lunzi.files.problems import shown
from lunzi.files.strict_json import LONGEST_INTEGER
from lunzi.nn.module import Module

Json = Any  # None, bool, int, float, str, a list of them, or a dict of them by strings


def as_json(value: object) -> Json:
    """A value as it stands in a file: tuples become lists, NumPy's numbers Python's.

    Raises:
        TypeError: when it is something else than numbers, texts, truths, None, and lists and
            dicts of them by strings; or an infinity or NaN, which JSON has not.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    if isinstance(value, dict) and all(type(name) is str for name in value):
        return {name: as_json(item) for name, item in value.items()}
    is_plain = value is None or type(value) in (bool, str)
    is_number = (type(value) is int and abs(value) < 10**LONGEST_INTEGER) or (
        type(value) is float and math.isfinite(value)
    )
    if is_plain or is_number:
        return value
    raise TypeError(f"{shown(value)} cannot stand in a file")


def from_json(value: Json) -> Any:
    """An argument as a layer takes it: lists become tuples."""
    return tuple(map(from_json, value)) if isinstance(value, list) else value


def misfit(layer: type[Module], arguments: Mapping[str, Any]) -> str | None:
    """The name of an argument that the constructor does not take, or lacks; None if all fit.

    A value is held against the annotation of its argument. An annotation that no JSON value
    can have, as `Tensor`, takes none.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(layer).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    hints = get_type_hints(layer.__init__)
    for name, value in arguments.items():
        if name not in parameters or not fits(value, hints.get(name)):
            return name
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            return name
    return None


def fits(value: object, annotation: Any) -> bool:
    """Whether a value is of the annotated type; True is no int, and an int is a float too."""
    inner = get_args(annotation)
    match get_origin(annotation):
        case None:
            if annotation is float:
                return type(value) in (int, float)
            # `Any` says nothing, and so None alone is known to be meant.
            if annotation in (None, NoneType, Any):
                return value is None
            return annotation in (bool, int, str) and type(value) is annotation
        case origin if origin is Union or origin is UnionType:
            return any(fits(value, choice) for choice in inner)
        case origin if origin is Literal:
            return any(value == choice and type(value) is type(choice) for choice in inner)
        case origin if origin is Sequence or inner[1:] == (...,):
            return isinstance(value, tuple) and all(fits(item, inner[0]) for item in value)
        case origin if origin is tuple:
            return (
                isinstance(value, tuple)
                and len(value) == len(inner)
                and all(map(fits, value, inner))
            )
    return False


def numbers_asked(value: object) -> int:
    """How many numbers a layer may make of an argument: a length, or the product of several."""
    if isinstance(value, tuple):
        return math.prod(max(1, numbers_asked(item)) for item in value)
    return abs(value) if isinstance(value, int) else 0
