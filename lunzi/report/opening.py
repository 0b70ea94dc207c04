"""The top of a report: its title, the result as a large figure, and what to hold it against."""

from collections.abc import Sequence
from dataclasses import dataclass

from lunzi.messages import text
from lunzi.report.blocks import Bar, bars, paragraph
from lunzi.report.lettering import cells
from lunzi.report.markup import Html, element

LARGE_FIGURE = 7  # cells that fit into the width of a telephone in the largest letters


@dataclass(frozen=True)
class Result:
    """What came out.

    Args:
        figure: the one number, as written.
        of_what: what the figure is, in a few words.
        sentences: the result in words, the most important first.
        measures: what the bars compare.
        bars: the network's figure and the one of an answer that learned nothing.
    """

    figure: str
    of_what: str
    sentences: Sequence[str]
    measures: str
    bars: Sequence[Bar]


def opening(title: str, subtitle: str, result: Result) -> Html:
    """The header of the page."""
    first, *others = result.sentences
    kind = "long" if cells(result.figure) > LARGE_FIGURE else None
    return element(
        "header",
        paragraph(text("reports.kind_of_page"), kind="kicker"),
        element("h1", title),
        paragraph(subtitle, kind="subtitle") if subtitle else None,
        element(
            "div",
            paragraph(
                element("strong", result.figure, class_=kind),
                element("span", result.of_what),
                kind="figure",
            ),
            element(
                "div",
                paragraph(first, kind="first"),
                *(paragraph(sentence) for sentence in others),
                bars(result.measures, result.bars),
                class_="words",
            ),
            class_="result",
        ),
    )
