"""Checkpoints: a run's whole state in one file, written whole or not at all."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

from lunzi.core.errors import FileFormatError
from lunzi.core.spec import Array
from lunzi.files import read_header, read_tensors, write_tensors
from lunzi.messages import text
from lunzi.train.environment import differences, environment
from lunzi.train.state_tree import pack, unpack

FORMAT = "lunzi checkpoint 1"


class EnvironmentWarning(UserWarning):
    """A run goes on elsewhere than it began, so that its bits may differ."""


def save_checkpoint(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a nested state of tensors, numbers and texts; a kill leaves one file or the other."""
    arrays: dict[str, Array] = {}
    tree = pack(state, arrays)
    write_tensors(
        path,
        arrays,
        {
            "format": FORMAT,
            "state": json.dumps(tree, ensure_ascii=False),
            "environment": json.dumps(environment()),
        },
    )


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; a warning tells when the bits may differ from here on.

    Raises:
        FileFormatError: when the file is damaged or no checkpoint.
        MissingFileError: when there is none.
    """
    metadata = read_header(path).metadata
    if metadata.get("format") != FORMAT:
        raise FileFormatError(text("training.no_checkpoint", path=os.fspath(path)))
    try:
        tree, before = json.loads(metadata["state"]), json.loads(metadata["environment"])
    except (KeyError, ValueError):
        raise FileFormatError(text("training.no_checkpoint", path=os.fspath(path))) from None
    changed = differences(before, environment())
    if changed:
        warnings.warn(
            text("training.other_environment", changes="; ".join(changed)),
            EnvironmentWarning,
            stacklevel=2,
        )
    state = unpack(tree, read_tensors(path))
    if not isinstance(state, dict):
        raise FileFormatError(text("training.no_checkpoint", path=os.fspath(path)))
    return state
