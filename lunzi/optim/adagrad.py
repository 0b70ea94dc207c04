"""Adagrad: steps that shorten where gradients were large."""

from __future__ import annotations

from lunzi.core.creation import full_like, zeros
from lunzi.core.spec import float64, int64
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import descent, with_decay
from lunzi.optim.group import Group, Settings, beside
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_flags, check_numbers


class Adagrad(Optimizer):
    """Divide the gradient by the root of the sum of its squares so far.

        g <- g + weight_decay p
        s <- s + g^2
        p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    at step t = 1, 2, ...

    Args:
        params: the parameters, or groups of them.
        lr: length of the first step, in units of the parameter, 0 or more.
        lr_decay: how much slower lr becomes with each step, 0 or more.
        weight_decay: pull towards 0, added to the gradient, 0 or more.
        initial_accumulator_value: what s starts from, 0 or more.
        eps: floor of the divisor, in units of the gradient.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Duchi, Hazan and Singer 2011, JMLR 12, section 1.1 (diagonal; lr_decay is PyTorch's).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
                "maximize": maximize,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "lr_decay", "weight_decay", "eps")
        check_numbers(settings, "initial_accumulator_value")
        check_flags(settings, "maximize")

    def init_state(self, parameter: Tensor, group: Group) -> State:
        start = group.initial_accumulator_value
        return {"step": zeros((), int64), "sum": full_like(parameter, start)}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        g = with_decay(parameter, descent(gradient, group), group)
        s = state["sum"] + g * g
        lr = group.lr
        if group.lr_decay:
            lr = lr / (1 + state["step"].astype(float64) * group.lr_decay)
        direction = g / (s.sqrt() + group.eps)
        new = {"step": state["step"] + 1, "sum": s}
        return parameter - direction * beside(parameter, lr), new
