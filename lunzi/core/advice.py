"""Warnings that teach: something that is allowed and probably not meant."""

from __future__ import annotations

import warnings
from typing import Any

from lunzi.core.errors import user_line

# Python's memory of what it has shown: a line in a loop is warned of once.
SHOWN: dict[Any, int] = {}


class LunziWarning(UserWarning):
    """Something that works and is probably a mistake."""


def advise(message: str) -> None:
    """Warn of the user's line, the innermost outside Lunzi; once for each line."""
    filename, _, line = user_line().rpartition(":")
    warnings.warn_explicit(message, LunziWarning, filename, int(line or 0), registry=SHOWN)
