"""The architecture of a model as JSON, and a model from it. No code comes from the file.

    {"class": "Linear", "arguments": {"in_features": 4, "out_features": 2, "bias": true}}
    {"class": "Sequential", "children": {"0": {...}, "1": {...}}}

A class is one of the layers that `lunzi.nn` exports, found there by its name; an argument is
one of its constructor's, of the annotated type. All else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import lunzi.nn
from lunzi.core.errors import LunziError, RangeError
from lunzi.core.mode import mode
from lunzi.core.trace import Trace
from lunzi.files.arguments import Json, as_json, from_json, misfit, numbers_asked
from lunzi.files.problems import damaged, shortened, shown
from lunzi.messages import text
from lunzi.nn.container import Container
from lunzi.nn.module import Module, joined
from lunzi.nn.state import state_of

DEEPEST = 64  # containers within containers
MOST_MODULES = 10_000
ALWAYS_ALLOWED = 2**20  # numbers that a layer may ask for whatever the file holds: 4 MiB

LAYERS: dict[str, type[Module]] = {
    name: value
    for name in lunzi.nn.__all__
    if isinstance(value := getattr(lunzi.nn, name), type)
    and issubclass(value, Module)
    and value is not Module
}


class UndescribedError(Exception):
    """A module that no JSON describes; the message is its place in the model and its class."""


def describe(model: Module, place: str = "", depth: int = 0) -> dict[str, Json]:
    """The architecture of a model.

    Raises:
        UndescribedError: when a module in it is not of a class of lunzi.nn, or holds what its
            constructor's arguments do not tell.
    """
    layer = type(model)
    problem = UndescribedError(f"{place} ({layer.__name__})" if place else layer.__name__)
    if LAYERS.get(layer.__name__) is not layer or depth > DEEPEST:
        raise problem
    if isinstance(model, Container):
        children = {
            name: describe(child, joined(place, name), depth + 1)
            for name, child in model.held().items()
        }
        return {"class": layer.__name__, "children": children}
    try:
        arguments = {name: as_json(value) for name, value in model.config().items()}
    except TypeError:
        raise problem from None
    return {"class": layer.__name__, "arguments": arguments}


def rebuild(architecture: Json, path: str, numbers: int) -> Module:
    """A model of the architecture, whose initial numbers mean nothing.

    Args:
        architecture: from a file: nothing about it is believed.
        path: the file, for errors.
        numbers: how many the file holds.

    Raises:
        FileFormatError: when it is not of the form above, or a class or argument is not known,
            or it asks for far more than the file holds.
    """
    # What layers do to their numbers goes to a trace that is thrown away: nothing is drawn, so
    # that the stream of random numbers stays where it is, and memory is asked for but not
    # touched, so that a size which lies costs none of it. Those that overflow do not matter.
    with mode(trace=Trace()), np.errstate(all="ignore"):
        return Builder(path, numbers).build(architecture, "", 0)


@dataclass
class Builder:
    """Makes modules from a file's architecture, within bounds on their number and sizes."""

    path: str
    numbers: int  # that the file holds for the modules still to be made
    modules: int = 0

    def build(self, node: Json, place: str, depth: int) -> Module:
        where = (
            text("files.place.module", name=shortened(place))
            if place
            else text("files.place.model")
        )
        self.modules += 1
        if depth > DEEPEST or self.modules > MOST_MODULES:
            raise damaged(
                "files.too_many_modules", self.path, place=where, depth=DEEPEST, most=MOST_MODULES
            )
        if not isinstance(node, dict) or len(node) != 2 or "class" not in node:
            raise damaged("files.architecture", self.path, place=where, found=shown(node))
        name = node["class"]
        layer = LAYERS.get(name) if isinstance(name, str) else None
        if layer is None:
            raise damaged("files.unknown_layer", self.path, place=where, found=shown(name))
        part = "children" if issubclass(layer, Container) else "arguments"
        content = node.get(part)
        if not isinstance(content, dict):
            raise damaged("files.architecture", self.path, place=where, found=shown(node))
        if issubclass(layer, Container):
            return self.container(layer(), content, place, depth)
        return self.layer(layer, content, where)

    def container(
        self, container: Container, children: dict[str, Json], place: str, depth: int
    ) -> Module:
        for name, node in children.items():
            # Python's and Lunzi's own attributes begin so.
            if name.startswith("_"):
                raise damaged("files.child_name", self.path, name=shown(name))
            child = self.build(node, joined(place, name), depth + 1)
            try:
                container.hold(name, child)
            except RangeError:
                raise damaged("files.child_name", self.path, name=shown(name)) from None
        return container

    def layer(self, layer: type[Module], values: dict[str, Json], where: str) -> Module:
        arguments = {name: from_json(value) for name, value in values.items()}
        name = misfit(layer, arguments)
        if name is not None:
            found = shown(arguments[name]) if name in arguments else text("files.place.nothing")
            raise damaged(
                "files.argument", self.path,
                place=where, layer=layer.__name__, name=shown(name), found=found,
            )  # fmt: skip
        self.refuse_above(
            max(self.numbers, ALWAYS_ALLOWED),
            max(map(numbers_asked, arguments.values()), default=0),
            where,
            layer,
        )
        try:
            module = layer(**arguments)
        except (LunziError, MemoryError, OverflowError, ValueError, ZeroDivisionError) as error:
            raise damaged(
                "files.not_built", self.path,
                place=where, layer=layer.__name__, reason=shortened(str(error)),
            ) from None  # fmt: skip
        made = sum(tensor.size for tensor in state_of(module).values())
        self.refuse_above(self.numbers, made, where, layer)
        self.numbers -= made
        return module

    def refuse_above(self, most: int, asked: int, where: str, layer: type[Module]) -> None:
        if asked > most:
            raise damaged(
                "files.too_large", self.path,
                place=where, layer=layer.__name__, asked=asked, most=most,
            )  # fmt: skip
