"""Lines over epochs, each named at its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lunzi.core.errors import ShapeError
from lunzi.report.frame import (
    BOTTOM,
    DIGIT,
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
)
from lunzi.report.lettering import cells, shortened
from lunzi.report.markup import Html
from lunzi.report.numerals import number
from lunzi.report.scales import (
    Values,
    drawable,
    epoch_scale,
    linear_scale,
    logarithmic_scale,
    spans_decades,
)

LINE_HEIGHT = 15.0
LONGEST_NAME = 14  # cells
COLOURS = 4
MOST_POINTS = 400  # more of them on a line cannot be told apart
MOST_SPOTS = 120  # points with words of their own under the pointer


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Args:
        name: written at its end.
        values: one for each place on the x axis; NaN where there is none.
        quiet: drawn thin and grey, as the line that others are held against.
    """

    name: str
    values: Values
    quiet: bool = False


@dataclass(frozen=True)
class LineChart:
    """Lines over epochs or steps, each with its name and last value at its end.

    Values that are NaN or infinite interrupt a line. The y axis is logarithmic when all
    values are above 0 and the largest is more than 100 times the smallest.

    Args:
        label: what the chart shows, for those who hear the page.
        x_name: name of the x axis.
        places: x of each value.
        series: the lines; the loud ones are told apart by colours and dashes.
        percent: the values are shares of 1.
        marked: a place on the x axis with a dashed vertical line.

    Raises:
        ShapeError: when a series has not as many values as there are places.
    """

    label: str
    x_name: str
    places: Values
    series: Sequence[Series]
    percent: bool = False
    marked: float | None = None

    def __post_init__(self) -> None:
        for one in self.series:
            if one.values.shape != self.places.shape:
                raise ShapeError(
                    f"{one.name}: {len(self.places)} values expected, one for each place on the "
                    f"x axis, got {len(one.values)}"
                )

    def draw(self) -> Html:
        """The chart as inline SVG."""
        frame = self._frame()
        parts = [axes(frame, self.x_name)]
        if self.marked is not None and frame.x.low <= self.marked <= frame.x.high:
            parts.append(mark(frame, self.marked))
        if not drawable(self._everything()).any():
            parts.append(nothing(frame))
        for one, kind in zip(self.series, self._kinds(), strict=True):
            parts.extend(_line(frame, self.places, one.values, kind))
        parts.extend(self._spots(frame))
        parts.extend(self._end_labels(frame))
        return drawing(frame, self.label, parts)

    def _everything(self) -> Values:
        return np.concatenate([np.empty(0), *(one.values for one in self.series)])

    def _frame(self) -> Frame:
        values = self._everything()
        if spans_decades(values) and not self.percent:
            y = logarithmic_scale(values)
        else:
            y = linear_scale(values, percent=self.percent)
        longest = max((cells(words) for end in self._ends() for words in end[1:3]), default=0)
        right = WIDTH - 10 - DIGIT * longest
        return Frame(left_of_frame(y), right, TOP, BOTTOM, epoch_scale(self.places), y)

    def _kinds(self) -> list[str]:
        """The style class of each line."""
        loud = iter(range(len(self.series)))
        return ["quiet" if one.quiet else f"line-{next(loud) % COLOURS + 1}" for one in self.series]

    def _spots(self, frame: Frame) -> Iterator[Html]:
        """Invisible circles around the points, with words that appear under a pointer."""
        if len(self.places) > MOST_SPOTS:
            return
        for one in self.series:
            for index in np.flatnonzero(drawable(one.values) & drawable(self.places)):
                x, y = float(self.places[index]), float(one.values[index])
                words = f"{self.x_name} {number(x)}, {one.name}: {self._written(y)}"
                yield circle("spot", frame.across(x), frame.down(y), 6, words)

    def _end_labels(self, frame: Frame) -> Iterator[Html]:
        """Names and last values at the ends of the lines, pushed apart where they would touch."""
        ends = sorted(self._ends(), reverse=True)
        wanted = [frame.down(value) for value, *_ in ends]
        places = _spread(wanted, frame.top + 4, frame.bottom - LINE_HEIGHT)
        x = frame.right + 8
        for y, (_, name, written, kind) in zip(places, ends, strict=True):
            yield lettering(name, x, y, kind=f"name {kind}")
            yield lettering(written, x, y + LINE_HEIGHT, kind=kind)

    def _ends(self) -> list[tuple[float, str, str, str]]:
        """(last value, name, last value as written, style class) of each line that is drawn."""
        ends = []
        for one, kind in zip(self.series, self._kinds(), strict=True):
            drawn = np.flatnonzero(drawable(one.values))
            if drawn.size:
                value = float(one.values[drawn[-1]])
                name = shortened(one.name, LONGEST_NAME)
                ends.append((value, name, self._written(value), kind))
        return ends

    def _written(self, value: float) -> str:
        return f"{100 * value:.1f}%" if self.percent else number(value)


def _line(frame: Frame, places: Values, values: Values, kind: str) -> Iterator[Html]:
    for run in _runs(places, values):
        points = [(frame.across(x), frame.down(y)) for x, y in run]
        if len(points) > 1:
            yield path(f"line {kind}", points)
        else:
            yield circle(f"dot {kind}", *points[0], 3)


def _runs(places: Values, values: Values) -> Iterator[list[tuple[float, float]]]:
    """The stretches without a gap, each as (x, y) pairs; never empty."""
    run: list[tuple[float, float]] = []
    shown = drawable(values) & drawable(places)
    for index in _thinned(values):
        if shown[index]:
            run.append((float(places[index]), float(values[index])))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _thinned(values: Values) -> list[int]:
    """The indices of the least and the greatest value of each of `MOST_POINTS` stretches.

    The first and last are kept, and those that cannot be drawn, for they interrupt the line.
    """
    if len(values) <= MOST_POINTS:
        return list(range(len(values)))
    keep = {0, len(values) - 1, *np.flatnonzero(~drawable(values)).tolist()}
    for stretch in np.array_split(np.arange(len(values)), MOST_POINTS):
        drawn = stretch[drawable(values[stretch])]
        if drawn.size:
            keep |= {int(drawn[values[drawn].argmin()]), int(drawn[values[drawn].argmax()])}
    return sorted(keep)


def _spread(wanted: Sequence[float], top: float, bottom: float) -> list[float]:
    """Places in the same order, near the wanted ones, with room for two lines of text."""
    room = 2 * LINE_HEIGHT + 3
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + room if places else top))
    lowest = bottom
    for index in reversed(range(len(places))):
        places[index] = min(places[index], lowest)
        lowest = places[index] - room
    return places
