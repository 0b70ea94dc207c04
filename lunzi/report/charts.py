"""Scattered points, a histogram, and the thin bars that stand in tables and lists."""

from collections.abc import Iterator, Sequence

import numpy as np

from lunzi.report.frame import (
    BOTTOM,
    TOP,
    WIDTH,
    Frame,
    axes,
    circle,
    drawing,
    left_of_frame,
    lettering,
    mark,
    nothing,
    path,
    right_of_frame,
)
from lunzi.report.markup import Html, element, short_number
from lunzi.report.numerals import count, number
from lunzi.report.scales import Values, drawable, linear_scale

SCATTER_TOP = 34.0
LAYERS = 12
INTERVALS = 30


def scatter_chart(
    x: Values, y: Values, *, label: str, x_name: str, y_name: str, ringed: Sequence[int] = ()
) -> Html:
    """Points of two values of the same kind, with the diagonal on which both are equal.

    Args:
        x, y: the values; points that are NaN or infinite are left out.
        label: what the chart shows, for those who hear the page.
        x_name, y_name: the names of the axes.
        ringed: the points with a ring around them.
    """
    shown = drawable(x) & drawable(y)
    scale = linear_scale(np.concatenate([x[shown], y[shown]]), ticks=4)
    left, right = left_of_frame(scale), WIDTH - right_of_frame(scale)
    # As high as wide, so that the diagonal is one.
    frame = Frame(left, right, SCATTER_TOP, SCATTER_TOP + right - left, scale, scale)
    points = [(frame.across(a), frame.down(b)) for a, b in zip(x[shown], y[shown], strict=True)]
    rings = (
        circle("ring", frame.across(x[i]), frame.down(y[i]), 5, f"{number(x[i])} → {number(y[i])}")
        for i in ringed
        if shown[i]
    )
    parts = [
        axes(frame, x_name),
        lettering(y_name, 0, TOP),
        path("diagonal", [(frame.left, frame.bottom), (frame.right, frame.top)]),
        *_dots(points),
        *rings,
    ]
    return drawing(frame, label, parts if points else [*parts, nothing(frame)])


def _dots(points: Sequence[tuple[float, float]]) -> Iterator[Html]:
    # One element a point would be a large file, one path for all would hide where points lie
    # densely: a dozen see-through layers show both. A line of length 0 is drawn as a dot.
    for layer in range(min(LAYERS, len(points))):
        places = points[layer::LAYERS]
        dots = (f"M{short_number(round(x, 1))} {short_number(round(y, 1))}h0" for x, y in places)
        yield element("path", class_="dots", d="".join(dots))


def histogram(values: Values, *, label: str, x_name: str) -> Html:
    """How many values fall into each of some thirty intervals, with a line at 0."""
    shown = values[drawable(values)]
    # A spread of 0 is given some width, so that a single column does not fill the frame.
    reach = float(np.abs(shown).max(initial=0.0)) or 1.0
    bounds = linear_scale(np.append(shown, (-reach / 20, reach / 20)), ticks=INTERVALS).ticks
    heights, _ = np.histogram(shown, bins=np.array(bounds))
    x = linear_scale(np.array([bounds[0], bounds[-1]]), ticks=4)
    y = linear_scale(np.append(heights, 1).astype(np.float64), ticks=4, whole=True)
    frame = Frame(left_of_frame(y), WIDTH - right_of_frame(x), TOP, BOTTOM, x, y)
    columns = (
        _column(frame, low, high, int(height))
        for low, high, height in zip(bounds[:-1], bounds[1:], heights, strict=True)
        if height
    )
    return drawing(frame, label, [axes(frame, x_name), *columns, mark(frame, 0.0)])


def _column(frame: Frame, low: float, high: float, height: int) -> Html:
    start, end, top = frame.across(low), frame.across(high), frame.down(height)
    return element(
        "rect",
        element("title", f"{number(low)} … {number(high)}: {count(height)}"),
        class_="column",
        x=start + 0.5,
        y=top,
        width=max(end - start - 1, 0.5),
        height=frame.bottom - top,
    )


def bar(share: float, kind: str) -> Html:
    """A thin horizontal bar of `share` (0 to 1) of its width; the number stands beside it."""
    return element(
        "svg",
        element("rect", class_=kind, width=100 * min(max(share, 0.0), 1.0), height=1),
        class_="bar",
        viewBox="0 0 100 1",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
