import numpy as np
import pytest

import lunzi as lz
from lunzi import optim


@pytest.mark.parametrize(
    ("settings", "first", "second"),
    [
        # s = 9, then 9 + 16 = 25
        ({}, 3 / 3, 4 / 5),
        ({"initial_accumulator_value": 7.0}, 3 / 4, 4 / 32**0.5),
        ({"lr_decay": 1.0}, 3 / 3, 4 / 5 / 2),
        ({"eps": 1.0}, 3 / 4, 4 / 6),
    ],
)
def test_two_steps_by_hand(settings, first, second):
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.Adagrad([w], lr=0.1, **settings)
    for gradient, expected in ((3.0, 1 - 0.1 * first), (4.0, 1 - 0.1 * (first + second))):
        w.grad = lz.tensor(np.array([gradient]))
        optimizer.step()
        np.testing.assert_allclose(w.item(), expected, rtol=1e-9)
