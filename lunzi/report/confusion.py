"""Which class is taken for which: counts, scores, and the matrix as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lunzi.messages import text
from lunzi.report.blocks import cell, figure, folded, head_cell, number_cell, paragraph, table
from lunzi.report.lettering import cells, shortened
from lunzi.report.markup import Html, element, join
from lunzi.report.numerals import count, percent, score

Counts = NDArray[np.int64]
Scores = NDArray[np.float64]

MOST_CLASSES = 20  # a matrix of more cannot be taken in at a glance
MOST_PAIRS = 20
SHADES = 6
HEAD_CELLS = 22  # how long a column's head may be, which stands upright
SHORT_NAME = 8  # cells; longer ones must be given room beside the numbers


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of each class; NaN where one is undefined.

        precision = right / times predicted, recall = right / times true
        f1 = 2 right / (times predicted + times true)

    A class that was never predicted has no precision; one that never occurs, no recall.
    """

    precision: Scores
    recall: Scores
    f1: Scores


def confusion_counts(truth: Counts, predictions: Counts, classes: int) -> Counts:
    """How often each class (row) was given each prediction (column).

    Shapes:
        truth, predictions (n,) -> counts (classes, classes)
    """
    pairs = np.bincount(truth * classes + predictions, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def class_scores(counts: Counts) -> ClassScores:
    """The scores of each class from the confusion counts."""
    right = np.diag(counts)
    predicted, true = counts.sum(axis=0), counts.sum(axis=1)
    return ClassScores(
        _ratio(right, predicted), _ratio(right, true), _ratio(2 * right, predicted + true)
    )


def confused_pairs(counts: Counts) -> list[tuple[int, int, int]]:
    """(truth, prediction, times) of each kind of mistake, the most frequent first."""
    wrong = counts - np.diag(np.diag(counts))
    truths, predictions = np.nonzero(wrong)
    pairs = [(int(t), int(p), int(wrong[t, p])) for t, p in zip(truths, predictions, strict=True)]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


def confusion_section(counts: Counts, classes: Sequence[str]) -> Html:
    """The matrix (or the most confused pairs of many classes) and the scores of each class."""
    pairs = confused_pairs(counts)
    parts = [paragraph(_most_frequent(counts, pairs, classes), kind="lead")]
    if len(classes) <= MOST_CLASSES:
        parts.append(
            figure(
                text("reports.confusion_matrix"),
                text("reports.confusion_note"),
                confusion_matrix(counts, classes),
            )
        )
    elif pairs:
        parts.append(
            figure(
                text("reports.confused_pairs"),
                text("reports.confused_pairs_note", shown=min(len(pairs), MOST_PAIRS)),
                pair_table(counts, pairs[:MOST_PAIRS], classes),
            )
        )
    scores = figure(
        text("reports.class_scores"),
        text("reports.class_scores_note"),
        score_table(counts, classes),
    )
    many = len(classes) > MOST_CLASSES
    parts.append(folded(text("reports.class_scores"), scores) if many else scores)
    return join(*parts)


def confusion_matrix(counts: Counts, classes: Sequence[str]) -> Html:
    """The counts as a table: truth in rows, prediction in columns, totals at the ends."""
    across = element("span", f"{text('reports.prediction')} →")
    down = element("span", f"{text('reports.truth')} ↓")
    heads = [element("td", across, down, class_="corner")]
    # Upright heads keep the columns narrow; one or two letters need no turning.
    kind = "upright" if max(cells(name) for name in classes) > 2 else None
    heads += [_column_head(name, kind) for name in classes]
    heads.append(_column_head(text("reports.total"), kind and f"{kind} total", "total"))
    totals = counts.sum(axis=1)
    rows = [
        [
            head_cell(name, row=True),
            *(_matrix_cell(int(times), int(total), i == j) for j, times in enumerate(row)),
            cell(count(int(total)), "total"),
        ]
        for i, (name, row, total) in enumerate(zip(classes, counts, totals, strict=True))
    ]
    foot = [
        head_cell(text("reports.total"), row=True),
        *(cell(count(int(times)), "total") for times in counts.sum(axis=0)),
        cell(count(int(counts.sum())), "total"),
    ]
    return table(text("reports.confusion_matrix"), heads, rows, foot=foot, kind="matrix")


def pair_table(
    counts: Counts, pairs: Sequence[tuple[int, int, int]], classes: Sequence[str]
) -> Html:
    """Kinds of mistakes with their number and their share of the true class."""
    heads = [
        head_cell(text("reports.truth")),
        head_cell(text("reports.prediction")),
        head_cell(text("reports.times"), "number"),
        head_cell(text("reports.share_of_class"), "number"),
    ]
    totals = counts.sum(axis=1)
    rows = [
        [
            head_cell(classes[truth], row=True),
            cell(classes[prediction]),
            number_cell(count(times)),
            number_cell(percent(times, int(totals[truth]))),
        ]
        for truth, prediction, times in pairs
    ]
    return table(text("reports.confused_pairs"), heads, rows)


def score_table(counts: Counts, classes: Sequence[str]) -> Html:
    """Precision, recall and F1 of each class, and their means."""
    scores = class_scores(counts)
    columns = (scores.precision, scores.recall, scores.f1)
    heads = [
        head_cell(text("reports.class")),
        head_cell(text("reports.precision"), "number"),
        head_cell(text("reports.recall"), "number"),
        head_cell("F1", "number"),
        head_cell(text("reports.samples"), "number"),
    ]
    totals = counts.sum(axis=1)
    rows = [
        [
            head_cell(name, row=True),
            *(number_cell(score(float(column[index]))) for column in columns),
            number_cell(count(int(totals[index]))),
        ]
        for index, name in enumerate(classes)
    ]
    foot = [
        head_cell(text("reports.mean_of_classes"), row=True),
        *(number_cell(score(_mean(column))) for column in columns),
        number_cell(count(int(totals.sum()))),
    ]
    long = max(cells(name) for name in classes) > SHORT_NAME
    return table(
        text("reports.class_scores"), heads, rows, foot=foot, kind="named" if long else None
    )


def _ratio(part: Counts, whole: Counts) -> Scores:
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _mean(values: Scores) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _most_frequent(
    counts: Counts, pairs: Sequence[tuple[int, int, int]], classes: Sequence[str]
) -> str:
    if not pairs:
        return text("reports.nothing_confused")
    truth, prediction, times = pairs[0]
    return text(
        "reports.most_confused",
        truth=classes[truth],
        prediction=classes[prediction],
        times=count(times),
        total=count(int(counts[truth].sum())),
    )


def _column_head(name: str, kind: str | None, extra: str | None = None) -> Html:
    short = shortened(name, HEAD_CELLS)
    return element(
        "th",
        element("span", short),
        scope="col",
        class_=kind or extra,
        aria_label=None if short == name else name,
    )


def _matrix_cell(times: int, total: int, right: bool) -> Html:
    """A cell shaded by its share of the row; an empty one where it never happened."""
    if not times:
        return cell("")
    share = times / total
    # Mistakes are a few per cent of a row: the root makes one of them visible.
    shade = int(np.ceil(SHADES * (share if right else share**0.5)))
    return cell(count(times), f"{'right' if right else 'wrong'}-{min(shade, SHADES)}")
