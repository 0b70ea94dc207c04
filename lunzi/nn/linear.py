"""Linear: each output a weighted sum of all features; and Identity."""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.errors import ShapeError
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor
from lunzi.nn import init
from lunzi.nn.arguments import as_bias, as_weight
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """A weighted sum of the last axis for each output, by PyTorch's name.

        y = x weight^T + bias

    Shapes:
        x (..., K), weight (N, K), bias (N,) -> y (..., N)

    Raises:
        ShapeError: when the last axis of the input is not K, or weight or bias has other axes.
    """
    weight = as_weight(weight)
    if weight.ndim != 2:
        raise ShapeError(f"the weight is (outputs, features), got {weight.shape}")
    bias = as_bias(bias, weight.shape[0])
    x = as_input(input, weight)
    if not x.ndim or x.shape[-1] != weight.shape[1]:
        raise features_error(x, weight.shape[1])
    y = x.matmul(weight.mT)
    return y if bias is None else y + bias


def features_error(x: Tensor, features: int) -> ShapeError:
    """What is wrong with the features of an input, and what may have caused it."""
    came = f"{x.shape} with {x.shape[-1]}" if x.ndim else "a single number"
    cause = ". A Flatten may be missing before it" if x.ndim > 2 else ""
    return ShapeError(f"expects {features} features on the last axis, got {came}{cause}")


class Linear(Module):
    """Each output is a weighted sum of all input features, plus a bias.

        y = x weight^T + bias

    Initial values are uniform in [-1/sqrt(in_features), 1/sqrt(in_features)]. The memory of
    `weight` is that of an (in_features, out_features) array, so that no step transposes it.

    Args:
        in_features: length of the last axis of the input.
        out_features: length of the last axis of the output.
        bias: whether a learned vector is added.

    Shapes:
        x (..., in_features) -> y (..., out_features)
        weight (out_features, in_features), bias (out_features,)

    Raises:
        ShapeError: when the last axis of the input is not in_features.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        self.in_features = whole_number("in_features", in_features)
        self.out_features = whole_number("out_features", out_features)
        self.weight = Parameter(memory(self.in_features, self.out_features).T)
        self.bias = Parameter(memory(self.out_features)) if as_flag(bias, "bias") else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Tensor:
        return linear(input, self.weight, self.bias)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        return int(output.size) * self.in_features


class Identity(Module):
    """The input as it is: a place holder for a layer that was left out.

    Args:
        arguments, named: of that layer; they are forgotten.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input
