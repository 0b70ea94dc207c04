"""Small networks and data to train, and the experiment that runs are stopped in."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lunzi import nn, optim
from lunzi.core.random import manual_seed
from lunzi.train import Trainer

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def seeded() -> None:
    manual_seed(0)


@pytest.fixture
def data(rng) -> tuple[np.ndarray, np.ndarray]:
    """20 samples of 4 features, in 3 classes that can be learned."""
    x = rng.standard_normal((20, 4)).astype(np.float32)
    return x, x[:, :3].argmax(axis=1)


@pytest.fixture
def make() -> Callable[..., Trainer]:
    """Makes a trainer of a small network; arguments are the Trainer's."""

    def make(model=None, loss=None, lr=0.1, **arguments):
        model = nn.Linear(4, 3) if model is None else model
        loss = nn.CrossEntropyLoss() if loss is None else loss
        return Trainer(model, loss, optim.SGD(model.parameters(), lr=lr), **arguments)

    return make


@pytest.fixture(scope="session")
def experiment() -> ModuleType:
    """The script `experiment.py` as a module."""
    spec = importlib.util.spec_from_file_location("experiment", HERE / "experiment.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["experiment"] = module
    spec.loader.exec_module(module)
    return module
