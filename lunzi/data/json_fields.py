"""Taking apart JSON that may be damaged: each field is checked as it is read."""

import math
from collections.abc import Sequence
from typing import Any

from lunzi.core.errors import FileFormatError
from lunzi.messages import text

Json = dict[str, Any]


class Fields:
    """The fields of one JSON object; each method takes a name and gives a value of its kind.

    Args:
        value: what was in the JSON file.
        where: its place, for messages: `run.json: preprocessing`.

    Raises:
        FileFormatError: when a field is missing, unknown or of another kind.
    """

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        if not isinstance(value, dict):
            raise _wrong(where, "an object {...}", value)
        self.values: Json = value

    def only(self, *names: str) -> "Fields":
        """This object, when it has exactly these fields."""
        for name in names:
            if name not in self.values:
                raise FileFormatError(text("data.json_missing", where=self.where, name=name))
        for name in self.values:
            if name not in names:
                raise FileFormatError(text("data.json_unknown", where=self.where, name=name))
        return self

    def place(self, name: str) -> str:
        return f"{self.where}.{name}"

    def get(self, name: str) -> Any:
        if name not in self.values:
            raise FileFormatError(text("data.json_missing", where=self.where, name=name))
        return self.values[name]

    def string(self, name: str) -> str:
        return _string(self.get(name), self.place(name))

    def choice(self, name: str, choices: Sequence[str]) -> str:
        value = self.get(name)
        if value not in choices:
            raise _wrong(self.place(name), " | ".join(map(repr, choices)), value)
        return str(value)

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise _wrong(self.place(name), "true | false", value)
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _wrong(self.place(name), f"{least} ... {most}", value)
        return value

    def number(self, name: str, least: float = -math.inf, most: float = math.inf) -> float:
        return _number(self.get(name), self.place(name), least, most)

    def positive(self, name: str) -> float:
        """A number above 0."""
        value = self.number(name)
        if value <= 0:
            raise _wrong(self.place(name), "> 0", value)
        return value

    def strings(self, name: str) -> tuple[str, ...]:
        return tuple(_string(value, place) for value, place in self._items(name))

    def numbers(self, name: str) -> tuple[float, ...]:
        return tuple(_number(value, place) for value, place in self._items(name))

    def objects(self, name: str) -> list["Fields"]:
        return [Fields(value, place) for value, place in self._items(name)]

    def object(self, name: str) -> "Fields":
        return Fields(self.get(name), self.place(name))

    def _items(self, name: str) -> list[tuple[Any, str]]:
        values = self.get(name)
        if not isinstance(values, list):
            raise _wrong(self.place(name), "a list [...]", values)
        return [(value, f"{self.place(name)}[{i}]") for i, value in enumerate(values)]


def _string(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, '"..."', value)
    return value


def _number(value: object, where: str, least: float = -math.inf, most: float = math.inf) -> float:
    expected = "a finite number" if math.isinf(most) else f"{least} ... {most}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(where, expected, value)
    # Whole numbers in JSON have no limit, doubles have.
    number = float(value) if abs(value) < 1e308 else math.inf
    if not math.isfinite(number) or not least <= number <= most:
        raise _wrong(where, expected, value)
    return number


def _wrong(where: str, expected: str, value: object) -> FileFormatError:
    got = repr(value)
    short = got if len(got) <= 40 else got[:37] + "..."
    return FileFormatError(text("data.json_wrong", where=where, expected=expected, got=short))
