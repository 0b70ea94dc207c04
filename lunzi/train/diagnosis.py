"""Where a number stopped being finite: in the data, a parameter, or a layer's output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lunzi.core.errors import LunziError, RangeError
from lunzi.core.mode import no_grad
from lunzi.core.spec import Array
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.data import ArrayDataset
from lunzi.nn import Module
from lunzi.train.random_state import load_random_state, random_state

CAUSES = (
    "Usual causes: a learning rate that is too large (try a tenth), inputs that are not scaled, a "
    "logarithm or division in the loss; clip_norm=1 limits single steps"
)


class DivergenceError(LunziError, ArithmeticError):
    """The loss is NaN or infinite: training cannot go on."""


def check_batch(x: Any, y: Any, where: str, dataset: Any = None) -> None:
    """Refuse inputs and targets that are NaN or infinite, with their place.

    Args:
        x, y: a batch.
        where: which batch it is, for the error.
        dataset: what the batch came from; where that is arrays, the error names the row of it
            that is to be cleaned, for the place in a shuffled batch does not tell.

    Raises:
        RangeError: naming the batch, the place and the value.
    """
    for part, (name, batch) in enumerate((("x", np.asarray(x)), ("y", np.asarray(y)))):
        if is_finite(batch):
            continue
        place = first_broken(batch)
        message = f"{where}: {name} holds {batch[place]} at {place} of its batch"
        whole = dataset.arrays[part] if isinstance(dataset, ArrayDataset) else None
        if whole is not None and not is_finite(whole):
            message += f", and in the data first at {first_broken(whole)}"
        raise RangeError(f"{message}: clean or leave out such samples before training")


def is_finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def first_broken(array: Array) -> tuple[int, ...]:
    """The place of the first number that is not finite, in C order."""
    return tuple(int(i) for i in np.unravel_index(np.isfinite(array).argmin(), array.shape))


def divergence(model: Module, x: Any, step: int, loss: float) -> DivergenceError:
    """The error for a loss that is not finite, naming the first place where it shows."""
    message = f"step {step}: the loss is {loss}. "
    broken = [name for name, p in model.named_parameters() if not is_finite(p.numpy())]
    if broken:
        message += f"The parameter {broken[0]} is not finite since an earlier step"
    elif layer := first_broken_layer(model, x):
        message += f"The first output that is not finite is that of {layer}"
    else:
        message += "All outputs of the network are finite: it arose in the loss itself"
    return DivergenceError(f"{message}. {CAUSES}")


def first_broken_layer(model: Module, x: Any) -> str | None:
    """Path and class of the first module whose output has NaN or infinity.

    The forward is run once more; running statistics and random numbers are as before then.
    """
    found: list[str] = []
    hooks = [
        module.register_forward_hook(note_if_broken(name or "the network", found))
        for name, module in model.named_modules()
    ]
    try:
        with unchanged(model), no_grad():
            model(as_tensor(x))
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def look_over(model: Module, forward: Callable[[Any, Any], Any], x: Any, y: Any) -> int:
    """Run model and loss once, eagerly, and leave everything as it was.

    What is wrong with them or with the numbers is told before anything is compiled.

    Args:
        model: the model.
        forward: gives output and loss for a batch.
        x, y: a batch.

    Returns:
        The multiply-adds of the model for the batch.
    """
    counts: list[int] = []

    def count(module: Module, inputs: Any, output: Any) -> None:
        counts.append(module.multiply_adds(inputs, output))

    # The mode stays: a model that does more in train() and eval() would not be as before.
    hooks = [module.register_forward_hook(count) for module in model.modules()]
    try:
        with unchanged(model), no_grad():
            forward(x, y)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)


@contextmanager
def unchanged(model: Module) -> Iterator[None]:
    """Running statistics and random numbers are after the `with` block as before it."""
    state, random = model.state_dict(), random_state(model)
    try:
        yield
    finally:
        model.load_state_dict(state)
        load_random_state(model, random)


def note_if_broken(name: str, found: list[str]) -> Callable[[Module, Any, Any], None]:
    def hook(module: Module, inputs: Any, output: Any) -> None:
        outputs = output if isinstance(output, tuple | list) else (output,)
        if not all(is_finite(y.numpy()) for y in outputs if isinstance(y, Tensor)):
            found.append(f"{name} ({type(module).__name__})")

    return hook
