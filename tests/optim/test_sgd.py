import numpy as np
import pytest

import lunzi as lz
from lunzi import optim


def walk(gradients, start=1.0, **settings):
    """Where one number goes under these gradients, step by step."""
    w = lz.tensor(np.array([start]), requires_grad=True)
    optimizer = optim.SGD([w], **settings)
    path = []
    for gradient in gradients:
        w.grad = lz.tensor(np.array([gradient]))
        optimizer.step()
        path.append(w.item())
    return path


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({}, [1 - 0.1 * 2, 0.8 - 0.1 * 3]),
        ({"maximize": True}, [1 + 0.1 * 2, 1.2 + 0.1 * 3]),
        # the gradient of the pull is 0.5 w
        ({"weight_decay": 0.5}, [1 - 0.1 * 2.5, 0.75 - 0.1 * 3.375]),
        # b: 2, then 0.5 * 2 + 3 = 4
        ({"momentum": 0.5}, [1 - 0.1 * 2, 0.8 - 0.1 * 4]),
        # b: 2, undampened; then 0.5 * 2 + 0.75 * 3 = 3.25
        ({"momentum": 0.5, "dampening": 0.25}, [1 - 0.1 * 2, 0.8 - 0.1 * 3.25]),
        # g + 0.5 b: 2 + 1, then 3 + 2
        ({"momentum": 0.5, "nesterov": True}, [1 - 0.1 * 3, 0.7 - 0.1 * 5]),
    ],
)
def test_two_steps_by_hand(settings, path):
    np.testing.assert_allclose(walk([2.0, 3.0], lr=0.1, **settings), path, rtol=1e-14)


def test_plain_descent_keeps_no_state():
    w = lz.tensor([1.0], requires_grad=True)
    assert optim.SGD([w]).state[w] == {}


def test_dampening_counts_steps():
    w = lz.tensor([1.0], requires_grad=True)
    state = optim.SGD([w], momentum=0.9, dampening=0.1).state[w]
    assert list(state) == ["momentum_buffer", "step"]
