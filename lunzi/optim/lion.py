"""Lion: steps of one length, in the direction of a sign."""

from __future__ import annotations

from lunzi.core.creation import zeros_like
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import decayed, descent
from lunzi.optim.group import Group, Settings, beside
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_betas, check_flags, check_numbers


class Lion(Optimizer):
    """Move every number of the parameter by lr, against the sign of a mean of gradients.

        c = beta1 m + (1 - beta1) g
        p <- (1 - lr weight_decay) p - lr sign(c)
        m <- beta2 m + (1 - beta2) g

    All steps have one length, so lr is 3 to 10 times smaller, and weight_decay as much larger,
    than for AdamW.

    Args:
        params: the parameters, or groups of them.
        lr: length of a step, in units of the parameter, 0 or more.
        betas: the share of m in the direction, and how much of m is kept, each in [0, 1).
        weight_decay: share of the parameter removed at each step, times lr.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "weight_decay": weight_decay, "maximize": maximize},
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "weight_decay")
        check_betas(settings)
        check_flags(settings, "maximize")

    def init_state(self, parameter: Tensor, group: Group) -> State:
        return {"exp_avg": zeros_like(parameter)}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        beta1, beta2 = group.betas
        g, m = descent(gradient, group), state["exp_avg"]
        direction = (m + (g - m) * beside(parameter, 1 - beta1)).sign()
        m = m + (g - m) * beside(parameter, 1 - beta2)
        moved = decayed(parameter, group) - direction * beside(parameter, group.lr)
        return moved, {"exp_avg": m}
