"""What the tests of this room share."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNZI_LANGUAGE", "en")


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """The path of a file in the folder of real data sets; skips where it is absent."""
    folder = Path(os.environ.get("LUNZI_DATA", SHARED))

    def path(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{name} is not in {folder}; LUNZI_DATA names the folder of data sets")
        return folder / name

    return path
