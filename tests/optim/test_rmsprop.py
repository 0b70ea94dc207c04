import numpy as np
import pytest

import lunzi as lz
from lunzi import optim


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        # v = 0.5 * 4 = 2; then 0.5 * 2 + 0.5 * 16 = 9
        ({}, 2 / (2**0.5 + 0.5), 4 / (3 + 0.5)),
        # b is kept by half
        ({"momentum": 0.5}, 2 / (2**0.5 + 0.5), 1 / (2**0.5 + 0.5) + 4 / (3 + 0.5)),
        # mean 1, then 2.5: v - mean^2 = 2 - 1, then 9 - 6.25
        ({"centered": True}, 2 / (1 + 0.5), 4 / (2.75**0.5 + 0.5)),
    ],
)
def test_two_steps_by_hand(settings, first, second):
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.RMSprop([w], lr=0.1, alpha=0.5, eps=0.5, **settings)
    for gradient, expected in ((2.0, 1 - 0.1 * first), (4.0, 1 - 0.1 * (first + second))):
        w.grad = lz.tensor(np.array([gradient]))
        optimizer.step()
        np.testing.assert_allclose(w.item(), expected, rtol=1e-14)
