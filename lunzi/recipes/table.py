"""table: the user's own CSV file, a column of which is predicted from the others.

What the columns are, and whether the target asks for classification or regression, is found
from their content and said aloud. The rows are split at random into 70 % for training, 15 % for
validation and 15 % for the test; the weights kept are those of the best epoch on validation data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lunzi.core.errors import RangeError
from lunzi.core.random import Generator
from lunzi.core.spec import Array
from lunzi.data import ArrayDataset, DataLoader, Table, TablePreprocessing, read_table
from lunzi.data.targets import ClassTarget, NumberTarget
from lunzi.messages import text
from lunzi.nn import CrossEntropyLoss, Linear, Module, MSELoss, ReLU, Sequential
from lunzi.optim import AdamW
from lunzi.optim.lr_scheduler import OneCycleLR
from lunzi.recipes.run import REPORT, Run
from lunzi.report import ClassificationReport, RegressionReport, Rows
from lunzi.train import RMSE, Accuracy, EarlyStopping, Trainer, predict
from lunzi.train.environment import blas_threads
from lunzi.train.probabilities import softmax

TRAINING_SHARE = 0.70
VALIDATION_SHARE = 0.15
FEWEST_ROWS = 10  # below that no share has two rows
STEPS = 4000  # about so many in all, as far as the bounds of epochs allow
FEWEST_EPOCHS, MOST_EPOCHS = 12, 200
WIDTHS = (128, 64)
LEARNING_RATE = 3e-3  # at its highest
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Part:
    """Rows of one share as the network takes them."""

    table: Table
    x: Array
    y: Array


def network(inputs: int, outputs: int) -> Module:
    """Two hidden layers with ReLU. Shapes: x (N, inputs) -> (N, outputs)."""
    first, second = WIDTHS
    return Sequential(
        Linear(inputs, first),
        ReLU(),
        Linear(first, second),
        ReLU(),
        Linear(second, outputs),
    )


def train(run: Run) -> None:
    """Train on the table that the run's settings name."""
    table, preprocessing, parts = prepare(run)
    training, validation, test = parts
    classifies = isinstance(preprocessing.target, ClassTarget)
    model = network(preprocessing.inputs, preprocessing.outputs)
    numbers = sum(p.size for p in model.parameters())
    run.say(
        "commands.table_network",
        inputs=preprocessing.inputs,
        outputs=preprocessing.outputs,
        numbers=numbers,
        seed=run.seed,
        threads=blas_threads(),
    )
    batch_size = usual_batch_size(len(training.y))
    loader = DataLoader(
        ArrayDataset(training.x, training.y), batch_size, shuffle=True, seed=run.seed
    )
    epochs = run.epochs(min(max(STEPS // len(loader), FEWEST_EPOCHS), MOST_EPOCHS))
    optimizer = AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(
        optimizer, max_lr=LEARNING_RATE, total_steps=epochs * len(loader), cycle_momentum=False
    )
    best = EarlyStopping("validation loss", patience=None)
    trainer = Trainer(
        model,
        CrossEntropyLoss() if classifies else MSELoss(),
        optimizer,
        scheduler=schedule,
        metrics={"accuracy": Accuracy()} if classifies else {"rmse": RMSE()},
        callbacks=[best],
        clip_norm=1.0,
    )
    try:
        shown = ("loss", "validation accuracy" if classifies else "validation loss")
        run.fit(trainer, loader, (validation.x, validation.y), epochs, shown)
    finally:
        run.save_model(model, {"input": preprocessing.to_json()})

    outputs = predict(model, test.x)
    shared: dict[str, Any] = {
        "title": table.source,
        "subtitle": text("commands.table_subtitle", target=preprocessing.target.name),
        "history": trainer.history.rows,
        "best_epoch": best.best_epoch,
        "samples": rows(test.table, preprocessing.target.name),
        "sample_names": [text("commands.line", line=line) for line in test.table.lines],
        "facts": run.facts(
            data=table.source,
            split=(len(training.y), len(validation.y), len(test.y)),
            network=" - ".join(map(str, (preprocessing.inputs, *WIDTHS, preprocessing.outputs))),
            parameters=numbers,
            seconds=sum(trainer.history["seconds"]),
            settings={
                text("commands.target"): preprocessing.target.name,
                text("commands.epochs"): epochs,
                text("commands.batch_size"): batch_size,
                text("commands.learning_rate"): LEARNING_RATE,
                text("commands.optimizer"): "AdamW, OneCycleLR",
                text("commands.weight_decay"): WEIGHT_DECAY,
            },
        ),
    }
    if isinstance(preprocessing.target, ClassTarget):
        report_classes(run, preprocessing.target, training, test, softmax(outputs), shared)
    else:
        report_numbers(run, preprocessing.target, training, test, outputs, shared)
    run.say_end(str(run.settings.data))


def prepare(run: Run) -> tuple[Table, TablePreprocessing, list[Part]]:
    """Read the file, find out what its columns are, and split its rows."""
    settings = run.settings
    if settings.data is None or settings.target is None:
        raise RangeError(text("commands.no_target", path=settings.data))
    table = read_table(settings.data, encoding=settings.encoding)
    run.say(
        "commands.table", source=table.source, rows=len(table), columns=len(table.columns),
        encoding=table.encoding,
    )  # fmt: skip
    known = table.drop_missing(settings.target)
    if len(known) < len(table):
        run.say("commands.without_target", count=len(table) - len(known), target=settings.target)
    if len(known) < FEWEST_ROWS:
        raise RangeError(text("commands.few_rows", source=table.source, rows=len(known)))
    order = Generator(run.seed).permutation(len(known)).numpy()
    first = round(TRAINING_SHARE * len(known))
    second = first + max(round(VALIDATION_SHARE * len(known)), 1)
    shares = [order[:first], order[first:second], order[second:]]
    preprocessing = TablePreprocessing.fit(
        known, settings.target, task=settings.task, rows=shares[0]
    )
    if not run.quiet:
        print("\n".join([preprocessing.reason, *preprocessing.notes]), flush=True)
    parts = [
        Part(part, preprocessing.encode(part), preprocessing.encode_target(part))
        for part in map(known.select, shares)
    ]
    sizes = [len(part.y) for part in parts]
    run.say("commands.split", train=sizes[0], validation=sizes[1], test=sizes[2])
    return table, preprocessing, parts


def usual_batch_size(samples: int) -> int:
    """A power of 2 from 16 to 256 that gives an epoch about 100 steps."""
    return int(2 ** min(max(math.floor(math.log2(max(samples / 100, 1))), 4), 8))


def rows(table: Table, target: str) -> Rows:
    """The test rows as they stand in the file."""
    columns = [column for column in table.columns if column.name != target]
    cells = zip(*(column.cells for column in columns), strict=True)
    return Rows([column.name for column in columns], [list(map(str, row)) for row in cells])


def report_classes(
    run: Run,
    target: ClassTarget,
    training: Part,
    test: Part,
    probabilities: Array,
    shared: dict[str, Any],
) -> None:
    """Say and write how well classes are told apart, beside the majority class."""
    majority = int(np.bincount(training.y, minlength=len(target.classes)).argmax())
    accuracy = float((probabilities.argmax(axis=1) == test.y).mean())
    usual = float((test.y == majority).mean())
    run.say("commands.test_accuracy", accuracy=accuracy)
    code = "commands.beats_majority" if accuracy > usual else "commands.below_majority"
    run.say(code, name=target.classes[majority], accuracy=usual)
    ClassificationReport(
        classes=target.classes,
        truth=test.y,
        probabilities=probabilities,
        majority=majority,
        **shared,
    ).write(run.path(REPORT))


def report_numbers(
    run: Run,
    target: NumberTarget,
    training: Part,
    test: Part,
    outputs: Array,
    shared: dict[str, Any],
) -> None:
    """Say and write how near the numbers come, beside the mean of the training rows."""
    predictions, truth = target.decode(outputs).ravel(), target.decode(test.y).ravel()
    mean = float(target.decode(training.y).mean())
    error = float(np.sqrt(np.mean((predictions - truth) ** 2)))
    usual = float(np.sqrt(np.mean((mean - truth) ** 2)))
    run.say("commands.test_rmse", error=error)
    code = "commands.beats_mean" if error < usual else "commands.below_mean"
    run.say(code, mean=mean, error=usual)
    RegressionReport(
        target=target.name, truth=truth, predictions=predictions, training_mean=mean, **shared
    ).write(run.path(REPORT))
