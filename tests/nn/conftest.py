"""What the tests of lunzi.nn share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lunzi as lz


@pytest.fixture
def gradients_agree(rng) -> Callable[..., None]:
    """Check the gradients of a function of float64 arrays against central differences.

    A step of 1e-5 leaves an error of its square, 1e-10, and of rounding over it, 1e-11; both
    are multiplied by a curvature of some 100 at most.
    """

    def check(function: Callable[..., Any], *arrays: np.ndarray) -> None:
        inputs = [lz.tensor(array, requires_grad=True) for array in arrays]
        output = function(*inputs)
        dy = rng.standard_normal(output.shape)
        output.backward(dy)
        for place, x in enumerate(inputs):
            direction = rng.standard_normal(x.shape)

            def moved(step: float, place: int = place, direction: np.ndarray = direction) -> float:
                shifted = list(arrays)
                shifted[place] = arrays[place] + step * direction
                return float((function(*map(lz.tensor, shifted)).numpy() * dy).sum())

            expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
            found = (x.grad.numpy() * direction).sum()
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)

    return check
