"""Group: parameters that share their settings, and the settings themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lunzi.core.errors import MissingAttributeError, StateError, StateKeyError
from lunzi.core.mode import MODE, PROGRAM
from lunzi.core.spec import float64
from lunzi.core.tensor import Tensor

Settings = Mapping[str, Any]
Number = float | Tensor


class Group(Mapping[str, Any]):
    """Parameters that share settings, reached by name: `group["lr"]` and `group.lr`.

    `lr` is *held*: it lives in a float64 tensor of one number, and setting it assigns, so
    that a compiled step goes on with the new number. Every other setting is part of the
    program: changing it makes traced steps be traced again.

    Args:
        params: the parameters.
        settings: value of every setting.
        check: raises when the settings, as plain numbers, are not ones to train with.
    """

    # The instance's dictionary is the settings, so that `group.lr` is an ordinary attribute.
    __slots__ = ("__dict__", "check", "is_changed")

    params: list[Tensor]
    check: Callable[[Settings], None]
    is_changed: bool  # a setting was replaced, and the state may need other tensors

    __eq__ = object.__eq__  # groups are compared by identity: tensors compare by element
    __hash__ = object.__hash__

    def __init__(
        self, params: list[Tensor], settings: Settings, check: Callable[[Settings], None]
    ) -> None:
        numbers = {name: plain(value) for name, value in settings.items()}
        check(numbers)
        self.check = check
        self.is_changed = False
        vars(self).update(params=params, **numbers)
        if "lr" in numbers:
            vars(self)["lr"] = held(numbers["lr"])

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str) or name not in vars(self):
            raise StateKeyError(self.unknown(name))
        return vars(self)[name]

    def __getattr__(self, name: str) -> Any:
        raise MissingAttributeError(self.unknown(name))

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Group.__slots__:
            object.__setattr__(self, name, value)
        else:
            self.update({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __len__(self) -> int:
        return len(vars(self))

    def settings(self) -> dict[str, Any]:
        """All settings as plain numbers, without the parameters."""
        return {name: plain(value) for name, value in vars(self).items() if name != "params"}

    def update(self, changes: Settings) -> None:
        """Change several settings at once; nothing changes when one of them is refused.

        Raises:
            StateKeyError: when there is no such setting.
            RangeError: when a value is out of its range.
            KindError: when a value is of the wrong kind.
        """
        for name in changes:
            self.refuse_unknown(name)
        # Inside a traced function a tensor has no number to check; it can only be assigned.
        if MODE.get().trace is None:
            changes = {name: plain(value) for name, value in changes.items()}
            self.check({**self.settings(), **changes})
        for name, value in changes.items():
            self.place(name, value)

    def refuse_unknown(self, name: str) -> None:
        if name == "params":
            raise StateError("the parameters of a group stay; add others with add_param_group")
        if name not in vars(self) and name != "initial_lr":
            raise StateKeyError(self.unknown(name))

    def unknown(self, name: str) -> str:
        known = ", ".join(known for known in vars(self) if known != "params")
        return f"a group of this optimiser has no setting {name!r}; it has {known}"

    def place(self, name: str, value: Any) -> None:
        """Assign to a setting that is held, replace any other."""
        match vars(self).get(name):
            case Tensor() as current:
                current.assign(value)
            case (Tensor(), *_) as cells:
                for current, number in zip(cells, value, strict=True):
                    current.assign(number)
            case current:
                number = plain(value)
                vars(self)[name] = number
                # initial_lr is read by schedules alone.
                if name != "initial_lr" and number != current:
                    self.is_changed = True
                    PROGRAM.advance()

    def hold(self, name: str) -> None:
        """Keep a setting in tensors from now on, for a schedule that changes it at each step."""
        if is_held(vars(self)[name]):
            return
        numbers = plain(vars(self)[name])
        cells = tuple(map(held, numbers)) if isinstance(numbers, tuple) else held(numbers)
        vars(self)[name] = cells
        self.is_changed = True
        PROGRAM.advance()

    def with_settings(self, changes: Settings) -> Group:
        """Another group of the same parameters, with what is held here held there too."""
        for name in changes:
            self.refuse_unknown(name)
        other = Group(self.params, {**self.settings(), **changes}, self.check)
        for name, value in vars(self).items():
            if is_held(value):
                other.hold(name)
        return other

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"Group({len(self.params)} params, {settings})"


def held(number: float) -> Tensor:
    """The cell of a setting that is held."""
    return Tensor(np.array(number, float64))


def is_held(setting: Any) -> bool:
    """True for a setting that lives in tensors."""
    return isinstance(setting[0] if isinstance(setting, tuple) else setting, Tensor)


def plain(value: Any) -> Any:
    """A setting in Python's own kinds: numbers for tensors and NumPy's, tuples for lists."""
    if isinstance(value, Tensor | np.generic | np.ndarray) and value.size == 1:
        return value.item()
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return value


def is_used(setting: Number) -> bool:
    """False for a setting that is 0 for good: a held one may become another number."""
    return isinstance(setting, Tensor) or setting != 0


def beside(parameter: Tensor, setting: Number) -> Number:
    """A setting as it meets a parameter: float64 tensors in the parameter's dtype.

    Python's numbers are weak already; a float64 tensor would make float32 formulas float64.
    """
    return setting.as_dtype(parameter.dtype) if isinstance(setting, Tensor) else setting
