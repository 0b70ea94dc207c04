"""Dropout: parts of an input left out at random while training.

PyTorch's argument `inplace` is accepted, so that its code runs as it stands, and changes
nothing: the result is always a new tensor.
"""

from __future__ import annotations

from typing import Any

from lunzi.core.arguments import real_number
from lunzi.core.random import Generator
from lunzi.core.spec import Shape, as_flag
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.arguments import as_source
from lunzi.nn.module import Module
from lunzi.nn.sliding import check_rank


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Leave single numbers out with probability `p`; see `Dropout`."""
    x = as_tensor(input).floating()
    return thinned(x, x.shape, p, training, generator)


def dropout1d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Leave channels of sequences out with probability `p`; see `Dropout1d`."""
    return channel_dropout(input, 1, p, training, generator)


def dropout2d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Leave channels of images out with probability `p`; see `Dropout2d`."""
    return channel_dropout(input, 2, p, training, generator)


def channel_dropout(
    input: Any, axes: int, p: float, training: bool, generator: Generator | None
) -> Tensor:
    x = as_tensor(input).floating()
    check_rank(x, axes)
    return thinned(x, x.shape[:-axes] + (1,) * axes, p, training, generator)


def thinned(
    x: Tensor, shape: Shape, p: float, training: bool, generator: Generator | None
) -> Tensor:
    """x times a mask of this shape, whose numbers are 0 with probability `p`, else 1 / (1 - p)."""
    p = real_number("p", p, 0, 1)
    if not as_flag(training, "training") or p == 0:
        return x
    kept = as_source(generator).bernoulli(1 - p, shape)
    return x * (kept.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0))


class Dropping(Module):
    """What the three kinds share."""

    def __init__(
        self, p: float = 0.5, inplace: bool = False, generator: Generator | None = None
    ) -> None:
        self.p = real_number("p", p, 0, 1)
        as_flag(inplace, "inplace")
        # Under another name than the argument: a generator is no part of config().
        self.source = None if generator is None else as_source(generator)


class Dropout(Dropping):
    """Leave numbers out at random while training; after `eval()` the input passes as it is.

        y = x mask / (1 - p), each number of mask being 0 with probability p, else 1

    The division keeps the mean of each number the same.

    Args:
        p: probability that a number is left out.
        inplace: has no effect.
        generator: where the mask is drawn from; None for the generator that
            `lunzi.manual_seed` starts.

    Shapes:
        x (...) -> y (...)

    Raises:
        RangeError: when p is not in [0, 1].

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, "Dropout: a simple
    way to prevent neural networks from overfitting", section 10 (the "inverted" variant).
    """

    def forward(self, input: Any) -> Tensor:
        return dropout(input, self.p, self.training, generator=self.source)


class Dropout1d(Dropping):
    """Leave whole channels of sequences out while training.

        y[n, c, :] = x[n, c, :] mask[n, c] / (1 - p)

    Args:
        p: probability that a channel is left out.
        inplace: has no effect.
        generator: where the mask is drawn from; None for the generator that
            `lunzi.manual_seed` starts.

    Shapes:
        x (N, C, L) or (C, L) -> y of the same shape

    Raises:
        RangeError: when p is not in [0, 1].

    Source: Tompson, Goroshin, Jain, LeCun and Bregler 2015, arXiv:1411.4280, section 3.2.
    """

    def forward(self, input: Any) -> Tensor:
        return dropout1d(input, self.p, self.training, generator=self.source)


class Dropout2d(Dropping):
    """Leave whole channels of images out while training.

        y[n, c, :, :] = x[n, c, :, :] mask[n, c] / (1 - p)

    Three axes are one sample, (C, H, W); PyTorch's takes them as (N, C, L).

    Args:
        p: probability that a channel is left out.
        inplace: has no effect.
        generator: where the mask is drawn from; None for the generator that
            `lunzi.manual_seed` starts.

    Shapes:
        x (N, C, H, W) or (C, H, W) -> y of the same shape

    Raises:
        RangeError: when p is not in [0, 1].

    Source: Tompson, Goroshin, Jain, LeCun and Bregler 2015, arXiv:1411.4280, section 3.2.
    """

    def forward(self, input: Any) -> Tensor:
        return dropout2d(input, self.p, self.training, generator=self.source)
