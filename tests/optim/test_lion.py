import numpy as np

import lunzi as lz
from lunzi import optim


def test_two_steps_by_hand():
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.Lion([w], lr=0.1, betas=(0.9, 0.5), weight_decay=0.5)
    w.grad = lz.tensor(np.array([2.0]))
    optimizer.step()
    first = 1 * (1 - 0.05) - 0.1
    np.testing.assert_allclose(w.item(), first, rtol=1e-14)
    # m = 1: the gradient -5 does not turn the direction, 0.9 - 0.5 > 0
    w.grad = lz.tensor(np.array([-5.0]))
    optimizer.step()
    np.testing.assert_allclose(w.item(), first * 0.95 - 0.1, rtol=1e-14)
    assert optimizer.state[w]["exp_avg"].item() == 0.5 * 1 + 0.5 * -5


def test_does_not_move_where_there_is_no_gradient():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.Lion([w], lr=0.1)
    w.grad = lz.tensor([0.0])
    optimizer.step()
    assert w.item() == 1.0
