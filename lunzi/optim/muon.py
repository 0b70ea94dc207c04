"""Muon: momentum made orthogonal, for the matrices of a network."""

from __future__ import annotations

import math

from lunzi.core.creation import zeros_like
from lunzi.core.errors import KindError, ShapeError
from lunzi.core.spec import Shape
from lunzi.core.tensor import Tensor
from lunzi.optim.decay import decayed
from lunzi.optim.group import Group, Settings, beside
from lunzi.optim.optimizer import Optimizer, Params, State
from lunzi.optim.ranges import (
    check_choice,
    check_count,
    check_flags,
    check_number,
    check_numbers,
)


class Muon(Optimizer):
    """Replace the momentum of a matrix by the nearest matrix whose directions weigh alike.

        b <- momentum b + (1 - momentum) g
        u = (1 - momentum) g + momentum b          without nesterov u = b
        p <- (1 - lr weight_decay) p - lr s orthogonal(u)

    where orthogonal(u), for u = U S V^T, is about U V^T, and s grows with the shape (A, B):
    sqrt(max(1, A / B)), or 0.2 sqrt(max(A, B)) to make steps as long as AdamW's.

    For the weights of hidden layers. Give biases, norms, embeddings and the output layer to
    AdamW.

    Args:
        params: matrices, or groups of them.
        lr: step size, 0 or more.
        weight_decay: share of the parameter removed at each step, times lr.
        momentum: how much of b is kept at each step, in [0, 1).
        nesterov: look ahead by one step of momentum.
        ns_coefficients: a, b, c of the polynomial that `orthogonal` applies.
        eps: floor of the norm that u is divided by.
        ns_steps: how often the polynomial is applied, 1 to 99.
        adjust_lr_fn: which s: "original" (None too) or "match_rms_adamw".

    Raises:
        ShapeError: when a parameter is not a matrix.
        RangeError: when a setting is out of its range.

    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; match_rms_adamw: Liu et al.
    2025, arXiv:2502.16982, section 2.2. The iteration runs in the parameter's dtype (in
    bfloat16 there).
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )

    @staticmethod
    def check(settings: Settings) -> None:
        check_numbers(settings, "lr", "weight_decay", "eps")
        check_number("momentum", settings["momentum"], below=1.0)
        check_flags(settings, "nesterov")
        coefficients = settings["ns_coefficients"]
        if not isinstance(coefficients, tuple) or len(coefficients) != 3:
            raise KindError(f"ns_coefficients are three numbers, got {coefficients!r}")
        for place, coefficient in enumerate(coefficients):
            check_number(f"ns_coefficients[{place}]", coefficient, at_least=-math.inf)
        check_count("ns_steps", settings["ns_steps"])
        check_number("ns_steps", settings["ns_steps"], at_least=1, below=100)
        check_choice("adjust_lr_fn", settings["adjust_lr_fn"], None, "original", "match_rms_adamw")

    def check_parameter(self, parameter: Tensor) -> None:
        if parameter.ndim != 2:
            raise ShapeError(
                f"Muon takes matrices, got a parameter of shape {parameter.shape}: "
                f"give biases, norms, embeddings and filters to AdamW"
            )

    def init_state(self, parameter: Tensor, group: Group) -> State:
        return {"momentum_buffer": zeros_like(parameter)}

    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, group: Group
    ) -> tuple[Tensor, State]:
        momentum = group.momentum
        b = state["momentum_buffer"]
        b = b + (gradient - b) * beside(parameter, 1 - momentum)
        u = gradient + (b - gradient) * beside(parameter, momentum) if group.nesterov else b
        direction = orthogonal(u, group.ns_coefficients, group.ns_steps, group.eps)
        size = group.lr * scale(parameter.shape, group.adjust_lr_fn)
        moved = decayed(parameter, group) - direction * beside(parameter, size)
        return moved, {"momentum_buffer": b}


def orthogonal(
    x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """About U V^T of the matrix x = U S V^T, by Newton and Schulz's iteration.

        x <- x / |x|, then `steps` times x <- a x + b (x x^T) x + c (x x^T)^2 x

    Each singular value s becomes a s + b s^3 + c s^5, which for the usual coefficients ends
    between 0.7 and 1.2: near enough, and faster than arriving at 1.

    Shapes:
        x (A, B) -> (A, B)
    """
    if x.shape[0] > x.shape[1]:
        # x x^T is the smaller of the two products this way round.
        return orthogonal(x.mT, coefficients, steps, eps).mT
    a, b, c = coefficients
    x = x / (x * x).sum().sqrt().maximum(eps)
    for _ in range(steps):
        gram = x @ x.mT  # (A, A)
        x = x * a + (gram * b + gram @ gram * c) @ x
    return x


def scale(shape: Shape, adjust_lr_fn: str | None) -> float:
    """What lr is multiplied by for a matrix of this shape."""
    rows, columns = shape
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
