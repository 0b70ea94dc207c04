"""The errors of Lunzi. Each is a LunziError and the built-in kind that fits."""

from __future__ import annotations

import os
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class LunziError(Exception):
    """Any error that Lunzi raises on purpose.

    `module_path` is filled while the error travels up through nested modules, innermost
    name last, so that the message can say `layers.2 (Linear)`.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.module_path: list[str] = []
        self.module_class = ""
        self.module: object = None  # the outermost module that it has passed so far

    def __str__(self) -> str:
        if not self.module_class:
            return self.message
        path = ".".join(self.module_path)
        where = f"{path} ({self.module_class})" if path else self.module_class
        return f"{where}: {self.message}"


class ShapeError(LunziError, ValueError):
    """Shapes that do not fit together."""


class RangeError(LunziError, ValueError):
    """A value outside what is allowed."""


class KindError(LunziError, TypeError):
    """A value of the wrong kind: a dtype, a class, an argument of another type."""


class PositionError(LunziError, IndexError):
    """An index or an axis outside the tensor."""


class OutOfMemoryError(LunziError, MemoryError):
    """Numbers that the machine has no room for."""


class GradientError(LunziError, RuntimeError):
    """A gradient that cannot be computed, or that would be wrong."""


class TraceError(LunziError, RuntimeError):
    """Something that a traced function cannot do, such as an `if` on a tensor's value."""


class CheckError(LunziError, ArithmeticError):
    """Two ways to compute the same that gave different numbers."""


class StateError(LunziError, RuntimeError):
    """An object used in a state that does not allow it."""


class StateKeyError(LunziError, KeyError):
    """Names in a state that are missing, unexpected or of another shape."""


class MissingAttributeError(LunziError, AttributeError):
    """A name that an object has not."""


class FileFormatError(LunziError, ValueError):
    """A file that is damaged or is not of the format that was expected."""


class MissingFileError(LunziError, FileNotFoundError):
    """A file or folder that is not there."""


def user_line() -> str:
    """`file.py:12` of the innermost frame outside Lunzi; empty where there is none."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]  # None ends the walk
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
