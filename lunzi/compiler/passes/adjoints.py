"""The gradient of a convolution for its input, as a convolution.

The rule of `Windows` scatters: all products of dy with the filter are made, KH KW IC numbers for
each place, and each is added where its window lay. The same sum can be gathered: a window slides
over dy, with zeros around it, and meets the filter in reverse.

    sum over k of dy[(h - k dilation) / stride] w[k]
        = sum over j of padded[h + j dilation] w[K - 1 - j]

where `padded` has (K - 1) dilation zeros before dy, and stride - 1 between its places.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lunzi.compiler.rewrite import Builder
from lunzi.core.contraction import Matmul
from lunzi.core.graph import Node
from lunzi.core.movement import Flip, Pad, PermuteDims, Reshape, Slice
from lunzi.core.primitive import Primitive
from lunzi.core.windows import OverlapAdd, Windows


@dataclass(frozen=True)
class Scattered:
    """The parts of a convolution's gradient: dy (N, counts, OC) in rows, the filter in rows too."""

    op: OverlapAdd
    samples: int
    counts: tuple[int, ...]
    channels: int
    dy: Node  # (N counts, OC)
    filters: Node  # (sizes C, OC)


def convolution_adjoint(builder: Builder, node: Node) -> Node | None:
    """Gather where the gradient of a convolution scatters."""
    found = scattered(node)
    if found is None:
        return None
    return gathered(builder, found, tuple((0, length) for length in found.op.lengths), node.line)


def cropped_adjoint(builder: Builder, node: Node) -> Node | None:
    """The same where a part alone is wanted, the convolution having padded its input."""
    match node.op, node.inputs:
        case Slice(starts, stops, steps), (inner,) if set(steps) == {1}:
            found = scattered(inner)
            if found is None:
                return None
            first = node.ndim - len(found.op.lengths)
            if starts[:first] != (0,) * first or stops[:first] != inner.shape[:first]:
                return None
            part = tuple(zip(starts[first:], stops[first:], strict=True))
            return gathered(builder, found, part, node.line)
    return None


def scattered(node: Node) -> Scattered | None:
    """The parts, where a node is the gradient of a convolution as `conv2d` is written."""
    match node:
        case Node(
            op=OverlapAdd() as op,
            inputs=(
                Node(
                    op=PermuteDims(order),
                    inputs=(
                        Node(
                            op=Reshape(shape),
                            inputs=(Node(op=Matmul(False, True), inputs=(dy, filters)),),
                        ),
                    ),
                ),
            ),
        ):
            axes = len(op.sizes)
            last = 2 * axes + 1
            if order != (0, last, *range(1, last)) or dy.ndim != 2 or filters.ndim != 2:
                return None
            return Scattered(op, shape[0], shape[1 : 1 + axes], shape[-1], dy, filters)
    return None


def gathered(
    builder: Builder, found: Scattered, part: tuple[tuple[int, int], ...], line: str
) -> Node:
    """(N, C, lengths) in the part from start to stop of each spatial axis."""
    op, axes, outputs = found.op, len(found.op.sizes), found.dy.shape[1]

    def made(primitive: Primitive, x: Node) -> Node:
        return builder.apply(primitive, x, line=line)

    dy = made(Reshape((found.samples, *found.counts, outputs)), found.dy)
    before, after = [], []
    for (start, stop), count, size, stride, dilation in zip(
        part, found.counts, op.sizes, op.strides, op.dilations, strict=True
    ):
        reach = (size - 1) * dilation
        covered = (count - 1) * stride + 1
        before.append(reach - start)
        # Window h begins at h in the padded dy, and the last one is stop - 1.
        after.append(stop - covered)
    steps = op.strides
    crop = [(max(-b, 0), max(-a, 0)) for b, a in zip(before, after, strict=True)]
    pad = Pad(
        (0, *(max(b, 0) for b in before), 0),
        (0, *(max(a, 0) for a in after), 0),
        (1, *steps, 1),
    )
    padded = made(pad, dy)
    if any(map(any, crop)):
        bounds = [
            (first, size - last)
            for (first, last), size in zip(crop, padded.shape[1:-1], strict=True)
        ]
        starts = (0, *(first for first, _ in bounds), 0)
        stops = (found.samples, *(last for _, last in bounds), outputs)
        padded = made(Slice(starts, stops, (1,) * (axes + 2)), padded)
    # Windows slide over the last axes: (N, OC, H, W) -> (N, OC, h, w, KH, KW).
    first = made(PermuteDims((0, axes + 1, *range(1, axes + 1))), padded)
    windows = made(Windows(op.sizes, (1,) * axes, op.dilations), first)
    order = (0, *range(2, 2 * axes + 2), 1)
    lengths = tuple(stop - start for start, stop in part)
    rows = made(
        Reshape((found.samples * prod(lengths), prod(op.sizes) * outputs)),
        made(PermuteDims(order), windows),
    )
    filters = made(Reshape((*op.sizes, found.channels, outputs)), found.filters)
    filters = made(Flip(tuple(range(axes))), filters)
    filters = made(PermuteDims((*range(axes), axes + 1, axes)), filters)
    columns = made(Reshape((prod(op.sizes) * outputs, found.channels)), filters)
    y = builder.apply(Matmul(False, False), rows, columns, line=line)
    y = made(Reshape((found.samples, *lengths, found.channels)), y)
    return made(PermuteDims((0, axes + 1, *range(1, axes + 1))), y)
