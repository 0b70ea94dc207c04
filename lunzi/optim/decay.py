"""What weight decay and `maximize` do to a gradient or a parameter, the same in all optimisers."""

from __future__ import annotations

from lunzi.core.tensor import Tensor
from lunzi.optim.group import Group, beside


def descent(gradient: Tensor, group: Group) -> Tensor:
    """The gradient of what is to become small: -gradient with `maximize`."""
    return -gradient if group.maximize else gradient


def with_decay(parameter: Tensor, gradient: Tensor, group: Group) -> Tensor:
    """g + weight_decay p, the gradient of the loss plus weight_decay / 2 |p|^2."""
    return gradient + parameter * group.weight_decay if group.weight_decay else gradient


def decayed(parameter: Tensor, group: Group) -> Tensor:
    """(1 - lr weight_decay) p, which no gradient takes part in."""
    if not group.weight_decay:
        return parameter
    return parameter * beside(parameter, 1 - group.lr * group.weight_decay)
