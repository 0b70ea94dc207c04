"""What all tests share."""

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled objects are kept for the session, and those of the user are left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNZI_CACHE", str(tmp_path_factory.mktemp("objects")))
        yield
