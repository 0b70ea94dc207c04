"""table: the user's own CSV file, a column of which is predicted from the others.

What the columns are, and whether the target asks for classification or regression, is found
from their content and said aloud. The rows are split at random into 70 % for training, 15 % for
validation and 15 % for the test; the weights kept are those of the best epoch on validation data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches

from lunzi.core.errors import FileFormatError, RangeError
from lunzi.core.random import Generator
from lunzi.core.spec import Array
from lunzi.data import ArrayDataset, DataLoader, Table, TablePreprocessing
from lunzi.data.tables import parse_table
from lunzi.data.targets import MOST_NUMBER_CLASSES, ClassTarget, Target
from lunzi.messages import text
from lunzi.nn import CrossEntropyLoss, Linear, Module, MSELoss, ReLU, Sequential
from lunzi.optim import AdamW
from lunzi.optim.lr_scheduler import OneCycleLR
from lunzi.recipes.run import Run
from lunzi.recipes.settings import Settings, Task
from lunzi.recipes.table_report import report
from lunzi.recipes.table_words import described
from lunzi.train import RMSE, Accuracy, EarlyStopping, Metric, Trainer

VALIDATION_SHARE = TEST_SHARE = 0.15
FEWEST_ROWS = 10
STEPS = 4000  # about so many in all, as far as the bounds of epochs allow
FEWEST_EPOCHS, MOST_EPOCHS = 12, 200
WIDTHS = (128, 64)
LEARNING_RATE = 0.01  # at its highest
WEIGHT_DECAY = 0.01
MOST_NAMES = 30  # of columns, in one sentence
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how files of Excel begin: .xlsx, .xls


@dataclass(frozen=True)
class Part:
    """Rows for training, validation or the test, as the network takes them."""

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
    table = known_rows(run)
    preprocessing, (training, validation, test) = prepare(run, table)
    split = (len(training.y), len(validation.y), len(test.y))
    run.say_split(split)

    model = network(preprocessing.inputs, preprocessing.outputs)
    run.say_network(
        "commands.table_network",
        model,
        inputs=preprocessing.inputs,
        first=WIDTHS[0],
        second=WIDTHS[1],
        outputs=preprocessing.outputs,
    )
    batch_size = usual_batch_size(split[0])
    loader = DataLoader(
        ArrayDataset(training.x, training.y), batch_size, shuffle=True, seed=run.seed
    )
    epochs = run.epochs(usual_epochs(len(loader)))
    best = EarlyStopping("validation loss", patience=None)
    trainer = trainer_for(model, preprocessing.target, epochs * len(loader), best)
    (metric,) = trainer.metrics
    run.fit(
        trainer,
        loader,
        (validation.x, validation.y),
        epochs,
        {"input": preprocessing.to_json()},
        shown=("loss", f"validation {metric}"),
    )
    report(
        run,
        preprocessing.target,
        training=training.y,
        truth=test.y,
        outputs=trainer.predict(test.x),
        test=test.table,
        best_epoch=best.best_epoch,
        history=trainer.history.rows,
        facts=run.facts(
            model,
            split=split,
            network=" - ".join(map(str, (preprocessing.inputs, *WIDTHS, preprocessing.outputs))),
            seconds=sum(trainer.history["seconds"]),
            settings={
                text("commands.epochs"): epochs,
                text("commands.batch_size"): batch_size,
                text("commands.learning_rate"): LEARNING_RATE,
                text("commands.optimizer"): "AdamW, OneCycleLR",
                text("commands.weight_decay"): WEIGHT_DECAY,
            },
        ),
    )


def known_rows(run: Run) -> Table:
    """The rows of the user's file that have a target.

    Raises:
        FileFormatError: when the file is no table, or too few are left.
        RangeError: when there is no such column.
    """
    settings = run.settings
    source, target = settings.data or "", settings.target or ""
    content = run.read_data()
    if content.startswith(WORKBOOKS):
        raise FileFormatError(text("commands.workbook", path=source))
    table = parse_table(content, source, encoding=settings.encoding)
    run.print(described(table))
    refuse_misspelled(table, target)
    known = table.drop_missing(target)
    if len(known) < len(table):
        run.say("commands.without_target", count=len(table) - len(known), target=target)
    if len(known) < FEWEST_ROWS:
        raise RangeError(
            text("commands.few_rows", source=source, rows=len(known), least=FEWEST_ROWS)
        )
    return known


def refuse_misspelled(table: Table, target: str) -> None:
    """Name the column that was probably meant, and not all where there are very many.

    Raises:
        RangeError: when there is no such column.
    """
    if target in table.names:
        return
    alike = {name.casefold(): name for name in table.names}
    near = get_close_matches(target.casefold(), alike, 1)
    if not near and len(table.names) <= MOST_NAMES:
        table.column(target)  # says which there are
    code = "commands.no_column_near" if near else "commands.no_column_of_many"
    raise RangeError(
        text(
            code,
            path=table.source,
            column=target,
            near="".join(alike[name] for name in near),
            count=len(table.names),
            names=text("commands.separator").join(table.names[:MOST_NAMES]),
        )
    )


def prepare(run: Run, table: Table) -> tuple[TablePreprocessing, list[Part]]:
    """Find out what the columns are, and split the rows."""
    order = Generator(run.seed).permutation(len(table)).numpy()
    # Two rows at least: of a single one no error of any meaning can be taken.
    held_out = max(round(VALIDATION_SHARE * len(table)), 2)
    tested = max(round(TEST_SHARE * len(table)), 2)
    first, second = len(table) - held_out - tested, len(table) - tested
    shares = [order[:first], order[first:second], order[second:]]
    settings = run.settings
    preprocessing = TablePreprocessing.fit(
        table, settings.target or "", task=settings.task, rows=shares[0]
    )
    reason = preprocessing.reason
    if (other := other_task(settings, table, preprocessing.target)) is not None:
        reason = text("commands.or_other_task", reason=reason, task=other)
    run.print(reason, *preprocessing.notes)
    return preprocessing, [
        Part(part, preprocessing.encode(part), preprocessing.encode_target(part))
        for part in map(table.select, shares)
    ]


def other_task(settings: Settings, table: Table, target: Target) -> Task | None:
    """What else the target could be meant for: numbers that are few may be classes or not."""
    if settings.task is not None or target.style is None:
        return None
    if isinstance(target, ClassTarget):
        return "regression"
    few = len(set(table.column(target.name).cells)) <= MOST_NUMBER_CLASSES
    return "classification" if few else None


class RMSEInUnits(RMSE):
    """The root mean squared error of standardised numbers, in the unit of their column."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def value(self) -> float:
        return self.scale * super().value()


def trainer_for(model: Module, target: Target, steps: int, best: EarlyStopping) -> Trainer:
    """How the network learns: AdamW along one cycle of the learning rate."""
    optimizer = AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, cycle_momentum=False)
    loss: Module
    metrics: dict[str, Metric]
    if isinstance(target, ClassTarget):
        loss, metrics = CrossEntropyLoss(), {"accuracy": Accuracy()}
    else:
        loss, metrics = MSELoss(), {"rmse": RMSEInUnits(target.scale)}
    return Trainer(
        model,
        loss,
        optimizer,
        scheduler=schedule,
        metrics=metrics,
        callbacks=[best],
        clip_norm=1.0,
    )


def usual_batch_size(samples: int) -> int:
    """A power of 2 from 16 to 256 that gives an epoch about 100 steps."""
    return int(2 ** min(max(math.floor(math.log2(max(samples / 100, 1))), 4), 8))


def usual_epochs(steps_per_epoch: int) -> int:
    """Epochs that make about 4,000 steps, from 12 to 200."""
    return min(max(STEPS // steps_per_epoch, FEWEST_EPOCHS), MOST_EPOCHS)
