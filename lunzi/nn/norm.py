"""Normalisation: numbers brought to mean 0 and variance 1, over a batch or in each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lunzi.core.arguments import real_number, whole_number
from lunzi.core.errors import KindError, ShapeError
from lunzi.core.mode import no_grad
from lunzi.core.spec import as_flag, size_of
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.arguments import as_weight, divided, lengths
from lunzi.nn.module import Module
from lunzi.nn.parameter import Buffer, Parameter, memory


def batch_norm(
    input: Any,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Bring each channel to mean 0 and variance 1; see `BatchNorm2d`.

    In training the batch's own statistics are taken, and `running_mean` and `running_var`,
    where given, are moved toward them; otherwise these two are taken, where given.

    Shapes:
        x (N, C, ...) -> y (N, C, ...); all others (C,)

    Raises:
        ShapeError: when the batch's statistics are needed and a channel has fewer than 2 numbers;
            when there is no axis of channels, or the others have not one number a channel.
    """
    refuse_arrays(running_mean, running_var)
    weight, bias = optional(weight), optional(bias)
    x = floating_like(input, weight, running_mean)
    check_channels(x, running_mean, running_var, weight, bias)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if as_flag(training, "training") or running_mean is None or running_var is None:
        centred, variance = batch_statistics(x, running_mean, running_var, training, momentum)
    else:
        centred = x - running_mean.reshape(shape)
        variance = running_var.reshape(shape)
    scale = 1 / (variance + real_number("eps", eps)).sqrt()
    if weight is not None:
        scale = scale * weight.reshape(shape)
    y = centred * scale
    return y if bias is None else y + bias.reshape(shape)


def refuse_arrays(*statistics: Any) -> None:
    for tensor in statistics:
        if tensor is not None and not isinstance(tensor, Tensor):
            raise KindError(
                f"running statistics are tensors, which a step in training can assign to; "
                f"got {type(tensor).__name__}"
            )


def check_channels(x: Tensor, *others: Tensor | None) -> None:
    """Refuse an input without channels, and what has not one number for each of them."""
    if x.ndim < 2:
        raise ShapeError(f"expects (N, C, ...), got {x.shape}")
    check_shapes(x.shape[1:2], *others)


def check_shapes(shape: tuple[int, ...], *tensors: Tensor | None) -> None:
    for tensor in tensors:
        if tensor is not None and tensor.shape != shape:
            raise ShapeError(f"expects weights and statistics of {shape}, got {tensor.shape}")


def floating_like(input: Any, *candidates: Tensor | None) -> Tensor:
    """The input in the dtype of the first candidate that is there, else in its own floating one."""
    x = as_tensor(input)
    for tensor in candidates:
        if tensor is not None:
            return x.as_dtype(tensor.dtype)
    return x.floating()


def optional(weight: Any) -> Tensor | None:
    return None if weight is None else as_weight(weight)


def batch_statistics(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float | Tensor,
) -> tuple[Tensor, Tensor]:
    """x less the mean of each channel, and the variance; running statistics follow them."""
    axes = (0, *range(2, x.ndim))
    count = size_of([x.shape[axis] for axis in axes])
    if count < 2:
        raise ShapeError(
            f"normalises with the statistics of the batch and needs 2 numbers or more a channel, "
            f"got {x.shape} with {count}: use larger batches (drop_last=True leaves out a small "
            f"last one), or eval() outside training"
        )
    mean, centred, variance = moments(x, axes)
    if training:
        with no_grad():
            follow(running_mean, mean, momentum)
            follow(running_var, variance * (count / (count - 1)), momentum)
    return centred, variance


def follow(running: Tensor | None, value: Tensor, momentum: float | Tensor) -> None:
    """Move a running statistic by the share `momentum` of the way to a value."""
    if running is not None:
        running.assign(running * (1 - momentum) + value.reshape(running.shape) * momentum)


def layer_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """Bring the last axes of each sample to mean 0 and variance 1; see `LayerNorm`.

    Raises:
        ShapeError: when the input does not end with `normalized_shape`, or weight or bias has
            another shape.
    """
    weight, bias = optional(weight), optional(bias)
    x = floating_like(input, weight, bias)
    axes = last_axes(x, lengths("normalized_shape", normalized_shape))
    check_shapes(x.shape[axes[0] :], weight, bias)
    y = normalised(x, axes, eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def group_norm(
    input: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Tensor:
    """Bring each group of channels of each sample to mean 0 and variance 1; see `GroupNorm`.

    Shapes:
        x (N, C, ...) -> y (N, C, ...); weight, bias (C,)

    Raises:
        ShapeError: when there is no axis of channels, or weight or bias has another length.
        RangeError: when the channels are no multiple of `num_groups`.
    """
    weight, bias = optional(weight), optional(bias)
    x = floating_like(input, weight, bias)
    check_channels(x, weight, bias)
    n, channels, *rest = x.shape
    num_groups = whole_number("num_groups", num_groups)
    inner = divided("num_channels", channels, "num_groups", num_groups)
    parted = x.reshape(n, num_groups, inner, *rest)
    y = normalised(parted, tuple(range(2, parted.ndim)), eps).reshape(x.shape)
    shape = (-1,) + (1,) * len(rest)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def rms_norm(
    input: Any,
    normalized_shape: int | Sequence[int],
    weight: Any = None,
    eps: float | None = None,
) -> Tensor:
    """Bring the last axes of each sample to a mean square of 1; see `RMSNorm`.

    Raises:
        ShapeError: when the input does not end with `normalized_shape`, or weight or bias has
            another shape.
    """
    weight = optional(weight)
    x = floating_like(input, weight)
    axes = last_axes(x, lengths("normalized_shape", normalized_shape))
    check_shapes(x.shape[axes[0] :], weight)
    smallest = float(np.finfo(x.dtype).eps) if eps is None else real_number("eps", eps)
    y = x * (1 / ((x * x).mean(axes, keepdims=True) + smallest).sqrt())
    return y if weight is None else y * weight


def normalised(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    _, centred, variance = moments(x, axes)
    return centred * (1 / (variance + real_number("eps", eps)).sqrt())


def moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The mean over these axes, x less the mean, and the biased variance."""
    mean = x.mean(axes, keepdims=True)
    # Plus the negative: the gradient of a difference would negate all of x, not the mean alone.
    centred = x + -mean
    return mean, centred, (centred * centred).mean(axes, keepdims=True)


def last_axes(x: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of x that `shape` names, which are its last ones."""
    first = x.ndim - len(shape)
    if first < 0 or x.shape[first:] != shape:
        raise ShapeError(f"expects an input that ends with {shape}, got {x.shape}")
    return tuple(range(first, x.ndim))


class BatchNorm(Module):
    """What BatchNorm1d and BatchNorm2d share."""

    layouts: ClassVar[dict[int, str]]  # the shapes that are taken, by their number of axes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        self.num_features = whole_number("num_features", num_features)
        self.eps = real_number("eps", eps)
        self.momentum = None if momentum is None else real_number("momentum", momentum, 0, 1)
        self.affine = as_flag(affine, "affine")
        self.track_running_stats = as_flag(track_running_stats, "track_running_stats")
        self.weight, self.bias = scale_and_shift(
            (self.num_features,), affine, affine and as_flag(bias, "bias")
        )
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            self.running_mean = Buffer(memory(self.num_features))
            self.running_var = Buffer(memory(self.num_features) + np.float32(1))
            self.num_batches_tracked = Buffer(np.zeros((), np.int64))

    def reset_running_stats(self) -> None:
        """Start the running statistics again."""
        for buffer, start in (
            (self.running_mean, 0),
            (self.running_var, 1),
            (self.num_batches_tracked, 0),
        ):
            if buffer is not None:
                buffer.fill_(start)

    def reset_parameters(self) -> None:
        """Start again with weight 1, bias 0 and fresh running statistics."""
        self.reset_running_stats()
        reset(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        x = as_tensor(input)
        if x.ndim not in self.layouts:
            expected = " or ".join(self.layouts.values())
            raise ShapeError(f"expects {expected}, got {x.ndim} axes: {x.shape}")
        if x.shape[1] != self.num_features:
            raise ShapeError(
                f"expects {self.num_features} channels on axis 1, got {x.shape} with {x.shape[1]}"
            )
        y = batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.share_of_batch(),
            self.eps,
        )
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.assign(self.num_batches_tracked + 1)
        return y

    def share_of_batch(self) -> float | Tensor:
        """The share of this batch in the running statistics: one of n for the plain average."""
        if self.momentum is not None:
            return self.momentum
        if self.num_batches_tracked is None or self.running_mean is None:
            return 0.0
        return 1 / (self.num_batches_tracked + 1).as_dtype(self.running_mean.dtype)


class BatchNorm1d(BatchNorm):
    """Bring each feature to mean 0 and variance 1 over the batch, then scale and shift it.

        y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias

    Mean and variance (over N, and L where it is there) are those of the batch in training, and
    running averages of them after `eval()`: see `BatchNorm2d`, which this is in all else.

    Args:
        num_features: C.
        eps: added to the variance, so that a constant feature does not divide by 0.
        momentum: share of each batch in the running averages; None for the average of all.
        affine: whether `weight` and `bias` are there.
        track_running_stats: whether there are running averages; without, batches are taken
            after `eval()` too.
        bias: whether `bias` is there.

    Shapes:
        x (N, C) or (N, C, L) -> y of the same shape
        weight, bias, running_mean, running_var (C,)

    Raises:
        ShapeError: when the input has other features, or in training fewer than 2 numbers of one.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """

    layouts: ClassVar = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(BatchNorm):
    """Bring each channel to mean 0 and variance 1 over the batch, then scale and shift it.

        y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias

    In training, mean and variance are those of the batch, over N, H and W, the variance being
    the biased one (divided by the count n). After `eval()` they are the running averages

        running_mean <- (1 - momentum) running_mean + momentum mean(x)
        running_var  <- (1 - momentum) running_var  + momentum var(x) n / (n - 1)

    which each batch in training moves, from 0 and 1.

    Args:
        num_features: C.
        eps: added to the variance, so that a constant channel does not divide by 0.
        momentum: share of each batch in the running averages; None for the average of all.
        affine: whether `weight` and `bias` are there.
        track_running_stats: whether there are running averages; without, batches are taken
            after `eval()` too.
        bias: whether `bias` is there.

    Shapes:
        x (N, C, H, W) -> y (N, C, H, W)
        weight, bias, running_mean, running_var (C,); num_batches_tracked () int64

    Raises:
        ShapeError: when the input has other channels, or in training fewer than 2 numbers a
            channel.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 1. PyTorch's, with the running
    averages of its kind, and like it with a batch of none refused (there: of one alone).
    """

    layouts: ClassVar = {4: "(N, C, H, W)"}


class LayerNorm(Module):
    """Bring each feature vector to mean 0 and variance 1, then scale and shift it.

        y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias

    The variance is the biased one (divided by the count).

    Args:
        normalized_shape: lengths of the last axes of the input, over which mean and variance
            are taken; one number for the last axis alone.
        eps: added to the variance, so that a constant vector does not divide by 0.
        elementwise_affine: whether `weight` and `bias` are there.
        bias: whether `bias` is there.

    Shapes:
        x (..., normalized_shape) -> y (..., normalized_shape)
        weight, bias normalized_shape

    Raises:
        ShapeError: when the input does not end with normalized_shape.

    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450, section 3 (which has no eps).
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        self.normalized_shape = lengths("normalized_shape", normalized_shape)
        self.eps = real_number("eps", eps)
        self.elementwise_affine = as_flag(elementwise_affine, "elementwise_affine")
        self.weight, self.bias = scale_and_shift(
            self.normalized_shape, elementwise_affine, elementwise_affine and as_flag(bias, "bias")
        )

    def reset_parameters(self) -> None:
        """Start again with weight 1 and bias 0."""
        reset(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class GroupNorm(Module):
    """Bring each group of channels of each sample to mean 0 and variance 1, then scale and shift.

        y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias

    Mean and biased variance are taken over the channels of a group and all places; weight and
    bias are one number a channel.

    Args:
        num_groups: into how many groups the channels are divided.
        num_channels: C.
        eps: added to the variance, so that a constant group does not divide by 0.
        affine: whether `weight` and `bias` are there.
        bias: whether `bias` is there.

    Shapes:
        x (N, C, ...) -> y (N, C, ...)
        weight, bias (C,)

    Raises:
        ShapeError: when the input has other channels.

    Source: Wu and He 2018, arXiv:1803.08494, section 3.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        self.num_groups = whole_number("num_groups", num_groups)
        self.num_channels = whole_number("num_channels", num_channels)
        divided("num_channels", self.num_channels, "num_groups", self.num_groups)
        self.eps = real_number("eps", eps)
        self.affine = as_flag(affine, "affine")
        self.weight, self.bias = scale_and_shift(
            (self.num_channels,), affine, affine and as_flag(bias, "bias")
        )

    def reset_parameters(self) -> None:
        """Start again with weight 1 and bias 0."""
        reset(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        x = as_tensor(input)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ShapeError(f"expects (N, {self.num_channels}, ...), got {x.shape}")
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """Bring each feature vector to a mean square of 1, then scale it.

        y = x / sqrt(mean(x^2) + eps) * weight

    Args:
        normalized_shape: lengths of the last axes of the input, over which the mean is taken;
            one number for the last axis alone.
        eps: added to the mean square; None for the distance from 1 to the next number of the
            input's dtype (1.2e-7 in float32).
        elementwise_affine: whether `weight` is there.

    Shapes:
        x (..., normalized_shape) -> y (..., normalized_shape)
        weight normalized_shape

    Raises:
        ShapeError: when the input does not end with normalized_shape.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467, equation 4 (which has no eps).
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
    ) -> None:
        self.normalized_shape = lengths("normalized_shape", normalized_shape)
        self.eps = None if eps is None else real_number("eps", eps)
        self.elementwise_affine = as_flag(elementwise_affine, "elementwise_affine")
        self.weight, _ = scale_and_shift(self.normalized_shape, elementwise_affine, False)

    def reset_parameters(self) -> None:
        """Start again with weight 1."""
        reset(self.weight, None)

    def forward(self, input: Any) -> Tensor:
        return rms_norm(input, self.normalized_shape, self.weight, self.eps)


def scale_and_shift(
    shape: tuple[int, ...], scale: bool, shift: bool
) -> tuple[Parameter | None, Parameter | None]:
    """Ones for `weight` and zeros for `bias`, each where it is wanted."""
    return (
        Parameter(memory(*shape) + np.float32(1)) if scale else None,
        Parameter(memory(*shape)) if shift else None,
    )


def reset(weight: Parameter | None, bias: Parameter | None) -> None:
    if weight is not None:
        weight.fill_(1)
    if bias is not None:
        bias.fill_(0)
