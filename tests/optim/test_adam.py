import numpy as np

import lunzi as lz
from lunzi import optim


def after(optimizer, w, *gradients):
    for gradient in gradients:
        w.grad = lz.tensor(np.array([gradient]))
        optimizer.step()
    return w.item()


def test_two_steps_by_hand():
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1, betas=(0.5, 0.75), eps=0.5)
    # m = 1, v = 1; m' = 1 / 0.5 = 2, v' = 1 / 0.25 = 4
    first = 1 - 0.1 * 2 / (2 + 0.5)
    np.testing.assert_allclose(after(optimizer, w, 2.0), first, rtol=1e-14)
    # m = 0.5 + 2 = 2.5, v = 0.75 + 4 = 4.75; m' = 2.5 / 0.75, v' = 4.75 / (1 - 0.5625)
    second = first - 0.1 * (2.5 / 0.75) / ((4.75 / 0.4375) ** 0.5 + 0.5)
    np.testing.assert_allclose(after(optimizer, w, 4.0), second, rtol=1e-14)


def test_the_first_step_has_the_length_lr_whatever_the_gradient():
    for gradient in (1e-3, 1.0, 1e6):
        w = lz.tensor(np.array([1.0]), requires_grad=True)
        np.testing.assert_allclose(after(optim.Adam([w], lr=0.1), w, gradient), 0.9, rtol=1e-5)


def test_amsgrad_remembers_the_largest_square():
    w = lz.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.Adam([w], betas=(0.9, 0.5), amsgrad=True)
    after(optimizer, w, 4.0, 0.0, 0.0)
    assert optimizer.state[w]["max_exp_avg_sq"].item() == 8.0
    assert optimizer.state[w]["exp_avg_sq"].item() == 2.0


def test_bias_corrections_are_exact_for_float32_parameters_after_many_steps():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    # In float32, 0.999 rounds so that 0.999^n is wrong by 1.3e-8 n; and 1 - 0.999 by 5e-5.
    optimizer.state[w]["step"].assign(9_999)
    for name, number in (("exp_avg", 1.0), ("exp_avg_sq", 1.0)):
        optimizer.state[w][name].assign(number)
    np.testing.assert_allclose(after(optimizer, w, np.float32(1.0)), 0.9, rtol=1e-5)
    assert w.dtype == "float32"


def test_a_held_beta_gives_the_same_numbers_as_a_plain_one():
    results = []
    for dtype in ("float32", "float64"):
        for hold in (False, True):
            w = lz.tensor(np.array([1.0], dtype), requires_grad=True)
            optimizer = optim.Adam([w], lr=0.1)
            if hold:
                optimizer.param_groups[0].hold("betas")
            for gradient in (1.0, -2.0, 0.5):
                w.grad = lz.tensor(np.array([gradient], dtype))
                optimizer.step()
            results.append(w.item())
    assert results[0] == results[1]
    assert results[2] == results[3]
