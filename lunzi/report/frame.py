"""What all charts are drawn on: a frame with its axes, as inline SVG.

Colours and line styles are classes of the page's style sheet, so that a chart follows the
light or dark scheme. A chart is drawn 420 units wide and is meant to be shown at 320 to 480
pixels, so that its text can be read on a telephone; wide pages set charts side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lunzi.messages import text
from lunzi.report.lettering import cells
from lunzi.report.markup import Attribute, Html, element, short_number
from lunzi.report.scales import Scale

WIDTH = 420.0
TOP = 14.0
BOTTOM = 214.0
UNDER_FRAME = 38.0  # room for the ticks and the name of the x axis
DIGIT = 7.2  # the width of one digit at the size of the tick labels


@dataclass(frozen=True)
class Frame:
    """The rectangle that holds the data, and the scales along its sides."""

    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    y: Scale

    @property
    def middle(self) -> float:
        """Half-way between left and right."""
        return (self.left + self.right) / 2

    def across(self, value: float) -> float:
        """The x coordinate of a value of the x axis."""
        return self.left + (self.right - self.left) * self.x.share(value)

    def down(self, value: float) -> float:
        """The y coordinate of a value of the y axis."""
        return self.bottom - (self.bottom - self.top) * self.y.share(value)


def left_of_frame(y: Scale) -> float:
    """The room that the labels of the y axis need."""
    return 10 + DIGIT * max(cells(written) for written in y.labels)


def right_of_frame(x: Scale) -> float:
    """The room that the right half of the last label of the x axis needs."""
    return 4 + DIGIT * cells(x.labels[-1]) / 2


def drawing(frame: Frame, label: str, parts: Sequence[Html]) -> Html:
    """The whole picture; `label` says what it shows to those who hear the page."""
    return element(
        "svg",
        *parts,
        class_="chart",
        role="img",
        aria_label=label,
        viewBox=f"0 0 {short_number(WIDTH)} {short_number(frame.bottom + UNDER_FRAME)}",
    )


def axes(frame: Frame, x_name: str) -> Html:
    """Horizontal lines at the ticks of y, the x axis with its ticks, and all their labels."""
    rows = zip(frame.y.ticks, frame.y.labels, strict=True)
    columns = zip(frame.x.ticks, _with_room(frame), strict=True)
    return element(
        "g",
        *(_row(frame, frame.down(place), written) for place, written in rows),
        _line("base", frame.left, frame.bottom, frame.right, frame.bottom),
        *(_column(frame, frame.across(place), written) for place, written in columns),
        lettering(x_name, frame.middle, frame.bottom + 35, anchor="middle"),
    )


def mark(frame: Frame, place: float) -> Html:
    """A dashed vertical line at a place of the x axis."""
    x = frame.across(place)
    return _line("mark", x, frame.top, x, frame.bottom)


def nothing(frame: Frame) -> Html:
    """The words that stand in a frame without data."""
    y = (frame.top + frame.bottom) / 2
    return lettering(text("reports.nothing_to_draw"), frame.middle, y, anchor="middle")


def lettering(
    words: str, x: float, y: float, *, anchor: str | None = None, kind: str | None = None
) -> Html:
    """A line of text in a drawing; `anchor` is "middle" or "end" if x is not its beginning."""
    return element("text", words, class_=kind, x=x, y=y, text_anchor=anchor)


def circle(kind: str, x: float, y: float, radius: float, words: str | None = None) -> Html:
    """A circle; `words` appear under a pointer."""
    title = None if words is None else element("title", words)
    return element("circle", title, class_=kind, cx=x, cy=y, r=radius)


def path(kind: str, points: Sequence[tuple[float, float]]) -> Html:
    """Points joined by straight lines."""
    d = "M" + "L".join(f"{short_number(x)} {short_number(y)}" for x, y in points)
    return element("path", class_=kind, d=d)


def _line(kind: str, x1: Attribute, y1: Attribute, x2: Attribute, y2: Attribute) -> Html:
    return element("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def _row(frame: Frame, y: float, written: str) -> Html:
    return element(
        "g",
        _line("grid", frame.left, y, frame.right, y),
        lettering(written, frame.left - 8, y + 4, anchor="end"),
    )


def _with_room(frame: Frame) -> list[str | None]:
    """The labels of the x axis; every second one left out where they would touch."""
    widest = DIGIT * (1 + max(cells(written) for written in frame.x.labels))
    room = (frame.right - frame.left) / max(len(frame.x.ticks) - 1, 1)
    crowded = len(frame.x.ticks) > 2 and widest > room
    return [
        None if crowded and index % 2 else written for index, written in enumerate(frame.x.labels)
    ]


def _column(frame: Frame, x: float, written: str | None) -> Html:
    label = written and lettering(written, x, frame.bottom + 18, anchor="middle")
    return element("g", _line("base", x, frame.bottom, x, frame.bottom + 4), label or None)
