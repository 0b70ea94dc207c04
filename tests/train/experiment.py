"""A training with everything in it that a resumed run must bring back, to be stopped anywhere.

    python experiment.py CHECKPOINT RESULT [--every STEPS] [--compile]

goes on from the checkpoint where there is one. With KILL_AT=n in the environment the process kills
itself at line n that Python reaches in the files which KILL_IN names (the room `train` and what
it reads and writes with, when it is not given). What came out of the run is written to RESULT.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from lunzi.core.random import Generator, default_generator, manual_seed
from lunzi.data import ArrayDataset, DataLoader, RandomAffine
from lunzi.nn import (
    BatchNorm2d,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    Linear,
    Module,
    ReLU,
    Sequential,
)
from lunzi.optim import Adam
from lunzi.optim.lr_scheduler import OneCycleLR
from lunzi.train import Accuracy, Callback, ConfusionMatrix, EarlyStopping, Trainer

EPOCHS = 4
SAMPLES = 46
BATCH_SIZE = 6  # 8 batches an epoch, the last one of 4: with 3 batches an update, groups differ
STEPS = 8 * EPOCHS
PLACES = ("/lunzi/train/", "/lunzi/storage.py", "/lunzi/files/tensors.py", "/lunzi/data/loader.py")


def network() -> Module:
    return Sequential(
        Conv2d(1, 4, 3),
        BatchNorm2d(4),
        ReLU(),
        Dropout(0.2),
        Flatten(),
        Linear(4 * 4 * 4, 8),
        Dropout(0.3, generator=Generator(7)),
        ReLU(),
        Linear(8, 3),
    )


def loaders() -> tuple[DataLoader, DataLoader]:
    rng = np.random.default_rng(0)
    x = rng.random((SAMPLES + 20, 1, 6, 6), np.float32)
    y = (x.mean(axis=(1, 2, 3)) * 40).astype(np.int64) % 3
    transform = RandomAffine(degrees=10, translate=(0.1, 0.1))
    training, validation = np.split(np.arange(len(x)), [SAMPLES])
    return (
        DataLoader(
            ArrayDataset(x[training], y[training]),
            BATCH_SIZE,
            shuffle=True,
            seed=3,
            prefetch=2,
            transform=transform,
        ),
        DataLoader(
            ArrayDataset(x[validation], y[validation]), 7, shuffle=True, transform=transform
        ),
    )


def trainer(
    checkpoint: Path | None, every: int | None, *callbacks: Callback, compile: bool = False
) -> Trainer:
    """A trainer as it is made when the program starts."""
    manual_seed(1)
    model = network()
    optimizer = Adam(model.parameters(), lr=0.01)
    return Trainer(
        model,
        CrossEntropyLoss(),
        optimizer,
        scheduler=OneCycleLR(optimizer, max_lr=0.02, total_steps=3 * EPOCHS + 1),
        metrics={"accuracy": Accuracy()},
        training_metrics={"accuracy": Accuracy(), "diagonal": ConfusionMatrix(3)},
        callbacks=[EarlyStopping(patience=EPOCHS), *callbacks],
        accumulate=3,
        clip_norm=0.4,  # below most norms here, so that it acts
        checkpoint=checkpoint,
        checkpoint_every=every,
        compile=compile,
    )


def run(trained: Trainer, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train, from the checkpoint on where there is one; what came out, to the last bit."""
    if trained.checkpoint is not None and Path(trained.checkpoint).exists():
        trained.resume()
    training, validation = loaders()
    trained.fit(training, validation, epochs)
    return outcome(trained)


def outcome(trained: Trainer) -> dict[str, Any]:
    """Weights, history and all other state to the last bit; but not the time that it took."""
    stopping = trained.callbacks[0]
    assert isinstance(stopping, EarlyStopping)
    return {
        "weights": bits(trained.model.state_dict()),
        "last weights": bits(stopping.state_dict()["last_state"]),
        "optimizer": [bits(state) for state in trained.optimizer.state_dict()["state"].values()],
        "history": [
            {name: float(value).hex() for name, value in row.items() if name != "seconds"}
            for row in trained.history
        ],
        "best": [stopping.best, stopping.best_epoch],
        "random": int(default_generator.counter),
        "steps": trained.step_count,
    }


def bits(state: dict[str, Any]) -> dict[str, str]:
    return {name: value.numpy().tobytes().hex() for name, value in state.items()}


def kill_at(line: int, places: tuple[str, ...]) -> None:
    """Let this process end by SIGKILL when Python reaches a line, counted in some files."""
    reached = 0

    def enter(frame: FrameType, event: str, argument: object) -> Any:
        return count if any(place in frame.f_code.co_filename for place in places) else None

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal reached
        reached += event == "line"
        if reached == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(enter)


class Announcer(Callback):
    """Says each step aloud, so that others know when to strike."""

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        print(trainer.step_count, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--every", type=int)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    if "KILL_AT" in os.environ:
        kill_at(int(os.environ["KILL_AT"]), tuple(os.environ.get("KILL_IN", "").split()) or PLACES)
    begun = trainer(arguments.checkpoint, arguments.every, Announcer(), compile=arguments.compile)
    result = run(begun)
    arguments.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
