"""Smooth activations: with derivatives of every order, and no overflow at either end.

NaN stays NaN. PyTorch's argument `inplace` is accepted, so that its code runs as it stands, and
changes nothing: the result is always a new tensor.
"""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.arguments import choice, real_number
from lunzi.core.errors import RangeError
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.module import Module


def sigmoid(input: Any) -> Tensor:
    """The logistic curve from 0 to 1.

    y = 1 / (1 + e^-x)
    """
    return as_tensor(input).sigmoid()


class Sigmoid(Module):
    """y = 1 / (1 + e^-x); see `sigmoid`."""

    def forward(self, input: Any) -> Tensor:
        return sigmoid(input)


def logsigmoid(input: Any) -> Tensor:
    """The logarithm of the sigmoid, exact where the sigmoid itself rounds to 0 or 1.

    y = -ln(1 + e^-x)
    """
    return -log_one_plus_exp(-as_tensor(input).floating())


class LogSigmoid(Module):
    """y = -ln(1 + e^-x); see `logsigmoid`."""

    def forward(self, input: Any) -> Tensor:
        return logsigmoid(input)


def log_one_plus_exp(x: Tensor) -> Tensor:
    """ln(1 + e^x) without overflow, exact for every x."""
    # ln(1 + e^x) = x + ln(1 + e^-x). Either side of 0 takes its own form as a whole, so that
    # the gradients agree at 0 too, where those of max and abs would not.
    is_positive = x > 0
    return is_positive.where(x, 0) + is_positive.where(-x, x).exp().log1p()


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """A smooth rectifier.

        y = ln(1 + e^(beta x)) / beta

    Args:
        beta: how sharp the bend is; not 0.
        threshold: where beta x is above it, y is x itself.

    Raises:
        RangeError: when beta is 0.
    """
    check_beta(beta)
    x = as_tensor(input).floating()
    scaled = x * beta
    return (scaled > threshold).where(x, log_one_plus_exp(scaled) / beta)


def check_beta(beta: float) -> float:
    if real_number("beta", beta, -math.inf) == 0:
        raise RangeError("beta must not be 0: the curve is divided by it")
    return beta


class Softplus(Module):
    """y = ln(1 + e^(beta x)) / beta; see `softplus`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = check_beta(beta)
        self.threshold = real_number("threshold", threshold, -math.inf)

    def forward(self, input: Any) -> Tensor:
        return softplus(input, self.beta, self.threshold)


def tanh(input: Any) -> Tensor:
    """The hyperbolic tangent, from -1 to 1.

    y = (e^x - e^-x) / (e^x + e^-x)
    """
    return as_tensor(input).tanh()


class Tanh(Module):
    """y = tanh x; see `tanh`."""

    def forward(self, input: Any) -> Tensor:
        return tanh(input)


def softsign(input: Any) -> Tensor:
    """A curve from -1 to 1 with slower ends than tanh.

    y = x / (1 + |x|)
    """
    x = as_tensor(input).floating()
    return x / (x.abs() + 1)


class Softsign(Module):
    """y = x / (1 + |x|); see `softsign`."""

    def forward(self, input: Any) -> Tensor:
        return softsign(input)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """The input times the probability that a normal number is below it.

        y = x (1 + erf(x / sqrt(2))) / 2                                      for "none"
        y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2                 for "tanh"

    Args:
        approximate: "none", or "tanh" as in GPT-2; the two differ by 5e-4 at most.

    Raises:
        RangeError: when approximate is neither.

    Source: Hendrycks and Gimpel 2016, arXiv:1606.08415, section 2.
    """
    check_approximation(approximate)
    x = as_tensor(input).floating()
    if approximate == "none":
        return x * 0.5 * ((x * math.sqrt(0.5)).erf() + 1)
    # Beyond 10 the tanh is 1 in float64 too, while the square of x may overflow.
    bounded = x.clip(-10, 10)
    inner = bounded * (bounded * bounded * 0.044715 + 1)
    return x * 0.5 * ((inner * math.sqrt(2 / math.pi)).tanh() + 1)


def check_approximation(approximate: str) -> str:
    return choice("approximate", approximate, ("none", "tanh"))


class GELU(Module):
    """y = x (1 + erf(x / sqrt(2))) / 2, or its approximation by tanh; see `gelu`."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = check_approximation(approximate)

    def forward(self, input: Any) -> Tensor:
        return gelu(input, self.approximate)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """The input times its sigmoid, also called swish.

        y = x sigmoid(x)

    Source: Elfwing, Uchibe and Doya 2017, arXiv:1702.03118, section 2.
    """
    x = as_tensor(input).floating()
    return x * x.sigmoid()


class SiLU(Module):
    """y = x sigmoid(x); see `silu`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return silu(input)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """The input times the tanh of its softplus.

        y = x tanh(ln(1 + e^x))

    Source: Misra 2019, arXiv:1908.08681, section 3.
    """
    x = as_tensor(input).floating()
    return x * log_one_plus_exp(x).tanh()


class Mish(Module):
    """y = x tanh(ln(1 + e^x)); see `mish`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return mish(input)
