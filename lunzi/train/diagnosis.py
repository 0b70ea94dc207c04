"""Where a number stopped being finite: in the data, a parameter, or a layer's output."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from lunzi.core.errors import LunziError, RangeError
from lunzi.core.mode import no_grad
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor
from lunzi.nn import Module


class DivergenceError(LunziError, ArithmeticError):
    """The loss is NaN or infinite: training cannot go on."""


def check_batch(name: str, array: Array, step: int) -> None:
    """Refuse inputs that are NaN or infinite, with their place.

    Raises:
        RangeError: naming the batch, the place and the value.
    """
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    raise RangeError(
        f"step {step}: {name} holds {array[place]} at {place} of its batch: clean or drop such "
        f"samples before training"
    )


def divergence(model: Module, x: Any, step: int, loss: float) -> DivergenceError:
    """The error for a loss that is not finite, naming the first place where it shows."""
    message = f"step {step}: the loss is {loss}. "
    broken = [name for name, p in model.named_parameters() if not np.isfinite(p.numpy()).all()]
    if broken:
        message += f"The parameter {broken[0]} is not finite since an earlier step"
    elif layer := first_broken_layer(model, x):
        message += f"The first output that is not finite is that of {layer}"
    else:
        message += "All outputs of the network are finite: the loss itself overflowed"
    return DivergenceError(
        message + ". Usual causes: a learning rate that is too large (try a tenth), inputs that "
        "are not scaled, a logarithm or division in the loss; clip_norm=1 limits single steps"
    )


def first_broken_layer(model: Module, x: Any) -> str | None:
    """Path and class of the first module whose output has NaN or infinity."""
    found: list[str] = []
    # A copy, so that looking does not move running statistics.
    twin = copy.deepcopy(model)
    for name, module in twin.named_modules():
        module.register_forward_hook(note_if_broken(name or "the network", found))
    with no_grad():
        twin(x)
    return found[0] if found else None


def note_if_broken(name: str, found: list[str]) -> Any:
    def hook(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and not np.isfinite(output.numpy()).all():
            found.append(f"{name} ({type(module).__name__})")

    return hook
