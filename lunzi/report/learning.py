"""How the loss and the other quantities went from epoch to epoch."""

from collections.abc import Mapping, Sequence

import numpy as np

from lunzi.messages import text
from lunzi.report.blocks import figure, folded, head_cell, number_cell, paragraph, table
from lunzi.report.line_chart import LineChart, Series
from lunzi.report.markup import Html, element, join
from lunzi.report.numerals import UNDEFINED, count, number
from lunzi.report.scales import Values, drawable

History = Sequence[Mapping[str, float | None]]
Columns = dict[str, list[float | None]]

MOST_ROWS = 200
VALIDATION = ("validation_", "validation ", "val_")
TRAINING = ("training_", "training ", "train_", "train ")
# Columns that number or time the rows and are not learned.
NOT_DRAWN = frozenset({"epoch", "step", "seconds"})
# quantity -> (code of its name, code of what to say beside it); others keep their own name.
QUANTITIES = {
    "loss": ("reports.loss", "reports.lower_is_better"),
    "accuracy": ("reports.accuracy", "reports.higher_is_better"),
    "precision": ("reports.precision", "reports.higher_is_better"),
    "recall": ("reports.recall", "reports.higher_is_better"),
    "f1": ("reports.f1", "reports.higher_is_better"),
    "perplexity": ("reports.perplexity", "reports.lower_is_better"),
    "mae": ("reports.mae", "reports.lower_is_better"),
    "rmse": ("reports.rmse", "reports.lower_is_better"),
    "r2": ("reports.r2", "reports.higher_is_better"),
    "lr": ("reports.learning_rate", ""),
    "learning_rate": ("reports.learning_rate", ""),
}


def learning_section(history: History, best_epoch: int | None) -> Html | None:
    """A chart for each quantity, training and validation in the same one; None without any.

    A column `validation_loss` (or `validation loss`, `val_loss`) belongs to the quantity
    `loss`, as do `loss` and `train_loss`; the column `epoch` is the x axis.

    Args:
        history: one row an epoch, column -> value; a row may lack columns that others have.
        best_epoch: the epoch whose weights were kept; marked in the charts.
    """
    columns = _columns(history)
    quantities = _quantities(columns)
    if not quantities:
        return None
    charts = (
        _chart(quantity, names, columns, best_epoch) for quantity, names in quantities.items()
    )
    return join(
        paragraph(_introduction(len(history), best_epoch), kind="lead"),
        element("div", *charts, class_="charts"),
        folded(text("reports.all_numbers"), _numbers(columns, len(history))),
    )


def _columns(history: History) -> Columns:
    """The columns in the order in which they first come, None where a row lacks one."""
    names = dict.fromkeys(name for row in history for name in row)
    return {name: [row.get(name) for row in history] for name in names}


def _introduction(epochs: int, best_epoch: int | None) -> str:
    if epochs == 1:
        return text("reports.trained_one_epoch")
    if best_epoch is None:
        return text("reports.trained_epochs", epochs=count(epochs))
    return text("reports.trained_until_best", epochs=count(epochs), best=count(best_epoch))


def _quantities(columns: Columns) -> dict[str, list[str]]:
    """The columns of each quantity, in the order in which they first name it."""
    found: dict[str, list[str]] = {}
    for column in columns:
        if column not in NOT_DRAWN:
            quantity = _after(column, VALIDATION) or _after(column, TRAINING) or column
            found.setdefault(quantity, []).append(column)
    return found


def _after(column: str, prefixes: Sequence[str]) -> str:
    """What follows one of the prefixes; empty if the column has none of them."""
    return next((column[len(p) :] for p in prefixes if column.startswith(p)), "")


def _chart(quantity: str, names: Sequence[str], columns: Columns, best_epoch: int | None) -> Html:
    series = [_series(name, columns[name], alone=len(names) == 1) for name in names]
    rows = len(series[0].values)
    name_code, note_code = QUANTITIES.get(quantity.replace(" ", "_").lower(), ("", ""))
    title = text(name_code) if name_code else quantity
    note = text(note_code) if note_code else ""
    if broken := sum(_broken(columns[name]) for name in names):
        note = text("reports.values_not_drawn", broken=count(broken))
    chart = LineChart(
        label=text("reports.chart_by_epoch", quantity=title),
        x_name=text("reports.epoch"),
        places=_numbers_of(columns.get("epoch", range(1, rows + 1))),
        series=series,
        percent=quantity.endswith("accuracy"),
        marked=best_epoch,
    )
    return figure(title, note, chart.draw())


def _series(column: str, values: Sequence[float | None], *, alone: bool) -> Series:
    validation = bool(_after(column, VALIDATION))
    name = text("reports.validation") if validation else text("reports.training")
    return Series(name, _numbers_of(values), quiet=not (validation or alone))


def _numbers_of(column: Sequence[float | None]) -> Values:
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _broken(column: Sequence[float | None]) -> int:
    """How many values are NaN or infinite; None only says that there is none."""
    present = np.array([value for value in column if value is not None], dtype=np.float64)
    return int(np.sum(~drawable(present)))


def _numbers(columns: Columns, rows: int) -> Html:
    """The columns as a table; of a long history, rows at equal distances and the last."""
    every = -(-rows // MOST_ROWS)
    shown = sorted({*range(0, rows, every), rows - 1})
    heads = [head_cell(name, "number") for name in columns]
    cells = [[number_cell(_written(values[row])) for values in columns.values()] for row in shown]
    return table(text("reports.all_numbers"), heads, cells)


def _written(value: float | None) -> str:
    return UNDEFINED if value is None else number(value, 4)
