"""Convolution over one or two axes, and its transpose.

A convolution is one matrix product: each window of the input becomes a row, and the filters are
the columns. Inside, the memory has the channels last (N, H, W, C) and the filters as
(KH, KW, IC, OC), so that rows are gathered in long runs and no step transposes the filters;
the shapes that users see are PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from lunzi.core.arguments import whole_number
from lunzi.core.errors import RangeError, ShapeError
from lunzi.core.spec import as_flag, size_of
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.core.windows import OverlapAdd
from lunzi.nn import init
from lunzi.nn.arguments import as_bias, as_weight, divided, whole_numbers
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory
from lunzi.nn.sliding import LAYOUTS, Widths, check_rank, padded, slide, spans

Lengths = int | Sequence[int]


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Lengths = 1,
    padding: Lengths | str = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Tensor:
    """Filters slid over one axis; see `Conv1d`.

    Shapes:
        x (N, IC, L), weight (OC, IC / groups, K), bias (OC,) -> y (N, OC, OL)
    """
    return convolution(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Lengths = 1,
    padding: Lengths | str = 0,
    dilation: Lengths = 1,
    groups: int = 1,
) -> Tensor:
    """Filters slid over an image; see `Conv2d`.

    Shapes:
        x (N, IC, H, W), weight (OC, IC / groups, KH, KW), bias (OC,) -> y (N, OC, OH, OW)
    """
    return convolution(2, input, weight, bias, stride, padding, dilation, groups)


def convolution(
    axes: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Lengths,
    padding: Lengths | str,
    dilation: Lengths,
    groups: int,
) -> Tensor:
    """Filters slid over the last `axes` axes."""
    weight = as_filters(weight, axes)
    bias = as_bias(bias, weight.shape[0])
    divided("the number of filters", weight.shape[0], "groups", whole_number("groups", groups))
    x = as_input(input, weight)
    check_rank(x, axes)
    check_channels(x, axes, weight.shape[1] * groups)
    if x.ndim == axes + 1:
        one = x.expand_dims(0)
        return convolution(axes, one, weight, bias, stride, padding, dilation, groups).squeeze(0)
    sizes = weight.shape[2:]
    strides = whole_numbers("stride", stride, axes)
    dilations = whole_numbers("dilation", dilation, axes)
    widths = padding_widths(padding, sizes, strides, dilations)
    windows = slide(padded(x, widths), sizes, strides, dilations)  # (N, IC, ...counts, ...sizes)
    rows = window_rows(windows, axes, groups)  # (groups, N * counts, sizes * IC / groups)
    y = rows.matmul(filter_columns(weight, groups))  # (groups, N * counts, OC / groups)
    return with_channels_second(y, bias, (x.shape[0], *windows.shape[2 : 2 + axes]))


def as_filters(weight: Any, axes: int) -> Tensor:
    filters = as_weight(weight)
    if filters.ndim != axes + 2:
        raise ShapeError(
            f"the filters over {LAYOUTS[axes]} have {axes + 2} axes, got {filters.shape}"
        )
    return filters


def check_channels(x: Tensor, axes: int, channels: int) -> None:
    place = x.ndim - axes - 1
    if x.shape[place] == channels:
        return
    cause = ""
    if x.shape[-1] == channels and place:
        order = {1: "0, 2, 1", 2: "0, 3, 1, 2"}[axes]
        cause = f". Do they stand last? permute_dims({order}) gives {LAYOUTS[axes]}"
    elif not place and channels == 1:
        cause = ". For a batch without channels, x.expand_dims(1) adds their axis"
    expected = "1 channel" if channels == 1 else f"{channels} channels"
    raise ShapeError(
        f"expects {expected} on axis {place}, got {x.shape} with {x.shape[place]}{cause}"
    )


def padding_widths(
    padding: Lengths | str,
    sizes: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Widths:
    """Zeros before and after each axis.

    Raises:
        RangeError: for a word other than "same" and "valid", or "same" with a stride above 1.
    """
    if not isinstance(padding, str):
        return [(n, n) for n in whole_numbers("padding", padding, len(sizes), least=0)]
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding != "same":
        raise RangeError(f'padding is a whole number, "same" or "valid", got {padding!r}')
    if any(stride != 1 for stride in strides):
        raise RangeError(f'padding="same" needs stride 1, got {tuple(strides)}')
    # Of an odd number of zeros the additional one stands behind.
    return [((n - 1) // 2, n // 2) for n in spans(sizes, dilations)]


def window_rows(windows: Tensor, axes: int, groups: int) -> Tensor:
    """Each window as a row, place by place with the channels of one place side by side.

    Shapes:
        windows (N, C, ...counts, ...sizes) -> y (groups, N * counts, sizes * C / groups), the
        first axis left out for one group
    """
    n, channels = windows.shape[:2]
    counts, sizes = windows.shape[2 : 2 + axes], windows.shape[2 + axes :]
    rows = n * size_of(counts)
    if groups == 1:
        order = [0, *range(2, windows.ndim), 1]
        return windows.permute_dims(order).reshape(rows, size_of(sizes) * channels)
    parted = windows.reshape(n, groups, channels // groups, *counts, *sizes)
    order = [1, 0, *range(3, parted.ndim), 2]
    return parted.permute_dims(order).reshape(groups, rows, size_of(sizes) * channels // groups)


def filter_columns(weight: Tensor, groups: int) -> Tensor:
    """Each filter as a column, in the order of `window_rows`; a view where the memory has it.

    Shapes:
        weight (OC, IC / groups, ...sizes) -> y (groups, sizes * IC / groups, OC / groups), the
        first axis left out for one group
    """
    filters, channels, *sizes = weight.shape
    columns = weight.permute_dims([*range(2, weight.ndim), 1, 0])
    columns = columns.reshape(size_of(sizes) * channels, filters)
    if groups == 1:
        return columns
    return columns.reshape(-1, groups, filters // groups).permute_dims(1, 0, 2)


def with_channels_second(y: Tensor, bias: Tensor | None, places: Sequence[int]) -> Tensor:
    """(groups, rows, OC / groups) or (rows, OC) as (N, OC, ...counts), with the bias added."""
    if y.ndim == 3:
        groups, rows, channels = y.shape
        y = y.permute_dims(1, 0, 2).reshape(rows, groups * channels)
    if bias is not None:
        y = y + bias
    y = y.reshape(*places, y.shape[-1])
    return y.permute_dims([0, y.ndim - 1, *range(1, y.ndim - 1)])


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Lengths = 1,
    padding: Lengths = 0,
    output_padding: Lengths = 0,
    groups: int = 1,
    dilation: Lengths = 1,
) -> Tensor:
    """Each place of an image spreads a filter over the output; see `ConvTranspose2d`.

    Shapes:
        x (N, IC, H, W), weight (IC, OC / groups, KH, KW), bias (OC,) -> y (N, OC, OH, OW)
    """
    weight = as_filters(weight, 2)
    bias = as_bias(bias, weight.shape[1] * whole_number("groups", groups))
    divided("the number of channels", weight.shape[0], "groups", groups)
    x = as_input(input, weight)
    check_rank(x, 2)
    check_channels(x, 2, weight.shape[0])
    if x.ndim == 3:
        one = x.expand_dims(0)
        return conv_transpose2d(
            one, weight, bias, stride, padding, output_padding, groups, dilation
        ).squeeze(0)
    sizes = weight.shape[2:]
    strides = whole_numbers("stride", stride, 2)
    dilations = whole_numbers("dilation", dilation, 2)
    spread = spread_windows(x, weight, groups)  # (N, OC, H, W, KH, KW)
    full = tuple(
        (count - 1) * step + span
        for count, step, span in zip(x.shape[2:], strides, spans(sizes, dilations), strict=True)
    )
    y = spread.apply(OverlapAdd(full, sizes, strides, dilations))
    y = trimmed(
        y,
        whole_numbers("padding", padding, 2, least=0),
        added_widths(output_padding, strides, dilations),
    )
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def spread_windows(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """What each place of the input adds to the output, as a window.

    Shapes:
        x (N, IC, H, W), weight (IC, OC / groups, KH, KW) -> y (N, OC, H, W, KH, KW)
    """
    n, channels, height, width = x.shape
    _, filters, *sizes = weight.shape
    rows = x.permute_dims(0, 2, 3, 1)
    columns = weight.permute_dims(0, 2, 3, 1)
    if groups == 1:
        y = rows.reshape(-1, channels).matmul(columns.reshape(channels, -1))
    else:
        inner = channels // groups
        rows = rows.reshape(n * height * width, groups, inner).permute_dims(1, 0, 2)
        columns = columns.reshape(groups, inner, size_of(sizes) * filters)
        y = rows.matmul(columns)  # (groups, N H W, KH KW OC / groups)
        y = y.reshape(groups, -1, size_of(sizes), filters).permute_dims(1, 2, 0, 3)
    return y.reshape(n, height, width, *sizes, groups * filters).permute_dims(0, 5, 1, 2, 3, 4)


def added_widths(
    output_padding: Lengths, strides: Sequence[int], dilations: Sequence[int]
) -> tuple[int, ...]:
    """The lengths added behind the output.

    Raises:
        RangeError: when one is not below the stride or the dilation of its axis. It settles
            which of the lengths is meant that a convolution brings to the input's; a longer
            one is none of them.
    """
    added = whole_numbers("output_padding", output_padding, len(strides), least=0)
    for n, step, dilation in zip(added, strides, dilations, strict=True):
        if n >= max(step, dilation):
            raise RangeError(
                f"output_padding must be below the stride or the dilation, got {added} "
                f"with stride {tuple(strides)} and dilation {tuple(dilations)}"
            )
    return added


def trimmed(y: Tensor, removed: Sequence[int], added: Sequence[int]) -> Tensor:
    """Without `removed` places at both ends of the last axes, with `added` behind them."""
    stops = [n - cut + more for n, cut, more in zip(y.shape[2:], removed, added, strict=True)]
    if any(stop <= cut for stop, cut in zip(stops, removed, strict=True)):
        raise ShapeError(f"padding {tuple(removed)} leaves nothing of an output of {y.shape[2:]}")
    y = padded(y, [(0, max(stop - n, 0)) for stop, n in zip(stops, y.shape[2:], strict=True)])
    if not any(removed) and tuple(stops) == y.shape[2:]:
        return y
    return y.slice_axes([0, 0, *removed], [*y.shape[:2], *stops], [1] * y.ndim)


class Convolution(Module):
    """What Conv1d and Conv2d share."""

    axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Lengths,
        stride: Lengths = 1,
        padding: Lengths | str = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        self.in_channels = whole_number("in_channels", in_channels)
        self.out_channels = whole_number("out_channels", out_channels)
        self.kernel_size = whole_numbers("kernel_size", kernel_size, self.axes)
        self.stride = whole_numbers("stride", stride, self.axes)
        self.dilation = whole_numbers("dilation", dilation, self.axes)
        padding_widths(padding, self.kernel_size, self.stride, self.dilation)
        self.padding = (
            padding
            if isinstance(padding, str)
            else whole_numbers("padding", padding, self.axes, least=0)
        )
        self.groups = whole_number("groups", groups)
        self.padding_mode = checked_mode(padding_mode)
        inner = divided("in_channels", self.in_channels, "groups", self.groups)
        divided("out_channels", self.out_channels, "groups", self.groups)
        filters = memory(*self.kernel_size, inner, self.out_channels)
        self.weight = Parameter(filters.transpose(self.axes + 1, self.axes, *range(self.axes)))
        self.bias = Parameter(memory(self.out_channels)) if as_flag(bias, "bias") else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        return convolution(
            self.axes,
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        return int(output.size) * size_of(self.weight.shape[1:])


def checked_mode(padding_mode: str) -> str:
    if not isinstance(padding_mode, str) or padding_mode != "zeros":
        raise RangeError(
            f'padding_mode is "zeros", got {padding_mode!r}: pad the input before the layer instead'
        )
    return padding_mode


def draw(weight: Parameter, bias: Parameter | None) -> None:
    """Uniform in [-b, b] with b = 1 / sqrt(fan in), the numbers under one filter."""
    bound = 1 / math.sqrt(size_of(weight.shape[1:]))
    init.uniform_(weight, -bound, bound)
    if bias is not None:
        init.uniform_(bias, -bound, bound)


class Conv1d(Convolution):
    """Slide learned filters along one axis, as over a sound or a text.

        y[n, o, i] = bias[o] + sum over c, k of x[n, c, i stride + k dilation] weight[o, c, k]

    where c runs over the channels of the group of o, and x has zeros around it. Initial values
    are uniform in [-b, b], b = 1 / sqrt(IC / groups * K). Of PyTorch's padding modes only zeros
    are offered.

    Args:
        in_channels: IC.
        out_channels: OC, how many filters there are.
        kernel_size: K, the length of a filter.
        stride: how far it moves from one place of the output to the next.
        padding: zeros before and behind the axis; "same" for as many as keep its length,
            "valid" for none.
        dilation: distance of neighbouring places of a filter in the input.
        groups: the channels are divided into so many parts, each with its own filters.
        bias: whether a learned number is added to each output channel.
        padding_mode: "zeros".

    Shapes:
        x (N, IC, L) or (IC, L) -> y (N, OC, OL) or (OC, OL),
        OL = (L + 2 padding - dilation (K - 1) - 1) // stride + 1
        weight (OC, IC / groups, K), bias (OC,)

    Raises:
        ShapeError: when the input has other channels, or a filter does not fit in it.
    """

    axes = 1


class Conv2d(Convolution):
    """Slide learned filters over an image.

        y[n, o, i, j] = bias[o]
            + sum over c, k, l of x[n, c, i stride + k dilation, j stride + l dilation]
              weight[o, c, k, l]

    where c runs over the channels of the group of o, and x has zeros around it. Initial values
    are uniform in [-b, b], b = 1 / sqrt(IC / groups * KH * KW). The memory of `weight` is that
    of a (KH, KW, IC / groups, OC) array. Of PyTorch's padding modes only zeros are offered.

    Args:
        in_channels: IC.
        out_channels: OC, how many filters there are.
        kernel_size: the height and width of a filter, one number for a square; so also the
            other pairs.
        stride: how far it moves from one place of the output to the next.
        padding: zeros on each side; "same" for as many as keep height and width, "valid" for none.
        dilation: distance of neighbouring places of a filter in the input.
        groups: the channels are divided into so many parts, each with its own filters.
        bias: whether a learned number is added to each output channel.
        padding_mode: "zeros".

    Shapes:
        x (N, IC, H, W) or (IC, H, W) -> y (N, OC, OH, OW) or (OC, OH, OW),
        OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1, and OW likewise
        weight (OC, IC / groups, KH, KW), bias (OC,)

    Raises:
        ShapeError: when the input has other channels, or a filter does not fit in it.
    """

    axes = 2


class ConvTranspose2d(Module):
    """Enlarge an image: each place spreads a learned filter, and overlapping ones add up.

        y[n, o, i stride + k dilation - padding, j stride + l dilation - padding]
            += x[n, c, i, j] weight[c, o, k, l]     from y = bias[o], for all c, i, j, k, l

    It takes a gradient through `Conv2d` of the same settings back, hence its name; it does not
    undo one. Initial values are uniform in [-b, b], b = 1 / sqrt(OC / groups * KH * KW).
    PyTorch's `output_size` of the call is not offered: `output_padding` says the same.

    Args:
        in_channels: IC.
        out_channels: OC.
        kernel_size: the height and width of a filter, one number for a square; so also the
            other pairs.
        stride: distance in the output of neighbouring places of the input.
        padding: rows and columns cut off on each side of the output.
        output_padding: rows and columns added below and to the right; below the stride or the
            dilation.
        groups: the channels are divided into so many parts, each with its own filters.
        bias: whether a learned number is added to each output channel.
        dilation: distance of neighbouring places of a filter in the output.
        padding_mode: "zeros".

    Shapes:
        x (N, IC, H, W) or (IC, H, W) -> y (N, OC, OH, OW) or (OC, OH, OW),
        OH = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1, and OW likewise
        weight (IC, OC / groups, KH, KW), bias (OC,)

    Raises:
        ShapeError: when the input has other channels, or the padding leaves nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Lengths,
        stride: Lengths = 1,
        padding: Lengths = 0,
        output_padding: Lengths = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Lengths = 1,
        padding_mode: str = "zeros",
    ) -> None:
        self.in_channels = whole_number("in_channels", in_channels)
        self.out_channels = whole_number("out_channels", out_channels)
        self.kernel_size = whole_numbers("kernel_size", kernel_size, 2)
        self.stride = whole_numbers("stride", stride, 2)
        self.padding = whole_numbers("padding", padding, 2, least=0)
        self.dilation = whole_numbers("dilation", dilation, 2)
        self.output_padding = added_widths(output_padding, self.stride, self.dilation)
        self.groups = whole_number("groups", groups)
        self.padding_mode = checked_mode(padding_mode)
        divided("in_channels", self.in_channels, "groups", self.groups)
        outer = divided("out_channels", self.out_channels, "groups", self.groups)
        filters = memory(self.in_channels, *self.kernel_size, outer)
        self.weight = Parameter(filters.transpose(0, 3, 1, 2))
        self.bias = Parameter(memory(self.out_channels)) if as_flag(bias, "bias") else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        draw(self.weight, self.bias)

    def forward(self, input: Any) -> Tensor:
        return conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        return as_tensor(inputs[0]).size * size_of(self.weight.shape[1:])
