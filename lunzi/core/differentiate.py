"""Gradients as functions: grad and value_and_grad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from lunzi.core.autograd import gradients_of, recorded
from lunzi.core.creation import zeros_like
from lunzi.core.errors import GradientError, PositionError
from lunzi.core.mode import enable_grad, is_grad_enabled
from lunzi.core.spec import as_index
from lunzi.core.tensor import Tensor, as_tensor, constant


def grad(function: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """The function that gives the gradient of `function` for some of its arguments.

    It can be applied again: `grad(grad(f))` is the second derivative.

    Args:
        function: of tensors, returning a single number.
        argnums: the place of the argument, or several places for a tuple of gradients.

    >>> float(grad(lambda x: x * x * x)(2.0))
    12.0
    """
    both = value_and_grad(function, argnums)

    @wraps(function)
    def gradient(*arguments: Any, **named: Any) -> Any:
        return both(*arguments, **named)[1]

    return gradient


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0
) -> Callable[..., tuple[Tensor, Any]]:
    """The function that gives the value of `function` and its gradient, in one run.

    Args:
        function: of tensors, returning a single number.
        argnums: the place of the argument, or several places for a tuple of gradients.
    """
    several = isinstance(argnums, tuple | list)
    chosen: Sequence[Any] = argnums if isinstance(argnums, tuple | list) else (argnums,)
    places = [as_index(place, "argnums") for place in chosen]

    @wraps(function)
    def both(*arguments: Any, **named: Any) -> tuple[Tensor, Any]:
        if any(not -len(arguments) <= place < len(arguments) for place in places):
            raise PositionError(
                f"argnums={argnums} with {len(arguments)} arguments given by position"
            )
        outside = is_grad_enabled()
        given = [as_tensor(arguments[place]) for place in places]
        with enable_grad():
            # Tensors of their own, so that the same tensor read elsewhere in the function does
            # not count; linked to what was given, for the gradients of an outer grad.
            inputs = [
                x.reshape(x.shape) if x.requires_grad else x.detach().requires_grad_()
                for x in given
            ]
            filled = list(arguments)
            for place, x in zip(places, inputs, strict=True):
                filled[place] = x
            value = function(*filled, **named)
            if not isinstance(value, Tensor) or value.size != 1:
                what = value.shape if isinstance(value, Tensor) else type(value).__name__
                raise GradientError(f"grad is for functions of one number, this one gave {what}")
            # The walk is recorded only where somebody can ask for its gradient.
            is_watched = outside and reaches_further(value, inputs)
            gradients = differentiate(value, inputs, is_watched)
        return (
            value if is_watched else value.detach(),
            tuple(gradients) if several else gradients[0],
        )

    return both


def reaches_further(value: Tensor, inputs: Sequence[Tensor]) -> bool:
    """Whether tensors other than fresh inputs want gradients of `value`."""
    if any(x.origin is not None for x in inputs):
        return True
    own = {id(x) for x in inputs}
    return value.requires_grad and any(
        x.origin is None and id(x) not in own for x in recorded(value, own)
    )


def differentiate(value: Tensor, inputs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    found: Sequence[Tensor | None] = [None] * len(inputs)
    if value.requires_grad:
        one = constant(np.ones(value.shape, value.dtype))
        found = gradients_of(value, one, inputs, create_graph)
    return [zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]
