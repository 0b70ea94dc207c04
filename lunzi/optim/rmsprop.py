"""RMSprop: the gradient divided by its running root mean square."""

from __future__ import annotations

from lunzi.core.creation import zeros, zeros_like
from lunzi.core.spec import int64
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import descent, with_decay
from lunzi.optim.group import Group, Settings, beside, is_used
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_flags, check_number, check_numbers


class RMSprop(Optimizer):
    """Divide the gradient by the root of a running mean of its square.

        g <- g + weight_decay p
        v <- alpha v + (1 - alpha) g^2
        p <- p - lr g / (sqrt(v) + eps)

    With momentum, b <- momentum b + g / (sqrt(v) + eps) and p <- p - lr b. When centered, v
    is the variance: the square of a running mean of g is taken off it.

    Args:
        params: the parameters, or groups of them.
        lr: step size, in units of the parameter, 0 or more.
        alpha: how much of v is kept at each step, in [0, 1).
        eps: floor of the divisor, in units of the gradient, added outside the root.
        weight_decay: pull towards 0, added to the gradient, 0 or more.
        momentum: how much of b is kept at each step, 0 or more.
        centered: divide by the standard deviation.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range.

    Source: Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5;
    centered: Graves 2013, arXiv:1308.0850, equations 38 to 41, with eps outside the root as
    in PyTorch.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "maximize": maximize,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "eps", "weight_decay", "momentum")
        check_number("alpha", settings["alpha"], below=1.0)
        check_flags(settings, "centered", "maximize")

    def init_state(self, parameter: Tensor, group: Group) -> State:
        names = ["square_avg"]
        if is_used(group.momentum):
            names.append("momentum_buffer")
        if group.centered:
            names.append("grad_avg")
        return {"step": zeros((), int64), **{name: zeros_like(parameter) for name in names}}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        g = with_decay(parameter, descent(gradient, group), group)
        v = state["square_avg"] * group.alpha + g * g * (1 - group.alpha)
        new = {"step": state["step"] + 1, "square_avg": v}
        if group.centered:
            mean = state["grad_avg"] + (g - state["grad_avg"]) * (1 - group.alpha)
            new["grad_avg"] = mean
            v = v - mean * mean
        direction = g / (v.sqrt() + group.eps)
        if "momentum_buffer" in state:
            kept = state["momentum_buffer"] * beside(parameter, group.momentum)
            new["momentum_buffer"] = direction = kept + direction
        return parameter - direction * beside(parameter, group.lr), new
