import numpy as np

import lunzi as lz
from lunzi import optim


def test_a_step_by_hand():
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.AdamW([w], lr=0.1, betas=(0.5, 0.75), eps=0.5, weight_decay=0.2)
    w.grad = lz.tensor(np.array([2.0]))
    optimizer.step()
    # m' = 2, v' = 4 as in Adam; the parameter itself shrinks by 0.1 * 0.2
    np.testing.assert_allclose(w.item(), 1 * (1 - 0.02) - 0.1 * 2 / 2.5, rtol=1e-14)


def test_decay_alone_does_not_depend_on_the_gradients_size():
    w = lz.tensor(np.array([8.0]), requires_grad=True)
    optimizer = optim.AdamW([w], lr=0.5, weight_decay=0.5)
    w.grad = lz.tensor(np.array([0.0]))
    optimizer.step()
    assert w.item() == 6.0


def test_is_adam_with_decoupled_decay():
    network = []
    for optimizer in (optim.AdamW, optim.Adam):
        w = lz.tensor(np.array([1.0]), requires_grad=True)
        decoupled = {} if optimizer is optim.AdamW else {"decoupled_weight_decay": True}
        it = optimizer([w], weight_decay=0.5, **decoupled)
        w.grad = lz.tensor(np.array([3.0]))
        it.step()
        network.append((w.item(), it.param_groups[0].settings()))
    assert network[0] == network[1]
