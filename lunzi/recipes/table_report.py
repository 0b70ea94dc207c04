"""What the table recipe says at its end: the result beside what no network is needed for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lunzi.core.spec import Array
from lunzi.data import Table
from lunzi.data.targets import ClassTarget, NumberTarget, Target
from lunzi.messages import text
from lunzi.recipes.folder import REPORT
from lunzi.recipes.run import Run
from lunzi.report import ClassificationReport, RegressionReport, Rows, RunFacts
from lunzi.report.numerals import number
from lunzi.train.probabilities import softmax

DIGITS = 6  # that are shown of a number at least


def report(
    run: Run,
    target: Target,
    *,
    training: Array,
    truth: Array,
    outputs: Array,
    test: Table,
    best_epoch: int,
    history: Sequence[dict[str, Any]],
    facts: RunFacts,
) -> None:
    """Say the result on the test rows, and write the report.

    Args:
        training, truth: the encoded targets of the training rows and of the test rows.
        outputs: of the network for the test rows.
        test: the test rows as they stand in the file.
    """
    # The name alone: the page does not tell in which folders its reader's data lies.
    name = Path(test.source).name
    shared: dict[str, Any] = {
        "title": name,
        "subtitle": text("commands.table_subtitle", target=target.name),
        "history": history,
        "best_epoch": best_epoch,
        "samples": rows(test, target.name),
        "sample_names": [text("commands.line", line=line) for line in test.lines],
        "facts": replace(
            facts, data=name, settings={text("commands.target"): target.name, **facts.settings}
        ),
    }
    if isinstance(target, ClassTarget):
        report_classes(run, target, training, truth, softmax(outputs), shared=shared)
    else:
        numbers = (target.decode(part).ravel() for part in (training, truth, outputs))
        report_numbers(run, target, *numbers, shared=shared)
    run.say_end(test.source)


def rows(table: Table, target: str) -> Rows:
    """The test rows as they stand in the file."""
    columns = [column for column in table.columns if column.name != target]
    cells = zip(*(column.cells for column in columns), strict=True)
    return Rows([column.name for column in columns], [list(map(str, row)) for row in cells])


def report_classes(
    run: Run,
    target: ClassTarget,
    training: Array,
    truth: Array,
    probabilities: Array,
    *,
    shared: dict[str, Any],
) -> None:
    """Say and write how well classes are told apart, beside always naming the majority class."""
    majority = int(np.bincount(training, minlength=len(target.classes)).argmax())
    accuracy = float((probabilities.argmax(axis=1) == truth).mean())
    usual = float((truth == majority).mean())
    run.say("commands.test_accuracy", accuracy=accuracy)
    code = "commands.beats_majority" if accuracy > usual else "commands.below_majority"
    run.say(code, name=target.classes[majority], accuracy=usual, test=len(truth))
    ClassificationReport(
        classes=target.classes,
        truth=truth,
        probabilities=probabilities,
        majority=majority,
        **shared,
    ).write(run.path(REPORT))


def report_numbers(
    run: Run,
    target: NumberTarget,
    training: Array,
    truth: Array,
    predictions: Array,
    *,
    shared: dict[str, Any],
) -> None:
    """Say and write how near the numbers come, beside always naming the mean of training."""
    mean = float(training.mean())
    error = float(np.sqrt(np.mean((predictions - truth) ** 2)))
    usual = float(np.sqrt(np.mean((mean - truth) ** 2)))
    run.say("commands.test_rmse", error=number(error, DIGITS))
    code = "commands.beats_mean" if error < usual else "commands.below_mean"
    run.say(code, mean=number(mean, DIGITS), error=number(usual, DIGITS), test=len(truth))
    RegressionReport(
        target=target.name, truth=truth, predictions=predictions, training_mean=mean, **shared
    ).write(run.path(REPORT))
