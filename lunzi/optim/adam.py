"""Adam: steps of a size that does not depend on the gradient's."""

from __future__ import annotations

from lunzi.core.creation import zeros, zeros_like
from lunzi.core.spec import float64, int64
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import decayed, descent, with_decay
from lunzi.optim.group import Group, Settings, beside
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_betas, check_flags, check_numbers


class Adam(Optimizer):
    """Divide a running mean of the gradient by the root of a running mean of its square.

        g <- g + weight_decay p
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        p <- p - lr m' / (sqrt(v') + eps)

    where m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) undo, at step t = 1, 2, ..., the
    pull of the zero start. With amsgrad, v' comes from the largest v so far.

    Args:
        params: the parameters, or groups of them.
        lr: step size, in units of the parameter, 0 or more.
        betas: how much of m and of v is kept at each step, each in [0, 1).
        eps: floor of the divisor, in units of the gradient.
        weight_decay: pull towards 0, added to the gradient, 0 or more.
        amsgrad: never let the divisor become smaller.
        maximize: climb instead.
        decoupled_weight_decay: shrink the parameter instead, as AdamW does.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; amsgrad: Reddi, Kale and Kumar
    2018, arXiv:1904.09237, algorithm 2, with the bias correction of PyTorch.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "eps", "weight_decay")
        check_betas(settings)
        check_flags(settings, "amsgrad", "maximize", "decoupled_weight_decay")

    def init_state(self, parameter: Tensor, group: Group) -> State:
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * group.amsgrad
        return {"step": zeros((), int64), **{name: zeros_like(parameter) for name in names}}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        beta1, beta2 = group.betas
        g = descent(gradient, group)
        if group.decoupled_weight_decay:
            parameter = decayed(parameter, group)
        else:
            g = with_decay(parameter, g, group)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m = m + (g - m) * beside(parameter, 1 - beta1)
        v = v * beside(parameter, beta2) + g * g * beside(parameter, 1 - beta2)
        new = {"step": state["step"] + 1, "exp_avg": m, "exp_avg_sq": v}
        if group.amsgrad:
            new["max_exp_avg_sq"] = v = state["max_exp_avg_sq"].maximum(v)
        t = new["step"].astype(float64)
        size = group.lr / (1 - beta1**t)
        root = (1 - beta2**t).sqrt()
        divisor = v.sqrt() / beside(parameter, root) + group.eps
        return parameter - m / divisor * beside(parameter, size), new
