import numpy as np
import pytest

import lunzi as lz
from lunzi import optim
from lunzi.optim.muon import orthogonal, scale

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5)])
def test_makes_all_directions_weigh_about_alike(shape, rng):
    x = rng.standard_normal(shape)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    made = orthogonal(lz.tensor(x), COEFFICIENTS, 5, 1e-7).numpy()
    weights = np.linalg.svd(made, compute_uv=False)
    assert weights.max() < 1.25
    # the smallest directions of a random matrix may not have arrived after 5 rounds
    assert weights.max() / weights[0] == 1
    np.testing.assert_allclose((u.T @ made @ v.T).diagonal().max(), weights[0], rtol=1e-6)
    assert np.trace(u.T @ made @ v.T) > 0.65 * min(shape)


def test_one_round_by_hand():
    # x = [[2]] becomes 1, and then a + b + c
    y = orthogonal(lz.tensor([[2.0]]), (1.5, -0.5, 0.25), 1, 1e-7)
    np.testing.assert_allclose(y.numpy(), [[1.25]], rtol=1e-6)


def test_a_matrix_of_zeros_stays_one():
    np.testing.assert_array_equal(orthogonal(lz.zeros((2, 3)), COEFFICIENTS, 5, 1e-7).numpy(), 0)


def test_a_step_by_hand():
    w = lz.tensor(np.array([[1.0]]), requires_grad=True)
    optimizer = optim.Muon(
        [w], lr=0.1, weight_decay=0.5, momentum=0.5, ns_coefficients=(1.5, -0.5, 0.25), ns_steps=1
    )
    w.grad = lz.tensor(np.array([[4.0]]))
    optimizer.step()
    np.testing.assert_allclose(w.numpy(), [[1 * 0.95 - 0.1 * 1.25]], rtol=1e-14)
    assert optimizer.state[w]["momentum_buffer"].item() == 2.0


def test_the_scale_grows_with_the_shape():
    assert scale((8, 2), None) == scale((8, 2), "original") == 2.0
    assert scale((2, 8), "original") == 1.0
    assert scale((2, 25), "match_rms_adamw") == 1.0


def test_sends_what_is_no_matrix_to_adamw():
    bias = lz.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"got a parameter of shape \(2,\): give .* to AdamW"):
        optim.Muon([bias])
