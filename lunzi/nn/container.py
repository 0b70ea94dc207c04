"""Modules that hold others: Sequential, ModuleList, ModuleDict."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from lunzi.core.arguments import listed
from lunzi.core.errors import KindError, PositionError, RangeError, ShapeError, StateKeyError
from lunzi.core.spec import as_index
from lunzi.core.structure import flatten
from lunzi.core.tensor import is_tensor
from lunzi.nn.module import Module


class Container(Module):
    """Modules as attributes under their names, in order: `0`, `1`, ... or names of one's own."""

    def held(self) -> dict[str, Module]:
        """The modules by name, in order."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def hold(self, name: str, module: Module) -> None:
        """Set or replace a module.

        Raises:
            KindError: when it is no module, or its name no text.
            RangeError: when the name is empty, has a dot, or is that of something else here.
        """
        check_name(name)
        check_module(name, module)
        if not name or "." in name:
            raise RangeError(f"a module's name is not empty and has no dot, got {name!r}")
        if hasattr(self, name) and not isinstance(vars(self).get(name), Module):
            raise RangeError(
                f"{name!r} cannot be a module's name here: {type(self).__name__}.{name} "
                f"is something else"
            )
        setattr(self, name, module)

    def add(self, name: str, module: Module) -> None:
        """Set a module under a new name."""
        check_name(name)
        if name in self.held():
            raise RangeError(f"there is a module of the name {name!r} already")
        self.hold(name, module)

    def clear(self) -> None:
        """Hold no modules any more."""
        for name in self.held():
            delattr(self, name)

    def config(self) -> dict[str, Any]:
        """Empty: what a container holds are its children."""
        return {}

    def __len__(self) -> int:
        return len(self.held())


def check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise KindError(f"a module's name is text, got {name!r}")


def check_module(name: str, module: Any) -> None:
    if isinstance(module, Module):
        return
    what = f"got {module!r}"
    if isinstance(module, type) and issubclass(module, Module):
        what = f"got the class: write {module.__name__}(...) to make one"
    elif isinstance(module, list | tuple):
        what = "got a list: write Sequential(*modules)"
    elif callable(module):
        what = f"got {module!r}: call it in a module's forward"
    raise KindError(f"{name!r} is to be a module, {what}")


class Indexed(Container):
    """What Sequential and ModuleList share: modules reached by their position."""

    def __iter__(self) -> Iterator[Module]:
        return iter(self.held().values())

    def __setitem__(self, index: int, module: Module) -> None:
        self.hold(self.name_at(index), module)

    def __delitem__(self, index: int) -> None:
        name = self.name_at(index)
        held = self.held()
        is_numbered = list(held) == [str(place) for place in range(len(held))]
        del held[name]
        self.clear()
        for place, (old, module) in enumerate(held.items()):
            self.hold(str(place) if is_numbered else old, module)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in listed("modules", modules):
            self.append(module)
        return self

    def name_at(self, index: int) -> str:
        names = list(self.held())
        index = as_index(index, "the position of a module")
        if not -len(names) <= index < len(names):
            raise PositionError(f"there is no module {index}: there are {len(names)}")
        return names[index]


class Sequential(Indexed):
    """Modules one after the other: each takes what the one before gives.

    Args:
        modules: the modules, which get the names "0", "1", ...; or one dict of name -> module.

    >>> from lunzi.nn.linear import Identity
    >>> Sequential({"first": Identity(), "second": Identity()})
    Sequential(
      (first): Identity()
      (second): Identity()
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        named: Mapping[str, Any] = {str(place): module for place, module in enumerate(modules)}
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        for name, module in named.items():
            self.hold(name, module)

    def forward(self, input: Any) -> Any:
        before = ""
        for name, module in self.held().items():
            try:
                input = module(input)
            except ShapeError as error:
                if before:
                    self.tell_what_came(error, module, before, input)
                raise
            before = name
        return input

    def tell_what_came(self, error: ShapeError, module: Module, before: str, input: Any) -> None:
        """Add to a layer's error what gave it its input; an inner layer of a module got another."""
        if error.module is not module or any(module.children()):
            return
        shapes = ", ".join(str(x.shape) for x in flatten(input, is_tensor))
        if shapes:
            kind = type(self.held()[before]).__name__
            error.message += f". The layer before, {before} ({kind}), gives {shapes}"

    def __getitem__(self, index: int | slice) -> Any:
        """A module, or for a slice a Sequential of the same modules under the same names."""
        if isinstance(index, slice):
            return Sequential(dict(list(self.held().items())[index]))
        return self.held()[self.name_at(index)]


class ModuleList(Indexed):
    """Modules in a list, to be called by the module that holds it.

    A plain list in an attribute does the same; this one has PyTorch's name.

    Args:
        modules: the modules, which get the names "0", "1", ...
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(() if modules is None else modules)

    def __getitem__(self, index: int | slice) -> Any:
        """A module, or for a slice a ModuleList of the same modules."""
        if isinstance(index, slice):
            return ModuleList(list(self)[index])
        return self.held()[self.name_at(index)]

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at `index`."""
        check_module(str(index), module)
        modules = list(self)
        place = as_index(index, "the position of a module")
        modules.insert(min(max(place, -len(modules)), len(modules)), module)
        self.clear()
        self.extend(modules)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        raise KindError(
            "a ModuleList only holds modules: call each in a forward, or use Sequential"
        )


class ModuleDict(Container):
    """Modules by name, to be called by the module that holds it.

    A plain dict in an attribute does the same; this one has PyTorch's name.

    Args:
        modules: name -> module.
    """

    def __init__(self, modules: Mapping[str, Module] | ModuleDict | None = None) -> None:
        self.update({} if modules is None else modules)

    def __getitem__(self, name: str) -> Any:
        held = self.held()
        check_name(name)
        if name not in held:
            raise StateKeyError(f"there is no module {name!r}: there are {', '.join(held)}")
        return held[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.hold(name, module)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.held()

    def __iter__(self) -> Iterator[str]:
        return iter(self.held())

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.held().keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self.held().values()

    def items(self) -> ItemsView[str, Module]:
        """Names and modules."""
        return self.held().items()

    def update(self, modules: Mapping[str, Module] | ModuleDict) -> None:
        """Set or replace modules by name."""
        if not isinstance(modules, Mapping | ModuleDict):
            raise KindError(f"modules are a dict of name -> module, got {modules!r}")
        for name, module in modules.items():
            self.hold(name, module)

    def pop(self, name: str) -> Any:
        """Take a module out and give it back."""
        module = self[name]
        delattr(self, name)
        return module

    def forward(self, *inputs: Any, **named: Any) -> Any:
        raise KindError("a ModuleDict only holds modules: call them in a forward of your own")
