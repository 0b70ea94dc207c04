"""The random numbers of a run: the default generator, and those that layers have of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lunzi.core.errors import StateKeyError
from lunzi.core.random import Generator, default_generator
from lunzi.core.tensor import Tensor
from lunzi.nn import Module

DEFAULT = "the default generator"  # a name that no attribute can have


def generators(model: Module) -> dict[str, Generator]:
    """Every generator that a training of the model draws from, by its place in the model."""
    found = {DEFAULT: default_generator}
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if isinstance(value, Generator):
                found[f"{name}.{attribute}" if name else attribute] = value
    return found


def random_state(model: Module) -> dict[str, dict[str, Tensor]]:
    """A copy of the state of each generator."""
    return {name: source.state_dict() for name, source in generators(model).items()}


def load_random_state(model: Module, state: Mapping[str, Any]) -> None:
    """Let each generator go on where the state was taken.

    Raises:
        StateKeyError: when the model has other generators.
    """
    sources = generators(model)
    if set(state) != set(sources):
        raise StateKeyError(
            f"the state has random generators {sorted(state)}, the model {sorted(sources)}"
        )
    for name, source in sources.items():
        source.load_state_dict(state[name])
