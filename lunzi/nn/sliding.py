"""What convolution and pooling share: windows that slide over the last axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lunzi.core.errors import ShapeError
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.core.windows import Windows

# The shape that a layer over so many axes takes
LAYOUTS = {1: "(N, C, L)", 2: "(N, C, H, W)"}

Widths = Sequence[tuple[int, int]]


def check_rank(x: Tensor, axes: int) -> None:
    """Refuse an input that is neither a batch nor one sample with places on its last axes."""
    if x.ndim not in (axes + 1, axes + 2):
        one = LAYOUTS[axes].replace("N, ", "")
        cause = ". A channel axis may be missing: x.expand_dims(1)" if x.ndim == axes else ""
        raise ShapeError(
            f"expects {LAYOUTS[axes]}, or {one} for one sample, got {x.ndim} axes: {x.shape}{cause}"
        )
    if 0 in x.shape[-axes:]:
        raise ShapeError(f"expects {LAYOUTS[axes]} with places on each axis, got {x.shape}")


def padded(x: Tensor, widths: Widths, value: float = 0.0) -> Tensor:
    """`value` before and after each of the last axes, so many as `widths` has pairs."""
    if not any(before or after for before, after in widths):
        return x
    zeros = x.pad([(0, 0)] * (x.ndim - len(widths)) + list(widths))
    if value == 0:
        return zeros
    # A mask of the last axes alone: `pad` with a value makes one of all axes, in C order, and
    # what meets it would lose its own memory order.
    inside = np.pad(np.ones(x.shape[x.ndim - len(widths) :], bool), widths)
    return as_tensor(inside).where(zeros, value)


def spans(sizes: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """From the first to the last place of a window, on each axis."""
    return tuple(dilation * (size - 1) + 1 for size, dilation in zip(sizes, dilations, strict=True))


def slide(
    x: Tensor, sizes: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> Tensor:
    """The windows over the last axes, without a copy.

    Shapes:
        x (..., lengths) -> y (..., counts, sizes)

    Raises:
        ShapeError: when a window is longer than its axis.
    """
    check_fit(x, sizes, dilations)
    return x.apply(Windows(sizes, strides, dilations))


def check_fit(x: Tensor, sizes: Sequence[int], dilations: Sequence[int]) -> None:
    """Refuse windows that are longer than their axis."""
    lengths = x.shape[x.ndim - len(sizes) :]
    covered = spans(sizes, dilations)
    if any(length < span for length, span in zip(lengths, covered, strict=True)):
        raise ShapeError(
            f"a window that covers {times(covered)} does not fit in an input of {times(lengths)}, "
            f"padding included: too many poolings or strides before it, or too little padding"
        )


def times(lengths: Sequence[int]) -> str:
    return " x ".join(map(str, lengths))
