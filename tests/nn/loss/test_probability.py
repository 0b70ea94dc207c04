import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div


def test_bce_by_hand():
    p, target = np.array([0.25, 0.25, 0.5]), np.array([1.0, 0.0, 0.5])
    expected = [math.log(4), math.log(4 / 3), math.log(2)]
    np.testing.assert_allclose(
        binary_cross_entropy(p, target, reduction="none"), expected, rtol=1e-14
    )
    weighted = binary_cross_entropy(p, target, [1.0, 2.0, 0.0], reduction="sum")
    np.testing.assert_allclose(weighted, math.log(4) + 2 * math.log(4 / 3), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_certain_and_wrong_probability_costs_100(dtype):
    losses = binary_cross_entropy(
        np.array([0.0, 1.0, 0.0, 1.0], dtype), np.array([1.0, 0.0, 0.0, 1.0]), reduction="none"
    )
    assert losses.dtype == dtype
    assert losses.tolist() == [100, 100, 0, 0]


def test_a_certain_and_wrong_probability_has_a_steep_and_finite_gradient():
    p = lz.tensor([0.0, 1.0, 1e-39], requires_grad=True)
    binary_cross_entropy(p, [1.0, 0.0, 1.0], reduction="sum").backward()
    np.testing.assert_allclose(p.grad, [-1e12, 1e12, -1e12], rtol=1e-6)


def test_bce_with_logits_by_hand():
    x, target = np.array([math.log(3), math.log(3), 0.0]), np.array([1.0, 0.0, 0.5])
    expected = [math.log(4 / 3), math.log(4), math.log(2)]
    np.testing.assert_allclose(
        binary_cross_entropy_with_logits(x, target, reduction="none"), expected, rtol=1e-14
    )
    np.testing.assert_allclose(
        binary_cross_entropy_with_logits(x, target, [1, 0, 2], reduction="none", pos_weight=[3]),
        [3 * math.log(4 / 3), 0, 2 * (1.5 + 0.5) * math.log(2)],
        rtol=1e-14,
    )


def test_bce_with_logits_is_exact_at_both_ends():
    x = lz.tensor(np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0]), requires_grad=True)
    losses = binary_cross_entropy_with_logits(x, np.zeros(5), reduction="none")
    # ln(1 + e^-40) = e^-40 to 17 digits
    expected = [0, math.exp(-40), math.log(2), 40 + math.exp(-40), 1000]
    np.testing.assert_allclose(losses, expected, rtol=1e-15)
    losses.sum().backward()
    np.testing.assert_allclose(x.grad, [0, math.exp(-40), 0.5, 1, 1], rtol=1e-15)


def test_targets_may_be_integers_and_truth_values():
    x = np.array([0.25, 0.25], np.float32)
    expected = binary_cross_entropy(x, [1.0, 0.0])
    for target in ([1, 0], [True, False]):
        np.testing.assert_array_equal(binary_cross_entropy(x, target), expected)


def test_kl_div_by_hand():
    log_p, target = np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([[0.25, 0.75], [0.0, 1.0]])
    first = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    second = math.log(4 / 3)
    losses = kl_div(log_p, target, reduction="none")
    np.testing.assert_allclose(losses.sum(axis=1), [first, second], rtol=1e-14)
    for reduction, divisor in (("sum", 1), ("batchmean", 2), ("mean", 4)):
        value = nn.KLDivLoss(reduction=reduction)(log_p, target)
        np.testing.assert_allclose(value, (first + second) / divisor, rtol=1e-14)


def test_kl_div_takes_logarithms_as_targets():
    log_p, target = np.log([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    np.testing.assert_allclose(
        kl_div(log_p, np.log(target), log_target=True), kl_div(log_p, target), rtol=1e-14
    )


def test_what_is_impossible_for_both_adds_nothing_to_kl_div():
    log_p = lz.tensor([[0.0, -math.inf]], requires_grad=True)
    loss = kl_div(log_p, [[1.0, 0.0]], reduction="batchmean")
    loss.backward()
    assert float(loss) == 0
    assert log_p.grad.tolist() == [[-1.0, 0.0]]


def test_the_batchmean_of_one_distribution_without_samples_is_its_mean_over_the_first_axis():
    assert float(kl_div(np.log([0.5, 0.5]), [1.0, 0.0], reduction="batchmean")) == math.log(2) / 2
    assert float(kl_div(math.log(0.5), 1.0, reduction="batchmean")) == np.float32(math.log(2))
    assert math.isnan(float(kl_div(np.zeros((0, 2)), np.zeros((0, 2)), reduction="batchmean")))
