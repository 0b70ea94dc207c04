"""Initial values, by PyTorch's names: `kaiming_uniform_(layer.weight)`.

Each function fills a tensor in place and gives it back. Random ones draw from the default
generator of `lunzi.random`, which `lunzi.manual_seed` starts, or from `generator=`. The numbers
are those of the distribution, not PyTorch's own: its generator is another one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from lunzi.core.arguments import choice, real_number, whole_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.mode import no_grad
from lunzi.core.random import Generator
from lunzi.core.spec import Shape, float64, size_of
from lunzi.core.tensor import Tensor
from lunzi.nn.arguments import as_source, divided

TensorT = TypeVar("TensorT", bound=Tensor)

GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on the initial weights that keeps the variance behind a nonlinearity.

        linear, sigmoid 1; tanh 5/3; relu sqrt(2); selu 3/4;
        leaky_relu sqrt(2 / (1 + param^2))

    Args:
        nonlinearity: its name, as in `lunzi.nn.functional`.
        param: the negative slope of leaky_relu, 0.01 where it is not given.

    Raises:
        RangeError: when there is no gain for the nonlinearity.
    """
    choice("nonlinearity", nonlinearity, [*GAINS, "leaky_relu"])
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else real_number("param", param, -math.inf)
        return math.sqrt(2 / (1 + slope**2))
    return GAINS[nonlinearity]


def uniform_(
    tensor: TensorT, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> TensorT:
    """Fill with numbers drawn evenly from [a, b).

    Raises:
        RangeError: when b is below a.
    """
    check_target(tensor)
    if not real_number("a", a, -math.inf) <= real_number("b", b, -math.inf):
        raise RangeError(f"a must be at most b, got a={a}, b={b}")
    return fill(tensor, as_source(generator).uniform(tensor.shape, a, b, tensor.dtype))


def normal_(
    tensor: TensorT, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> TensorT:
    """Fill with normal numbers.

    Raises:
        RangeError: when std is negative.
    """
    check_target(tensor)
    mean, std = real_number("mean", mean, -math.inf), real_number("std", std)
    return fill(tensor, as_source(generator).normal(tensor.shape, mean, std, tensor.dtype))


def trunc_normal_(
    tensor: TensorT,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> TensorT:
    """Fill with normal numbers of which those outside [a, b] were cast away.

    Args:
        mean, std: of the normal distribution before the cut.
        a, b: the bounds, in units of the numbers themselves.

    Raises:
        RangeError: when a is not below b, std not above 0, or less than one in 10,000 numbers
            lies between the bounds.
    """
    check_target(tensor)
    mean, std = real_number("mean", mean, -math.inf), real_number("std", std)
    a, b = real_number("a", a, -math.inf), real_number("b", b, -math.inf)
    if not (std > 0 and a < b):
        raise RangeError(f"std is above 0 and a below b, got std={std}, a={a}, b={b}")
    width = std * math.sqrt(2)
    low, high = math.erf((a - mean) / width), math.erf((b - mean) / width)
    if not (high - low) / 2 >= 1e-4:
        raise RangeError(
            f"between a={a} and b={b} lies next to nothing of the normal distribution of mean "
            f"{mean} and std {std}: a and b count in units of the numbers, not of std"
        )
    # Even numbers between the values of erf at the bounds, sent back through erf.
    x = inverse_erf(as_source(generator).uniform(tensor.shape, low, high, float64)) * width + mean
    return fill(tensor, x.clip(a, b))


def inverse_erf(y: Tensor) -> Tensor:
    """x with erf(x) = y, to 1e-6 of x; y beyond 1 - 2^-24 gives what that gives, 3.83.

    Source: Giles 2010, "Approximating the erfinv function", table 5 (single precision).
    """
    y = y.clip(-1 + 2.0**-24, 1 - 2.0**-24)
    w = -((1 - y) * (1 + y)).log()
    central = polynomial(w - 2.5, CENTRAL)
    tail = polynomial(w.sqrt() - 3, TAIL)
    return (w < 5).where(central, tail) * y


# Coefficients by falling power.
CENTRAL = (
    2.81022636e-08,
    3.43273939e-07,
    -3.5233877e-06,
    -4.39150654e-06,
    0.00021858087,
    -0.00125372503,
    -0.00417768164,
    0.246640727,
    1.50140941,
)
TAIL = (
    -0.000200214257,
    0.000100950558,
    0.00134934322,
    -0.00367342844,
    0.00573950773,
    -0.0076224613,
    0.00943887047,
    1.00167406,
    2.83297682,
)


def polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Horner's rule, coefficients by falling power."""
    y = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        y = y * x + coefficient
    return y


def constant_(tensor: TensorT, val: float) -> TensorT:
    """Fill with one number."""
    return fill(tensor, val)


def ones_(tensor: TensorT) -> TensorT:
    """Fill with ones."""
    return fill(tensor, 1)


def zeros_(tensor: TensorT) -> TensorT:
    """Fill with zeros."""
    return fill(tensor, 0)


def eye_(tensor: TensorT) -> TensorT:
    """Fill a matrix with ones on the diagonal and zeros beside it.

    Raises:
        ShapeError: when the tensor is no matrix.
    """
    check_target(tensor)
    if tensor.ndim != 2:
        raise ShapeError(f"eye_ fills matrices, the tensor has shape {tensor.shape}")
    return fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: TensorT, groups: int = 1) -> TensorT:
    """Fill the filters of a convolution so that it gives back its input channels.

    Channel i of the output is channel i of the input, as far as there are such; within each
    group for a convolution in groups.

    Args:
        groups: of the convolution.

    Shapes:
        tensor (OC, IC / groups, ...), with one to three axes behind the first two

    Raises:
        ShapeError: when the tensor has not three to five axes.
        RangeError: when OC is not a multiple of groups.
    """
    check_target(tensor)
    if not 3 <= tensor.ndim <= 5:
        raise ShapeError(
            f"dirac_ fills the filters of a convolution, (OC, IC, ...) with one to three axes "
            f"more; the tensor has shape {tensor.shape}"
        )
    outputs = divided("the first axis", tensor.shape[0], "groups", whole_number("groups", groups))
    values = np.zeros(tensor.shape, tensor.dtype)
    centre = tuple(length // 2 for length in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(outputs, tensor.shape[1])):
            values[(group * outputs + channel, channel, *centre)] = 1
    return fill(tensor, values)


def xavier_uniform_(
    tensor: TensorT, gain: float = 1.0, generator: Generator | None = None
) -> TensorT:
    """Fill evenly from [-bound, bound], so that values and gradients keep their variance.

        bound = gain sqrt(6 / (fan_in + fan_out))

    Raises:
        ShapeError: when the tensor has fewer than two axes.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks", equation 16.
    """
    bound = math.sqrt(3) * xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(
    tensor: TensorT, gain: float = 1.0, generator: Generator | None = None
) -> TensorT:
    """Fill with normal numbers, so that values and gradients keep their variance.

        std = gain sqrt(2 / (fan_in + fan_out))

    Raises:
        ShapeError: when the tensor has fewer than two axes.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks", equation 12.
    """
    return normal_(tensor, 0.0, xavier_std(tensor, gain), generator)


def xavier_std(tensor: Tensor, gain: float) -> float:
    check_target(tensor)
    return real_number("gain", gain) * math.sqrt(2 / max(sum(fans(tensor.shape)), 1))


def kaiming_uniform_(
    tensor: TensorT,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> TensorT:
    """Fill evenly from [-bound, bound], so that the variance is kept through a nonlinearity.

        bound = calculate_gain(nonlinearity, a) sqrt(3 / fan)

    Args:
        a: the negative slope of leaky_relu; 0 makes it relu.
        mode: "fan_in" keeps the variance of the values, "fan_out" that of the gradients.
        nonlinearity: what follows the layer; see `calculate_gain`.

    Raises:
        ShapeError: when the tensor has fewer than two axes.
        RangeError: when mode or nonlinearity is not known.

    Source: He, Zhang, Ren and Sun 2015, arXiv:1502.01852, section 2.2.
    """
    bound = math.sqrt(3) * kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: TensorT,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> TensorT:
    """Fill with normal numbers, so that the variance is kept through a nonlinearity.

        std = calculate_gain(nonlinearity, a) / sqrt(fan)

    Args:
        a: the negative slope of leaky_relu; 0 makes it relu.
        mode: "fan_in" keeps the variance of the values, "fan_out" that of the gradients.
        nonlinearity: what follows the layer; see `calculate_gain`.

    Raises:
        ShapeError: when the tensor has fewer than two axes.
        RangeError: when mode or nonlinearity is not known.

    Source: He, Zhang, Ren and Sun 2015, arXiv:1502.01852, section 2.2.
    """
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    check_target(tensor)
    choice("mode", mode, ("fan_in", "fan_out"))
    fan = fans(tensor.shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs reach one output of a layer, and how many outputs one input.

    Shapes:
        (out, in, ...) as in Linear.weight and Conv2d.weight; each element of the axes behind
        the first two counts

    Raises:
        ShapeError: when there are fewer than two axes.
    """
    if len(shape) < 2:
        raise ShapeError(
            f"the scale depends on how many inputs and outputs a layer has, which a weight of "
            f"two axes or more tells; this tensor has shape {shape}. For a bias use zeros_"
        )
    reach = size_of(shape[2:])
    return shape[1] * reach, shape[0] * reach


def orthogonal_(tensor: TensorT, gain: float = 1, generator: Generator | None = None) -> TensorT:
    """Fill with a random orthogonal matrix times `gain`, the axes behind the first as one.

    The shorter of rows and columns are orthonormal.

    Raises:
        ShapeError: when the tensor has fewer than two axes.

    Source: Saxe, McClelland and Ganguli 2014, arXiv:1312.6120; evenly distributed by the signs
    of Mezzadri 2007, arXiv:math-ph/0609050, section 5.
    """
    check_target(tensor)
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_ needs two axes or more, the tensor has shape {tensor.shape}")
    rows, columns = tensor.shape[0], size_of(tensor.shape[1:])
    tall = (max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(as_source(generator).normal(tall, dtype=float64).numpy())
    q = q * np.where(np.diagonal(r) < 0, -1, 1)  # not unique up to these signs
    matrix = q if rows >= columns else q.T
    return fill(tensor, real_number("gain", gain, -math.inf) * matrix.reshape(tensor.shape))


def check_target(tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise KindError(f"initial values go into a tensor, got {type(tensor).__name__}")


def fill(tensor: TensorT, value: Any) -> TensorT:
    check_target(tensor)
    with no_grad():
        tensor.assign(value)
    return tensor
