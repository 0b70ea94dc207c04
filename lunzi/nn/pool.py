"""Pooling: the maximum or the mean of each window of an image or a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from lunzi.core.arguments import whole_number
from lunzi.core.creation import allocated
from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import Array, DType, as_flag, size_of
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn.arguments import whole_numbers
from lunzi.nn.module import Module
from lunzi.nn.sliding import Widths, check_fit, check_rank, padded, slide, spans

Lengths = int | Sequence[int]


def max_pool1d(
    input: Any,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest number of each window along one axis; see `MaxPool1d`."""
    return max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Any,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    dilation: Lengths = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The largest number of each window of an image; see `MaxPool2d`."""
    return max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Any,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window along one axis; see `AvgPool1d`."""
    return avg_pool(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Lengths,
    stride: Lengths | None = None,
    padding: Lengths = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of an image; see `AvgPool2d`."""
    divisor = checked_divisor(divisor_override)
    return avg_pool(input, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)


def adaptive_avg_pool2d(input: Any, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The mean of each part of an image cut into `output_size` parts; see `AdaptiveAvgPool2d`."""
    x = as_tensor(input).floating()
    check_rank(x, 2)
    for axis, count in zip((-2, -1), output_lengths(output_size), strict=True):
        x = x if count is None else average_parts(x, x.ndim + axis, count)
    return x


def max_pool(
    input: Any,
    axes: int,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool,
) -> Tensor:
    x = as_tensor(input).floating()
    check_rank(x, axes)
    sizes = whole_numbers("kernel_size", kernel_size, axes)
    strides = strides_of(stride, sizes)
    dilations = whole_numbers("dilation", dilation, axes)
    paddings = checked_padding(padding, sizes, dilations)
    widths = around(x.shape[-axes:], sizes, strides, paddings, dilations, ceil_mode)
    windows, inside = windows_of(padded(x, widths, -np.inf), sizes, strides, dilations)
    return windows.max(inside)


def avg_pool(
    input: Any,
    axes: int,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    x = as_tensor(input).floating()
    check_rank(x, axes)
    sizes = whole_numbers("kernel_size", kernel_size, axes)
    strides = strides_of(stride, sizes)
    paddings = checked_padding(padding, sizes, (1,) * axes)
    lengths = x.shape[-axes:]
    widths = around(lengths, sizes, strides, paddings, (1,) * axes, ceil_mode)
    windows, inside = windows_of(padded(x, widths), sizes, strides, (1,) * axes)
    total = windows.sum(inside)
    if divisor is not None:
        return total / divisor
    counted = paddings if as_flag(count_include_pad, "count_include_pad") else (0,) * axes
    if all(max(width) <= own for width, own in zip(widths, counted, strict=True)):
        return total / size_of(sizes)
    counts = place_counts(total.shape[-axes:], lengths, sizes, strides, paddings, counted)
    return total / counts.astype(x.dtype)


def strides_of(stride: Lengths | None, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return sizes if stride is None else whole_numbers("stride", stride, len(sizes))


def checked_divisor(divisor: int | None) -> int | None:
    return None if divisor is None else whole_number("divisor_override", divisor)


def checked_padding(
    padding: Lengths, sizes: Sequence[int], dilations: Sequence[int]
) -> tuple[int, ...]:
    """The padding of each axis.

    Raises:
        RangeError: when it is more than half a window, so that windows could lie in it alone.
    """
    paddings = whole_numbers("padding", padding, len(sizes), least=0)
    for n, span in zip(paddings, spans(sizes, dilations), strict=True):
        if n > span // 2:
            raise RangeError(
                f"padding must be half a window at most, got {n} for a window of {span}"
            )
    return paddings


def around(
    lengths: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
    paddings: Sequence[int],
    dilations: Sequence[int],
    ceil_mode: bool,
) -> Widths:
    """How far each axis is extended before and after."""
    if not as_flag(ceil_mode, "ceil_mode"):
        return [(n, n) for n in paddings]
    widths = []
    covered = spans(sizes, dilations)
    for length, stride, n, span in zip(lengths, strides, paddings, covered, strict=True):
        last = -(-(length + 2 * n - span) // stride) * stride
        if last >= length + n:  # a window that begins behind the input is left out
            last -= stride
        widths.append((n, max(n, last + span - length - n)))
    return widths


def windows_of(
    x: Tensor, sizes: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """The windows over the last axes, and the axes that lie inside a window."""
    if sizes != strides or max(dilations) > 1:
        windows = slide(x, sizes, strides, dilations)
        return windows, tuple(range(windows.ndim - len(sizes), windows.ndim))
    # Windows side by side are the axes cut into blocks, whose gradient is no sum of overlaps:
    # forward and backward take 250 us for 330 (32 x 32 x 8 x 8 numbers).
    check_fit(x, sizes, dilations)
    first = x.ndim - len(sizes)
    counts = [length // size for length, size in zip(x.shape[first:], sizes, strict=True)]
    stops = [count * size for count, size in zip(counts, sizes, strict=True)]
    if x.shape[first:] != tuple(stops):
        x = x.slice_axes([0] * x.ndim, [*x.shape[:first], *stops], [1] * x.ndim)
    cut = [n for pair in zip(counts, sizes, strict=True) for n in pair]
    blocks = x.reshape(*x.shape[:first], *cut)
    return blocks, tuple(range(first + 1, blocks.ndim, 2))


def place_counts(
    counts: Sequence[int],
    lengths: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
    paddings: Sequence[int],
    counted: Sequence[int],
) -> Array:
    """How many places of each window lie in the input, or in so much of its padding as counts."""
    result = np.ones((), np.int64)
    for count, length, size, stride, n, more in zip(
        counts, lengths, sizes, strides, paddings, counted, strict=True
    ):
        starts = np.arange(count) * stride - n
        inside = np.minimum(starts + size, length + more) - np.maximum(starts, -more)
        result = np.multiply.outer(result, inside)
    return result


def output_lengths(output_size: int | Sequence[int | None] | None) -> tuple[int | None, ...]:
    """The height and width asked for; None keeps the input's."""
    items = output_size if isinstance(output_size, tuple | list) else (output_size,) * 2
    if len(items) != 2:
        raise ShapeError(f"output_size is one number or two, (height, width); got {output_size!r}")
    return tuple(n if n is None else whole_number("output_size", n) for n in items)


def average_parts(x: Tensor, axis: int, count: int) -> Tensor:
    """The means of `count` parts of an axis, cut as in `AdaptiveAvgPool2d`."""
    length = x.shape[axis]
    if length % count == 0:
        parts = x.reshape(*x.shape[:axis], count, length // count, *x.shape[axis + 1 :])
        return parts.mean(axis + 1)
    # Parts that overlap are a product with the matrix of their shares.
    shares = part_shares(length, count, x.dtype)
    return x.moveaxis(axis, -1).matmul(shares).moveaxis(-1, axis)


def part_shares(length: int, count: int, dtype: DType) -> Array:
    """(length, count): 1 / n in the n rows of each part's column, else 0."""

    def shares() -> Array:
        part = np.arange(count)
        starts = part * length // count
        stops = -(-(part + 1) * length // count)
        row = np.arange(length)[:, None]
        inside = (starts <= row) & (row < stops)
        result: Array = (inside / (stops - starts)).astype(dtype)
        return result

    return allocated(shares, f"{count} parts of an axis of length {length}")


class MaxPool(Module):
    """What MaxPool1d and MaxPool2d share."""

    axes: ClassVar[int]

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        dilation: Lengths = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = whole_numbers("kernel_size", kernel_size, self.axes)
        self.stride = strides_of(stride, self.kernel_size)
        self.dilation = whole_numbers("dilation", dilation, self.axes)
        self.padding = checked_padding(padding, self.kernel_size, self.dilation)
        self.ceil_mode = as_flag(ceil_mode, "ceil_mode")

    def forward(self, input: Any) -> Tensor:
        return max_pool(
            input,
            self.axes,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
        )


class MaxPool1d(MaxPool):
    """Keep the largest number of each window along one axis.

        y[n, c, i] = max over k of x[n, c, i stride + k dilation]

    Equal largest numbers share the gradient equally; in PyTorch the first takes it all. Padding
    never is the largest. PyTorch's `return_indices` is not offered, and `ceil_mode`, which
    stands behind it there, is given by name.

    Args:
        kernel_size: the length of a window.
        stride: how far it moves; its own length where it is None.
        padding: places before and behind the axis, at most half a window.
        dilation: distance of neighbouring places of a window.
        ceil_mode: whether a last window may reach beyond the end.

    Shapes:
        x (N, C, L) or (C, L) -> y (N, C, OL) or (C, OL),
        OL = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1

    Raises:
        ShapeError: when a window does not fit in the input.
    """

    axes = 1


class MaxPool2d(MaxPool):
    """Keep the largest number of each window of an image.

        y[n, c, i, j] = max over k, l of x[n, c, i stride + k dilation, j stride + l dilation]

    Equal largest numbers share the gradient equally; in PyTorch the first takes it all. Padding
    never is the largest. PyTorch's `return_indices` is not offered, and `ceil_mode`, which
    stands behind it there, is given by name.

    Args:
        kernel_size: the height and width of a window, one number for a square; so also the
            other pairs.
        stride: how far it moves; its own size where it is None.
        padding: places on each side, at most half a window.
        dilation: distance of neighbouring places of a window.
        ceil_mode: whether last windows may reach beyond the end.

    Shapes:
        x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW),
        OH = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1, and OW likewise

    Raises:
        ShapeError: when a window does not fit in the input.
    """

    axes = 2


class AvgPool1d(Module):
    """Take the mean of each window along one axis.

        y[n, c, i] = mean over k of x[n, c, i stride + k]

    Args:
        kernel_size: the length of a window.
        stride: how far it moves; its own length where it is None.
        padding: zeros before and behind the axis, at most half a window.
        ceil_mode: whether a last window may reach beyond the end.
        count_include_pad: whether these zeros count in the mean.

    Shapes:
        x (N, C, L) or (C, L) -> y (N, C, OL) or (C, OL),
        OL = (L + 2 padding - kernel_size) // stride + 1

    Raises:
        ShapeError: when a window does not fit in the input.
    """

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = whole_numbers("kernel_size", kernel_size, 1)
        self.stride = strides_of(stride, self.kernel_size)
        self.padding = checked_padding(padding, self.kernel_size, (1,))
        self.ceil_mode = as_flag(ceil_mode, "ceil_mode")
        self.count_include_pad = as_flag(count_include_pad, "count_include_pad")

    def forward(self, input: Any) -> Tensor:
        return avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class AvgPool2d(Module):
    """Take the mean of each window of an image.

        y[n, c, i, j] = mean over k, l of x[n, c, i stride + k, j stride + l]

    Args:
        kernel_size: the height and width of a window, one number for a square; so also the
            other pairs.
        stride: how far it moves; its own size where it is None.
        padding: zeros on each side, at most half a window.
        ceil_mode: whether last windows may reach beyond the end.
        count_include_pad: whether these zeros count in the mean.
        divisor_override: what the sum of a window is divided by, in place of the count.

    Shapes:
        x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW),
        OH = (H + 2 padding - kernel_size) // stride + 1, and OW likewise

    Raises:
        ShapeError: when a window does not fit in the input.
    """

    def __init__(
        self,
        kernel_size: Lengths,
        stride: Lengths | None = None,
        padding: Lengths = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = whole_numbers("kernel_size", kernel_size, 2)
        self.stride = strides_of(stride, self.kernel_size)
        self.padding = checked_padding(padding, self.kernel_size, (1, 1))
        self.ceil_mode = as_flag(ceil_mode, "ceil_mode")
        self.count_include_pad = as_flag(count_include_pad, "count_include_pad")
        self.divisor_override = checked_divisor(divisor_override)

    def forward(self, input: Any) -> Tensor:
        return avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AdaptiveAvgPool2d(Module):
    """Take means so that the output has a given height and width, whatever the input's.

    Row i of the output is the mean of the rows from floor(i H / OH) to ceil((i + 1) H / OH),
    the last one not included; columns likewise. Parts overlap where H is no multiple of OH.

    Args:
        output_size: (OH, OW), one number for a square; None keeps the input's length.

    Shapes:
        x (N, C, H, W) or (C, H, W) -> y (N, C, OH, OW) or (C, OH, OW)
    """

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        self.output_size = output_lengths(output_size)

    def forward(self, input: Any) -> Tensor:
        return adaptive_avg_pool2d(input, self.output_size)
