"""Rectifiers: activations made of pieces, with a bend or a saturation between them.

Where two pieces meet, the gradient is that of one of them, as in PyTorch: 0 for relu at 0. NaN
stays NaN. PyTorch's argument `inplace` is accepted, so that its code runs as it stands, and
changes nothing: the result is always a new tensor. It is held to be True or False, for `ReLU(64)`
is no layer of 64 neurons.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lunzi.core.arguments import real_number, whole_number
from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import as_flag, float32
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.arguments import as_weight
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory

# Of Klambauer et al., rounded to float64: with them mean 0 and variance 1 are a fixed point.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def relu(input: Any, inplace: bool = False) -> Tensor:
    """The input without its negative part.

    y = x for x > 0, else 0
    """
    x = as_tensor(input)
    return (x <= 0).where(0, x)


class ReLU(Module):
    """y = max(x, 0); see `relu`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """A rectifier whose negative side is a gentle slope.

    y = x for x > 0, else negative_slope x
    """
    x = as_tensor(input).floating()
    return (x > 0).where(x, x * negative_slope)


class LeakyReLU(Module):
    """y = x for x > 0, else negative_slope x; see `leaky_relu`."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")
        self.negative_slope = real_number("negative_slope", negative_slope, -np.inf)

    def forward(self, input: Any) -> Tensor:
        return leaky_relu(input, self.negative_slope)


def prelu(input: Any, weight: Any) -> Tensor:
    """A leaky rectifier with learned slopes; see `PReLU`.

        y = x for x > 0, else weight x

    Shapes:
        x (N, C, ...), weight (C,) or (1,) -> y (N, C, ...)

    Raises:
        ShapeError: when there is neither one slope nor one for each channel.
    """
    weight = as_weight(weight)
    x = as_input(input, weight)
    if weight.size == 1:
        slope = weight.reshape(())
    elif x.ndim > 1 and x.shape[1] == weight.size:
        slope = weight.reshape(-1, *[1] * (x.ndim - 2))
    else:
        raise ShapeError(
            f"expects {weight.size} channels on axis 1, one for each slope, got {x.shape}; "
            f"num_parameters=1 has one slope for all"
        )
    return (x > 0).where(x, slope * x)


class PReLU(Module):
    """A leaky rectifier that learns its slope.

        y = x for x > 0, else weight x

    Args:
        num_parameters: 1 for one slope, or the number of channels for one each.
        init: the slope at the start.

    Shapes:
        x (N, num_parameters, ...) -> y (N, num_parameters, ...); any shape for one slope
        weight (num_parameters,)

    Raises:
        ShapeError: when axis 1 is not num_parameters.

    Source: He, Zhang, Ren and Sun 2015, arXiv:1502.01852, section 2.1.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.num_parameters = whole_number("num_parameters", num_parameters)
        self.init = real_number("init", init, -np.inf)
        self.weight = Parameter(memory(self.num_parameters) + float32.type(self.init))

    def forward(self, input: Any) -> Tensor:
        return prelu(input, self.weight)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """A rectifier that bends smoothly towards -alpha.

        y = x for x > 0, else alpha (e^x - 1)

    Source: Clevert, Unterthiner and Hochreiter 2016, arXiv:1511.07289, equation 15.
    """
    x = as_tensor(input).floating()
    return (x > 0).where(x, negative_part(x).expm1() * alpha)


def negative_part(x: Tensor) -> Tensor:
    """min(x, 0), so that no exponential overflows on the side that is not chosen."""
    return (x > 0).where(0, x)


class ELU(Module):
    """y = x for x > 0, else alpha (e^x - 1); see `elu`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")
        self.alpha = real_number("alpha", alpha, -np.inf)

    def forward(self, input: Any) -> Tensor:
        return elu(input, self.alpha)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """An ELU whose two constants pull each layer's values to mean 0 and variance 1.

        y = 1.0507 x for x > 0, else 1.0507 1.6733 (e^x - 1)

    Source: Klambauer, Unterthiner, Mayr and Hochreiter 2017, arXiv:1706.02515, equation 2.
    """
    return elu(input, SELU_ALPHA) * SELU_SCALE


class SELU(Module):
    """y = 1.0507 elu(x, 1.6733); see `selu`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return selu(input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """An ELU whose slope at 0 is 1 for every alpha.

        y = x for x > 0, else alpha (e^(x / alpha) - 1)

    Raises:
        RangeError: when alpha is not above 0.

    Source: Barron 2017, arXiv:1704.07483, equation 2.
    """
    check_alpha(alpha)
    x = as_tensor(input).floating()
    return (x > 0).where(x, (negative_part(x) / alpha).expm1() * alpha)


def check_alpha(alpha: float) -> float:
    return real_number("alpha", alpha, above=0)


class CELU(Module):
    """y = x for x > 0, else alpha (e^(x / alpha) - 1); see `celu`."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")
        self.alpha = check_alpha(alpha)

    def forward(self, input: Any) -> Tensor:
        return celu(input, self.alpha)


def hardtanh(
    input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """The input, kept between two bounds.

        y = min_val for x <= min_val, max_val for x >= max_val, else x

    The gradient is 0 at the bounds too, where that of `clip` is 1.

    Raises:
        RangeError: when min_val is not below max_val.
    """
    check_bounds(min_val, max_val)
    x = as_tensor(input).floating()
    x = (x <= min_val).where(min_val, x)
    return (x >= max_val).where(max_val, x)


def check_bounds(min_val: float, max_val: float) -> None:
    if not real_number("min_val", min_val, -np.inf) < real_number("max_val", max_val, -np.inf):
        raise RangeError(f"min_val must be below max_val, got {min_val} and {max_val}")


class Hardtanh(Module):
    """y = x between min_val and max_val, the bounds outside; see `hardtanh`."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")
        check_bounds(min_val, max_val)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Any) -> Tensor:
        return hardtanh(input, self.min_val, self.max_val)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """A rectifier that does not rise above 6.

    y = min(max(x, 0), 6)
    """
    return hardtanh(input, 0.0, 6.0)


class ReLU6(Module):
    """y = min(max(x, 0), 6); see `relu6`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return relu6(input)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """A sigmoid made of three straight lines.

    y = relu6(x + 3) / 6
    """
    return relu6(as_tensor(input).floating() + 3) / 6


class Hardsigmoid(Module):
    """y = relu6(x + 3) / 6; see `hardsigmoid`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return hardsigmoid(input)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """A SiLU without an exponential.

        y = x relu6(x + 3) / 6

    Source: Howard et al. 2019, arXiv:1905.02244, section 5.2.
    """
    x = as_tensor(input).floating()
    return x * hardsigmoid(x)


class Hardswish(Module):
    """y = x relu6(x + 3) / 6; see `hardswish`."""

    def __init__(self, inplace: bool = False) -> None:
        as_flag(inplace, "inplace")

    def forward(self, input: Any) -> Tensor:
        return hardswish(input)
