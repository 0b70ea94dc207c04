import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.functional import cross_entropy, log_softmax, nll_loss

# Softmax of the rows: (1/8, 2/8, 5/8) and (1/4, 1/4, 2/4).
LOGITS = np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]])
LABELS = np.array([2, 0])
LOSSES = np.array([math.log(8 / 5), math.log(4)])


def test_cross_entropy_by_hand():
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS, reduction="none"), LOSSES, rtol=1e-14)
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS), LOSSES.mean(), rtol=1e-14)
    np.testing.assert_allclose(
        cross_entropy(LOGITS, LABELS, reduction="sum"), LOSSES.sum(), rtol=1e-14
    )


def test_the_gradient_is_softmax_minus_the_target():
    x = lz.tensor(LOGITS, requires_grad=True)
    cross_entropy(x, LABELS, reduction="sum").backward()
    expected = [[1 / 8, 2 / 8, 5 / 8 - 1], [1 / 4 - 1, 1 / 4, 2 / 4]]
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


def test_probabilities_of_one_class_are_a_label():
    one_hot = np.eye(3)[LABELS]
    np.testing.assert_allclose(cross_entropy(LOGITS, one_hot, reduction="none"), LOSSES, rtol=1e-14)


def test_probabilities_are_a_mixture_of_labels():
    shares = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]])
    expected = [(math.log(8) + math.log(8 / 5)) / 2, math.log(4)]
    np.testing.assert_allclose(
        cross_entropy(LOGITS, shares, reduction="none"), expected, rtol=1e-14
    )


def test_the_weighted_mean_is_divided_by_the_weights_of_the_labels():
    weight = [1.0, 7.0, 3.0]
    expected = (3 * LOSSES[0] + 1 * LOSSES[1]) / (3 + 1)
    np.testing.assert_allclose(cross_entropy(LOGITS, LABELS, weight), expected, rtol=1e-14)
    np.testing.assert_allclose(nll_loss(log_softmax(LOGITS), LABELS, weight), expected, rtol=1e-14)


def test_ignored_labels_neither_add_nor_count():
    labels = np.array([2, -100])
    np.testing.assert_allclose(cross_entropy(LOGITS, labels), LOSSES[0], rtol=1e-14)
    np.testing.assert_allclose(cross_entropy(LOGITS, [7, 0], ignore_index=7), LOSSES[1], rtol=1e-14)
    x = lz.tensor(LOGITS, requires_grad=True)
    cross_entropy(x, labels).backward()
    np.testing.assert_array_equal(x.grad[1], [0, 0, 0])


def test_the_mean_is_nan_where_every_label_is_ignored():
    assert math.isnan(float(cross_entropy(LOGITS, [-100, -100])))
    assert float(cross_entropy(LOGITS, [-100, -100], reduction="sum")) == 0


def test_label_smoothing_mixes_in_the_mean_over_all_classes():
    of_classes = np.log([[8, 4, 8 / 5], [4, 4, 2]])
    expected = 0.7 * LOSSES + 0.3 * of_classes.mean(axis=1)
    np.testing.assert_allclose(
        cross_entropy(LOGITS, LABELS, label_smoothing=0.3, reduction="none"), expected, rtol=1e-14
    )
    np.testing.assert_allclose(
        cross_entropy(LOGITS, np.eye(3)[LABELS], label_smoothing=0.3, reduction="none"),
        expected,
        rtol=1e-14,
    )


def test_a_single_sample_and_pictures_are_taken():
    np.testing.assert_allclose(cross_entropy(LOGITS[0], 2), LOSSES[0], rtol=1e-14)
    np.testing.assert_allclose(cross_entropy(LOGITS[0], np.eye(3)[2]), LOSSES[0], rtol=1e-14)
    picture = np.moveaxis(np.tile(LOGITS[:, None, None], (1, 4, 5, 1)), -1, 1)  # (2, 3, 4, 5)
    labels = np.tile(LABELS[:, None, None], (1, 4, 5))
    each = nn.CrossEntropyLoss(reduction="none")(picture, labels)
    assert each.shape == (2, 4, 5)
    np.testing.assert_allclose(each[:, 3, 4], LOSSES, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint32"])
def test_labels_come_in_any_integer_dtype(dtype):
    labels = lz.tensor(LABELS.astype(dtype))
    np.testing.assert_allclose(cross_entropy(LOGITS, labels), LOSSES.mean(), rtol=1e-14)


def test_large_logits_keep_their_digits():
    # e^0 + e^0 = 2, though ln 2 is lost beside 10^8 in float32.
    loss = cross_entropy(np.array([[1e8, 1e8]], np.float32), [0])
    np.testing.assert_allclose(loss, math.log(2), rtol=1e-7)


def test_a_class_of_no_probability_has_an_infinite_loss_and_a_finite_gradient():
    x = lz.tensor([[0.0, -math.inf]], requires_grad=True)
    loss = cross_entropy(x, [1])
    loss.backward()
    assert float(loss) == math.inf
    assert x.grad.tolist() == [[1.0, -1.0]]


def test_masked_classes_get_no_gradient():
    x = lz.tensor([[0.0, -math.inf, 0.0]], requires_grad=True)
    cross_entropy(x, [0]).backward()
    assert x.grad.tolist() == [[-0.5, 0.0, 0.5]]


def words_of(function, *arguments):
    """What the error says behind the line."""
    with pytest.raises(lz.LunziError) as caught:
        function(*arguments)
    return type(caught.value), caught.value.message.split(".py:")[-1].partition(": ")[2]


@pytest.mark.parametrize("labels", [[3, 0], [1, -1], [1, 3], [-100, -2]])
@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.NLLLoss(ignore_index=-100)])
def test_a_label_outside_is_refused_in_a_trace_and_compiled_in_the_same_words(loss, labels):
    y, fine = np.array(labels), np.array([0, -100])
    traced, compiled = lz.trace(loss, LOGITS, fine), lz.compile(loss)
    with pytest.raises(lz.PositionError) as eager:
        loss(LOGITS, y)
    assert eager.value.message.startswith("class label")
    for function in (traced, compiled):
        assert words_of(function, LOGITS, y) == (lz.PositionError, eager.value.message)
    np.testing.assert_allclose(compiled(LOGITS, fine), loss(LOGITS, fine), rtol=1e-14)


def test_nll_loss_by_hand():
    log_shares = log_softmax(LOGITS)
    np.testing.assert_allclose(nll_loss(log_shares, LABELS, reduction="none"), LOSSES, rtol=1e-14)
    np.testing.assert_allclose(nn.NLLLoss()(log_shares, [2, -100]), LOSSES[0], rtol=1e-14)
    np.testing.assert_allclose(nll_loss(log_shares[0], 2), LOSSES[0], rtol=1e-14)
