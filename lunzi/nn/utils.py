"""Work on all gradients or parameters at once, by PyTorch's names.

The name of this file is PyTorch's too: tutorials call `nn.utils.clip_grad_norm_`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lunzi.core.arguments import listed, real_number
from lunzi.core.creation import zeros
from lunzi.core.errors import GradientError, KindError, ShapeError
from lunzi.core.functions import concat, stack
from lunzi.core.mode import no_grad
from lunzi.core.spec import as_flag, float32, float64
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.module import Module


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients by one factor, so that their norm together is at most `max_norm`.

        norm = (sum of |g|^norm_type)^(1 / norm_type)
        g <- g min(1, max_norm / (norm + 1e-6))

    Call it between `backward` and the optimiser's step, in a traced step too. Parameters without
    a gradient are passed over; one that is named twice counts once.

    Args:
        parameters: one or several.
        max_norm: the bound, 0 or more.
        norm_type: above 0; math.inf takes the largest |g|.
        error_if_nonfinite: raise where the norm is infinite or NaN, in place of gradients that
            are 0 or NaN afterwards. It looks at the norm, which a traced step cannot.

    Returns:
        The norm before, as a tensor of one number.

    Raises:
        RangeError: when max_norm is negative or norm_type not above 0.
        KindError: when a parameter is no tensor.
        GradientError: when the norm is not finite and `error_if_nonfinite` is set.

    Source: Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, algorithm 1.
    """
    max_norm = real_number("max_norm", max_norm)
    norm_type = real_number("norm_type", norm_type, above=0)
    found = with_gradient(parameters)
    with no_grad():
        norm = total_norm([gradient for _, gradient in found], norm_type)
        if as_flag(error_if_nonfinite, "error_if_nonfinite") and not math.isfinite(norm.item()):
            raise GradientError(
                f"the norm of the gradients is {norm.item()}: look for the first loss that is not "
                f"finite, lower the learning rate, or leave out error_if_nonfinite"
            )
        # Minimum keeps NaN, so that gradients which are wrong do not look right.
        scale = (max_norm / (norm + 1e-6)).minimum(1)
        for parameter, gradient in found:
            # A new tensor, for parameters that met in a sum share theirs.
            parameter.grad = gradient * scale.as_dtype(gradient.dtype)
    return norm


def total_norm(gradients: list[Tensor], norm_type: float) -> Tensor:
    """The norm of all the numbers together, in float64 where one gradient is, else float32."""
    is_wide = any(gradient.dtype == float64 for gradient in gradients)
    dtype = float64 if is_wide else float32
    wide = [gradient.as_dtype(dtype) for gradient in gradients if gradient.size]
    if not wide:
        return zeros((), dtype)
    if norm_type == math.inf:
        return stack([gradient.abs().max() for gradient in wide]).max()
    if norm_type == 2:
        return stack([gradient.square().sum() for gradient in wide]).sum().sqrt()
    sums = [(gradient.abs() ** norm_type).sum() for gradient in wide]
    return stack(sums).sum() ** (1 / norm_type)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every number of every gradient into [-clip_value, clip_value]; NaN stays.

    Args:
        parameters: one or several; those without a gradient are passed over.
        clip_value: 0 or more, in units of the gradients.

    Raises:
        RangeError: when clip_value is negative.
    """
    clip_value = real_number("clip_value", clip_value)
    with no_grad():
        for parameter, gradient in with_gradient(parameters):
            parameter.grad = gradient.clip(-clip_value, clip_value)


def with_gradient(parameters: Tensor | Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Each parameter that has a gradient, once, with it."""
    several = [parameters] if isinstance(parameters, Tensor) else parameters
    unique = {id(parameter): parameter for parameter in as_tensors(several)}
    pairs = [(parameter, parameter.grad) for parameter in unique.values()]
    return [(parameter, gradient) for parameter, gradient in pairs if gradient is not None]


def as_tensors(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list.

    Raises:
        KindError: when one is no tensor, or a model or something else is given in their place.
    """
    if isinstance(parameters, Module):
        raise KindError("parameters are tensors, got a module: pass its parameters()")
    tensors = listed("parameters", parameters)
    for parameter in tensors:
        if not isinstance(parameter, Tensor):
            raise KindError(
                f"parameters are tensors, as model.parameters() gives them; "
                f"got {type(parameter).__name__}"
            )
    return tensors


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All numbers of the parameters one after the other, each in C order.

    Raises:
        ShapeError: when there are no parameters.
    """
    return concat([parameter.flatten() for parameter in as_tensors(parameters)])


def vector_to_parameters(vec: Any, parameters: Iterable[Tensor]) -> None:
    """Assign the numbers of a vector to the parameters, in the order of `parameters_to_vector`.

    Raises:
        ShapeError: when the vector has not as many numbers as the parameters; none is changed.
    """
    vector, targets = as_tensor(vec), as_tensors(parameters)
    total = sum(parameter.size for parameter in targets)
    if vector.shape != (total,):
        raise ShapeError(
            f"expects a vector of the {total} numbers of the parameters, got shape {vector.shape}"
        )
    start = 0
    with no_grad():
        for parameter in targets:
            part = vector.slice_axis(0, start, start + parameter.size)
            parameter.assign(part.reshape(parameter.shape))
            start += parameter.size
