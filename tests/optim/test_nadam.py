import numpy as np

import lunzi as lz
from lunzi import optim


def test_a_step_by_hand():
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.NAdam([w], lr=0.1, betas=(0.5, 0.75), eps=0.5, momentum_decay=1.0)
    w.grad = lz.tensor(np.array([2.0]))
    optimizer.step()
    mu, mu_next = 0.5 * (1 - 0.48), 0.5 * (1 - 0.4608)  # 0.96 / 2 and 0.96^2 / 2
    ahead = mu_next * 1 / (1 - mu * mu_next) + (1 - mu) * 2 / (1 - mu)
    np.testing.assert_allclose(w.item(), 1 - 0.1 * ahead / (2 + 0.5), rtol=1e-14)
    np.testing.assert_allclose(optimizer.state[w]["mu_product"].item(), mu, rtol=1e-14)
