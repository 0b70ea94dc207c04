"""SGD: stochastic gradient descent, with momentum."""

from __future__ import annotations

from lunzi.core.creation import zeros, zeros_like
from lunzi.core.errors import RangeError
from lunzi.core.spec import float64, int64
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import descent, with_decay
from lunzi.optim.group import Group, Number, Settings, beside, is_used
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import check_flags, check_numbers


class SGD(Optimizer):
    """Go against the gradient; with momentum, against a decaying sum of gradients.

        g <- g + weight_decay p
        b <- momentum b + (1 - dampening) g        at the first step b <- g
        p <- p - lr b                              with nesterov p <- p - lr (g + momentum b)

    and p <- p - lr g without momentum. The sum is not a mean: with momentum 0.9 and a steady
    gradient the steps become 10 times as long.

    Args:
        params: the parameters, or groups of them.
        lr: step size, in units of the parameter per unit of the gradient, 0 or more.
        momentum: how much of b is kept at each step, 0 or more; below 1, or b grows.
        dampening: the share of a new gradient that does not enter b.
        weight_decay: pull towards 0, added to the gradient, 0 or more.
        nesterov: look ahead by one step of momentum.
        maximize: climb instead.

    Raises:
        RangeError: when a setting is out of its range; `nesterov` needs a momentum and no
            dampening.

    Source: Sutskever, Martens, Dahl and Hinton 2013, ICML, section 2, with lr outside of b as
    in PyTorch, so that a changed lr reaches all of the next step.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "momentum", "dampening", "weight_decay")
        check_flags(settings, "nesterov", "maximize")
        if settings["nesterov"] and (not settings["momentum"] or settings["dampening"]):
            raise RangeError(
                f"nesterov needs a momentum and no dampening, got momentum "
                f"{settings['momentum']} and dampening {settings['dampening']}"
            )

    def init_state(self, parameter: Tensor, group: Group) -> State:
        if not is_used(group.momentum):
            return {}
        state = {"momentum_buffer": zeros_like(parameter)}
        if group.dampening:
            state["step"] = zeros((), int64)  # the first gradient is not dampened
        return state

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        direction = with_decay(parameter, descent(gradient, group), group)
        new: State = {}
        if "momentum_buffer" in state:
            momentum = beside(parameter, group.momentum)
            entering = direction
            if "step" in state:
                entering = direction * beside(parameter, share(state["step"], group.dampening))
                new["step"] = state["step"] + 1
            buffer = state["momentum_buffer"] * momentum + entering
            new["momentum_buffer"] = buffer
            direction = direction + buffer * momentum if group.nesterov else buffer
        return parameter - direction * beside(parameter, group.lr), new


def share(step: Tensor, dampening: float) -> Number:
    """1 at the first step, 1 - dampening at the others."""
    return 1 - (step > 0).astype(float64) * dampening
