"""AdamW: Adam with weight decay that its divisor does not scale."""

from __future__ import annotations

from lunzi.optim.adam import Adam
from lunzi.optim.optimizer import Params


class AdamW(Adam):
    """Adam with weight decay applied to the parameter, not to its gradient.

        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- (1 - lr weight_decay) p - lr m' / (sqrt(v') + eps)

    where m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) undo, at step t = 1, 2, ..., the
    pull of the zero start. With amsgrad, v' comes from the largest v so far.

    Args:
        params: the parameters, or groups of them.
        lr: step size, in units of the parameter, 0 or more.
        betas: how much of m and of v is kept at each step, each in [0, 1).
        eps: floor of the divisor, in units of the gradient.
        weight_decay: share of the parameter removed at each step, times lr.
        amsgrad: never let the divisor become smaller.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2
    (with a constant schedule, eta = 1; lr multiplies the decay too, as in common use).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
        )
