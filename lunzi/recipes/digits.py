"""digits: handwritten digits of 8 x 8 pixels, from the package, with a small convolutional network.

The first half of the set (898 images) is for training, with 180 of them for validation; the
second half, written by other persons, is the test. Network and settings were chosen by validation
alone, on blocks of consecutive images, which hold out whole writers.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

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
from lunzi.recipes.run import REPORT, Run
from lunzi.report import ClassificationReport, Pictures
from lunzi.train import Accuracy, Trainer, predict
from lunzi.train.environment import blas_threads
from lunzi.train.probabilities import softmax

TRAINING_HALF = 898  # where scikit-learn's example of a support vector machine splits, too
VALIDATION = 180
EPOCHS = 30
BATCH_SIZE = 32
LEARNING_RATE = 0.05  # at its highest
WEIGHT_DECAY = 2e-3
LABEL_SMOOTHING = 0.1
CLASSES = tuple("0123456789")
PICTURE = "digit.png"


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
    order = Generator(run.seed).permutation(TRAINING_HALF).numpy()
    held_out, training = order[:VALIDATION], order[VALIDATION:]
    x, y = as_input(digits.images), digits.targets
    run.say("commands.digits", count=len(y))
    run.say(
        "commands.split", train=len(training), validation=VALIDATION, test=len(y) - TRAINING_HALF
    )

    model = network()
    numbers = sum(p.size for p in model.parameters())
    run.say("commands.digits_network", numbers=numbers, seed=run.seed, threads=blas_threads())
    epochs = run.epochs(EPOCHS)
    augment = RandomAffine(degrees=10, translate=(1 / 16, 1 / 16), scale=(0.9, 1.1), shear=5.7)
    loader = DataLoader(
        ArrayDataset(x[training], y[training]),
        BATCH_SIZE,
        shuffle=True,
        seed=run.seed,
        transform=augment,
    )
    # Decay pulls the filters and the last layer's weights to 0, not biases and batch norm.
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in model.parameters() if p.ndim == 1]},
    ]
    optimizer = SGD(groups, lr=LEARNING_RATE, momentum=0.9, nesterov=True)
    schedule = OneCycleLR(
        optimizer,
        max_lr=LEARNING_RATE,
        total_steps=epochs * len(loader),
        pct_start=0.2,
        final_div_factor=400,
        cycle_momentum=False,
    )
    trainer = Trainer(
        model,
        CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING),
        optimizer,
        scheduler=schedule,
        metrics={"accuracy": Accuracy()},
    )
    try:
        run.fit(trainer, loader, (x[held_out], y[held_out]), epochs)
    finally:
        run.save_model(model, {"input": DigitPreprocessing().to_json(), "classes": list(CLASSES)})

    probabilities = softmax(predict(model, x[TRAINING_HALF:]))
    truth = y[TRAINING_HALF:]
    say_result(run, truth, probabilities)
    surest = TRAINING_HALF + int(probabilities.max(axis=1).argmax())
    run.write(PICTURE, picture(digits.images[surest]))
    ClassificationReport(
        title=text("commands.digits_title"),
        subtitle=text("commands.digits_subtitle"),
        history=trainer.history.rows,
        classes=CLASSES,
        truth=truth,
        probabilities=probabilities,
        samples=Pictures(digits.images[TRAINING_HALF:], black=16, white=0),
        sample_names=[str(TRAINING_HALF + place) for place in range(len(truth))],
        facts=run.facts(
            data=text("commands.digits_title"),
            split=(len(training), VALIDATION, len(truth)),
            network=text("commands.digits_layers"),
            parameters=numbers,
            seconds=sum(trainer.history["seconds"]),
            settings=settings(epochs),
        ),
    ).write(run.path(REPORT))
    run.say_end(f"{run.folder.as_posix()}/{PICTURE}")


def settings(epochs: int) -> dict[str, Any]:
    """What the report tells of the training."""
    return {
        text("commands.epochs"): epochs,
        text("commands.batch_size"): BATCH_SIZE,
        text("commands.learning_rate"): LEARNING_RATE,
        text("commands.optimizer"): "SGD, Nesterov 0.9, OneCycleLR",
        text("commands.weight_decay"): WEIGHT_DECAY,
        text("commands.label_smoothing"): LABEL_SMOOTHING,
    }


def say_result(run: Run, truth: Array, probabilities: Array) -> None:
    """How many are wrong, which confusion is the most frequent, and the accuracy."""
    guess = probabilities.argmax(axis=1)
    wrong = guess != truth
    if wrong.any():
        pairs, counts = np.unique(
            np.stack([truth[wrong], guess[wrong]]), axis=1, return_counts=True
        )
        true, read = pairs[:, counts.argmax()]
        run.say("commands.wrong_mostly", wrong=wrong.sum(), test=len(truth), true=true, read=read)
    else:
        run.say("commands.none_wrong", test=len(truth))
    run.say("commands.test_accuracy", accuracy=1 - wrong.mean())


def picture(counts: Array) -> bytes:
    """A digit as a PNG of 160 x 160 pixels, dark ink on white paper."""
    grey = (255 - counts.astype(np.float64) * (255 / 16)).round().astype(np.uint8)
    paper = Image.new("L", (160, 160), 255)
    paper.paste(Image.fromarray(grey).resize((128, 128), Image.Resampling.BICUBIC), (16, 16))
    content = io.BytesIO()
    paper.save(content, "PNG")
    return content.getvalue()
