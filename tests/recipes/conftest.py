"""What the tests of the recipes share: an empty folder to work in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lunzi.messages import use_language


@pytest.fixture(autouse=True)
def english():
    with use_language("en"):
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test works."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rows() -> Callable[..., str]:
    """Makes a CSV file of two columns of numbers and a target `y`, which a function gives."""

    def made(count: int, answer: Callable[[int, float], object]) -> str:
        numbers = np.random.default_rng(0).normal(size=(count, 2))
        lines = [f"{a:.3f},{b:.3f},{answer(place, a)}" for place, (a, b) in enumerate(numbers)]
        return "\n".join(["a,b,y", *lines])

    return made
