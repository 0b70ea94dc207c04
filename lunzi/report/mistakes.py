"""The samples that a network got wrong, each with what it held likeliest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lunzi.messages import text
from lunzi.report.blocks import cell, folded, head_cell, paragraph, table
from lunzi.report.charts import bar
from lunzi.report.markup import Html, element, join
from lunzi.report.numerals import count, probability
from lunzi.report.pictures import Pictures
from lunzi.report.rows import Rows

LIKELIEST = 3
SHOWN_AT_ONCE = 60
MOST_PICTURES = 2_000
MOST_ROWS = 300


@dataclass(frozen=True)
class Mistakes:
    """The wrong ones among the predictions.

    Args:
        classes: names.
        truth: (n,) the index of each sample's class.
        probabilities: (n, classes).
        names: of the samples, (n,), such as their place in the file.
        samples: what they are, to be shown; None shows their names alone.
    """

    classes: Sequence[str]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    names: Sequence[str]
    samples: Pictures | Rows | None = None

    def indices(self) -> list[int]:
        """The samples whose likeliest class is not the true one, the most confident first."""
        confidence = self.probabilities.max(axis=1)
        wrong = np.flatnonzero(self.probabilities.argmax(axis=1) != self.truth)
        order = np.argsort(-confidence[wrong], kind="stable")
        return [int(index) for index in wrong[order]]


def mistakes_section(mistakes: Mistakes) -> Html:
    """Every mistake as a card with its picture, or as a row of a table."""
    wrong = mistakes.indices()
    if not wrong:
        return paragraph(text("reports.no_mistakes"), kind="lead")
    pictures = isinstance(mistakes.samples, Pictures)
    most = MOST_PICTURES if pictures else MOST_ROWS
    shown = wrong[:most]
    parts = [paragraph(text("reports.mistakes_note"), kind="lead")]
    if len(wrong) > most:
        some = text("reports.mistakes_left_out", shown=count(most), total=count(len(wrong)))
        parts.append(paragraph(some))
    layout = _cards if pictures else _rows
    parts.append(layout(mistakes, shown[:SHOWN_AT_ONCE]))
    if rest := shown[SHOWN_AT_ONCE:]:
        more = text("reports.more_mistakes", number=count(len(rest)))
        parts.append(folded(more, layout(mistakes, rest)))
    return join(*parts)


def likeliest_bars(mistakes: Mistakes, index: int) -> Html:
    """The likeliest classes of a sample as bars, the true and the wrong one coloured."""
    row = mistakes.probabilities[index]
    order = np.argsort(-row, kind="stable")[:LIKELIEST]
    return element("ol", *_bars(mistakes, index, [int(i) for i in order]), class_="likeliest")


def _bars(mistakes: Mistakes, index: int, order: Sequence[int]) -> Iterator[Html]:
    for place, klass in enumerate(order):
        value = float(mistakes.probabilities[index, klass])
        kind = "other"
        if klass == mistakes.truth[index]:
            kind = "right"
        elif place == 0:
            kind = "wrong"
        yield element(
            "li",
            element("span", mistakes.classes[klass], class_="class"),
            bar(value, kind),
            element("span", probability(value), class_="number"),
        )


def _words(mistakes: Mistakes, index: int) -> tuple[str, str, str]:
    """(name of the sample, its class, the class that was predicted)"""
    predicted = int(mistakes.probabilities[index].argmax())
    truth = mistakes.classes[int(mistakes.truth[index])]
    return mistakes.names[index], truth, mistakes.classes[predicted]


def _cards(mistakes: Mistakes, indices: Sequence[int]) -> Html:
    return element("ul", *(_card(mistakes, index) for index in indices), class_="cards")


def _card(mistakes: Mistakes, index: int) -> Html:
    assert isinstance(mistakes.samples, Pictures)
    name, truth, prediction = _words(mistakes, index)
    alt = text("reports.picture_alt", name=name, truth=truth, prediction=prediction)
    verdict = element(
        "dl",
        element("dt", text("reports.truth")),
        element("dd", truth, class_="right"),
        element("dt", text("reports.prediction")),
        element("dd", prediction, class_="wrong"),
        element("dt", text("reports.sample")),
        element("dd", name),
    )
    picture = mistakes.samples.show(index, alt)
    return element("li", picture, verdict, likeliest_bars(mistakes, index))


def _rows(mistakes: Mistakes, indices: Sequence[int]) -> Html:
    rows = mistakes.samples if isinstance(mistakes.samples, Rows) else None
    heads = [
        head_cell(text("reports.sample")),
        head_cell(text("reports.truth")),
        head_cell(text("reports.prediction")),
        head_cell(text("reports.likeliest")),
        *(rows.heads() if rows else []),
    ]
    cells = []
    for index in indices:
        name, truth, prediction = _words(mistakes, index)
        line = [
            head_cell(name, row=True),
            cell(truth, "right"),
            cell(prediction, "wrong"),
            cell(likeliest_bars(mistakes, index), "bars"),
        ]
        cells.append([*line, *(rows.cells(index) if rows else [])])
    return table(text("reports.mistakes_table"), heads, cells, kind="wide")
