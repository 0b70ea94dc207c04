"""The parts that pages are made of: paragraphs, tables, figures, boxes that scroll."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lunzi.report.charts import bar
from lunzi.report.markup import Content, Html, element, join


def paragraph(*content: Content, kind: str | None = None) -> Html:
    return element("p", *content, class_=kind)


def scroll_box(label: str, *content: Content) -> Html:
    """A box that scrolls sideways by itself, so that the page does not; reached by keyboard."""
    return element("div", *content, class_="scroll", tabindex=0, role="region", aria_label=label)


def figure(title: str, note: str, *content: Content) -> Html:
    """A drawing under its title and a note on how to read it."""
    caption = element(
        "figcaption",
        element("strong", title),
        element("span", note, class_="note") if note else None,
    )
    return element("figure", caption, *content)


def head_cell(content: Content, kind: str | None = None, *, row: bool = False) -> Html:
    """The head of a column, or of a row."""
    return element("th", content, scope="row" if row else "col", class_=kind)


def cell(content: Content, kind: str | None = None) -> Html:
    return element("td", content, class_=kind)


def number_cell(written: str) -> Html:
    return cell(written, "number")


def table(
    label: str,
    heads: Sequence[Html],
    rows: Iterable[Sequence[Html]],
    *,
    foot: Sequence[Html] = (),
    kind: str | None = None,
) -> Html:
    """A table in a scrolling box. `label` is its caption for those who hear the page."""
    return scroll_box(
        label,
        element(
            "table",
            element("caption", label),
            element("thead", element("tr", *heads)),
            element("tbody", *(element("tr", *cells) for cells in rows)),
            element("tfoot", element("tr", *foot)) if foot else None,
            class_=kind,
        ),
    )


def folded(summary: str, *content: Content) -> Html:
    """Content that is shown when its summary is opened."""
    return element("details", element("summary", summary), *content)


@dataclass(frozen=True)
class Bar:
    """One bar of a comparison: its name, its number as written, its length, its colour.

    Args:
        share: the length, 0 to 1 of the full width.
        kind: "right", "wrong" or "other", a class of the style sheet.
    """

    name: str
    written: str
    share: float
    kind: str


def bars(measures: str, rows: Iterable[Bar]) -> Html:
    """Bars under each other, under the name of what they measure."""
    pairs = (
        join(
            element("dt", row.name),
            element("dd", bar(row.share, row.kind), element("span", row.written)),
        )
        for row in rows
    )
    return element("figure", element("figcaption", measures), element("dl", *pairs), class_="bars")
