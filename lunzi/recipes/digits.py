"""digits: handwritten digits of 8 x 8 pixels, from the package, with a small convolutional network.

The first half of the set (898 images) is for training, with 180 of them for validation; the
second half, written by other persons, is the test. Network and settings were chosen by validation
alone, on blocks of consecutive images, which hold out whole writers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lunzi.core.random import Generator
from lunzi.core.spec import Array
from lunzi.data import ArrayDataset, DataLoader, DigitPreprocessing, RandomAffine, load_digits
from lunzi.messages import text
from lunzi.nn import (
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)
from lunzi.optim import SGD
from lunzi.optim.lr_scheduler import OneCycleLR
from lunzi.recipes.digits_report import report
from lunzi.recipes.run import Run
from lunzi.train import Accuracy, Trainer

TRAINING_HALF = 898  # where scikit-learn's example of a support vector machine splits, too
VALIDATION = 180
EPOCHS = 30
BATCH_SIZE = 32
LEARNING_RATE = 0.05  # at its highest
WEIGHT_DECAY = 2e-3
LABEL_SMOOTHING = 0.1
CLASSES = tuple("0123456789")


def network() -> Module:
    """Two convolutions with pooling and a linear layer. Shapes: x (N, 1, 8, 8) -> (N, 10)."""
    return Sequential(
        Conv2d(1, 32, 3, padding=1),
        BatchNorm2d(32),
        ReLU(),
        MaxPool2d(2),
        Conv2d(32, 64, 3, padding=1),
        BatchNorm2d(64),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(256, 10),
    )


def as_input(counts: Array) -> Array:
    """Counts of 0 to 16 as the network takes them. Shapes: (N, 8, 8) -> (N, 1, 8, 8)."""
    return (counts[:, None] / 16).astype(np.float32)


def train(run: Run) -> None:
    """Train on the first half, choose nothing by the second, report on it."""
    digits = load_digits()
    x, y = as_input(digits.images), digits.targets
    order = Generator(run.seed).permutation(TRAINING_HALF).numpy()
    held_out, training = order[:VALIDATION], order[VALIDATION:]
    split = (len(training), len(held_out), len(y) - TRAINING_HALF)
    run.say("commands.digits", count=len(y))
    run.say_split(split)

    model = network()
    run.say_network("commands.digits_network", model)
    loader = DataLoader(
        ArrayDataset(x[training], y[training]),
        BATCH_SIZE,
        shuffle=True,
        seed=run.seed,
        transform=RandomAffine(degrees=10, translate=(1 / 16, 1 / 16), scale=(0.9, 1.1), shear=5.7),
    )
    epochs = run.epochs(EPOCHS)
    trainer = trainer_for(model, epochs * len(loader))
    preprocessing = {"input": DigitPreprocessing().to_json(), "classes": list(CLASSES)}
    run.fit(trainer, loader, (x[held_out], y[held_out]), epochs, preprocessing)
    report(
        run,
        images=digits.images[TRAINING_HALF:],
        truth=y[TRAINING_HALF:],
        logits=trainer.predict(x[TRAINING_HALF:]),
        classes=CLASSES,
        first=TRAINING_HALF,
        history=trainer.history.rows,
        facts=run.facts(
            model,
            data=text("commands.digits_title"),
            split=split,
            network=text("commands.digits_layers"),
            seconds=sum(trainer.history["seconds"]),
            settings={
                text("commands.epochs"): epochs,
                text("commands.batch_size"): BATCH_SIZE,
                text("commands.learning_rate"): LEARNING_RATE,
                text("commands.optimizer"): "SGD, Nesterov 0.9, OneCycleLR",
                text("commands.weight_decay"): WEIGHT_DECAY,
                text("commands.label_smoothing"): LABEL_SMOOTHING,
            },
        ),
    )


def trainer_for(model: Module, steps: int) -> Trainer:
    """How the network learns: SGD with momentum along one cycle of the learning rate."""
    # Decay pulls the filters and the last layer's weights to 0, not biases and batch norm.
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in model.parameters() if p.ndim == 1]},
    ]
    optimizer = SGD(groups, lr=LEARNING_RATE, momentum=0.9, nesterov=True)
    schedule = OneCycleLR(
        optimizer,
        max_lr=LEARNING_RATE,
        total_steps=steps,
        pct_start=0.2,
        final_div_factor=400,
        cycle_momentum=False,
    )
    return Trainer(
        model,
        CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING),
        optimizer,
        scheduler=schedule,
        metrics={"accuracy": Accuracy()},
    )
