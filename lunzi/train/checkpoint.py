"""Checkpoints: a run's whole state in one file, written whole or not at all."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from lunzi.core.advice import LunziWarning
from lunzi.core.errors import FileFormatError, user_line
from lunzi.core.spec import Array
from lunzi.files import read_header, read_tensors, write_tensors
from lunzi.messages import text
from lunzi.train.environment import differences, environment, was_compiled
from lunzi.train.state_tree import pack, unpack

FORMAT = "lunzi checkpoint 1"
# The name of the array whose bytes are the tree: a header, where other texts stand, has bounds.
TREE = "state.json"


class EnvironmentWarning(LunziWarning):
    """A run goes on elsewhere than it began, so that its bits may differ."""


def save_checkpoint(
    path: str | os.PathLike[str], state: dict[str, Any], is_compiled: bool = False
) -> None:
    """Write a nested state of tensors, numbers and texts; a kill leaves one file or the other.

    Args:
        path: the file.
        state: what `load_checkpoint` gives back.
        is_compiled: whether compiled programs have a part in it, whose bits hang on more of the
            processor than those of NumPy.

    Raises:
        KindError: when something in the state is none of these.
        MissingFileError: when the folder is not there.
        FileFormatError: when the file cannot be written.
    """
    arrays: dict[str, Array] = {TREE: np.zeros(0, np.uint8)}
    tree = json.dumps(pack(state, arrays))
    arrays[TREE] = np.frombuffer(tree.encode(), np.uint8)
    now = json.dumps(environment(is_compiled))
    write_tensors(path, arrays, {"format": FORMAT, "environment": now})


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote; a warning tells when the bits may differ from here on.

    Raises:
        FileFormatError: when the file is damaged or no checkpoint.
        MissingFileError: when there is none.
    """
    metadata = read_header(path).metadata
    name = os.fspath(path)
    if metadata.get("format") != FORMAT:
        raise FileFormatError(text("training.no_checkpoint", path=name))
    arrays = read_tensors(path)
    try:
        tree = json.loads(arrays[TREE].tobytes())
        before = dict(json.loads(metadata["environment"]))
    except (KeyError, RecursionError, TypeError, ValueError):
        raise FileFormatError(text("training.damaged_checkpoint", path=name)) from None
    state = unpack(tree, arrays, name)
    if not isinstance(state, dict):
        raise FileFormatError(text("training.damaged_checkpoint", path=name))
    if changed := differences(before, environment(was_compiled(before))):
        warn_of_changes(changed)
    return state


def warn_of_changes(changes: Sequence[str]) -> None:
    """Warn that bits may differ from those of a run without these changes."""
    message = text("training.other_environment", changes="; ".join(changes))
    filename, _, line = user_line().rpartition(":")
    warnings.warn_explicit(message, EnvironmentWarning, filename, int(line or 0))
