"""NAdam: Adam that looks one step of momentum ahead."""

from __future__ import annotations

from lunzi.core.creation import ones, zeros, zeros_like
from lunzi.core.spec import float64, int64
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import decayed, descent, with_decay
from lunzi.optim.group import Group, Settings, beside
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_betas, check_flags, check_numbers


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which is low at first and grows to beta1.

        g <- g + weight_decay p
        mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2
        m' = mu_{t+1} m / (1 - mu_1 ... mu_{t+1}) + (1 - mu_t) g / (1 - mu_1 ... mu_t)
        p <- p - lr m' / (sqrt(v / (1 - beta2^t)) + eps)

    at step t = 1, 2, ...

    Args:
        params: the parameters, or groups of them.
        lr: step size, in units of the parameter, 0 or more.
        betas: how much of m and of v is kept at each step, each in [0, 1).
        eps: floor of the divisor, in units of the gradient.
        weight_decay: pull towards 0, added to the gradient, 0 or more.
        momentum_decay: how fast mu grows, 0 or more.
        decoupled_weight_decay: shrink the parameter instead, as AdamW does.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Dozat 2016, ICLR workshop, algorithm 1 with the schedule of its section 3.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "eps", "weight_decay", "momentum_decay")
        check_betas(settings)
        check_flags(settings, "decoupled_weight_decay", "maximize")

    def init_state(self, parameter: Tensor, group: Group) -> State:
        return {
            "step": zeros((), int64),
            "mu_product": ones((), float64),
            "exp_avg": zeros_like(parameter),
            "exp_avg_sq": zeros_like(parameter),
        }

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
        step = state["step"] + 1
        t = step.astype(float64)
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * group.momentum_decay))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * group.momentum_decay))
        product = state["mu_product"] * mu
        size_g = group.lr * (1 - mu) / (1 - product)
        size_m = group.lr * mu_next / (1 - product * mu_next)
        divisor = (v / beside(parameter, 1 - beta2**t)).sqrt() + group.eps
        ahead = g * beside(parameter, size_g) + m * beside(parameter, size_m)
        new = {"step": step, "mu_product": product, "exp_avg": m, "exp_avg_sq": v}
        return parameter - ahead / divisor, new
