"""The mistakes that everybody makes, and what they are told: one table."""

import re
import warnings

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import functional

LOGITS = np.linspace(-1, 1, 640, dtype=np.float32).reshape(64, 10)
LABELS = np.arange(64) % 10
NUMBERS = np.linspace(-1, 1, 64, dtype=np.float32)
HALVES = np.full(64, 0.5, np.float32)


def changed(array, place, value):
    copy = np.array(array)
    copy[place] = value
    return copy


# loss, predictions, targets, kind of error, what it says
MISTAKES = {
    "a column of targets": (
        nn.MSELoss(), NUMBERS, NUMBERS[:, None], lz.ShapeError,
        "expects targets in the shape (64,) of the predictions, got (64, 1). "
        "target.reshape(64,) fits",
    ),
    "a row of targets for a column of predictions": (
        nn.L1Loss(), NUMBERS[:, None], NUMBERS, lz.ShapeError,
        "got (64,). target.reshape(64, 1) fits",
    ),
    "fewer targets than predictions": (
        nn.HuberLoss(), NUMBERS, NUMBERS[:32], lz.ShapeError,
        "Losses do not broadcast, since that would compare what does not belong together",
    ),
    "targets with their axes exchanged": (
        nn.MSELoss(), LOGITS, LOGITS.T, lz.ShapeError,
        "got (10, 64). Losses do not broadcast",
    ),
    "one target for all": (
        nn.SmoothL1Loss(), NUMBERS, np.float32(0), lz.ShapeError, "of the predictions, got ()",
    ),
    "class labels for a binary loss": (
        nn.BCEWithLogitsLoss(), LOGITS, LABELS, lz.ShapeError, "in the shape (64, 10)",
    ),
    "labels as a column": (
        nn.CrossEntropyLoss(), LOGITS, LABELS[:, None], lz.ShapeError,
        "expects class labels of shape (64,) for predictions (64, 10) with 10 classes on axis 1, "
        "got (64, 1): target.squeeze(-1) fits",
    ),
    "one-hot rows of integers": (
        nn.CrossEntropyLoss(), LOGITS, np.eye(10, dtype=int)[LABELS], lz.ShapeError,
        "If these are one-hot rows: target.argmax(axis=1) gives labels, "
        "target.astype('float32') probabilities",
    ),
    "fewer labels than rows": (
        nn.NLLLoss(), -LOGITS**2, LABELS[:32], lz.ShapeError, "labels of shape (64,)",
    ),
    "classes on the last axis of a sequence": (
        nn.CrossEntropyLoss(), np.zeros((8, 5, 10)), np.zeros((8, 5), int), lz.ShapeError,
        "expects class labels of shape (8, 10) for predictions (8, 5, 10) with 5 classes on axis 1",
    ),
    "a prediction without classes": (
        nn.CrossEntropyLoss(), np.float32(1), 0, lz.ShapeError, "got one number",
    ),
    "floating labels": (
        nn.CrossEntropyLoss(), LOGITS, LABELS.astype("f"), lz.KindError,
        "class labels are integers, got float32: convert them with target.astype('int64'); "
        "probabilities would have the shape (64, 10) of the predictions",
    ),
    "truth values as labels": (
        nn.NLLLoss(), -LOGITS**2, LABELS > 4, lz.KindError,
        "class labels are integers, got bool: convert them with target.astype('int64')",
    ),
    "a label too large": (
        nn.CrossEntropyLoss(), LOGITS, changed(LABELS, 5, 12), lz.PositionError,
        "class label 12 at position (5,) is outside 0 to 9, the classes of predictions (64, 10); "
        "more outputs may be needed",
    ),
    "labels counted from 1": (
        nn.CrossEntropyLoss(), LOGITS, LABELS + 1, lz.PositionError,
        "class label 10 at position (9,) is outside 0 to 9, the classes of predictions (64, 10); "
        "labels count from 0: subtract 1",
    ),
    "a negative label": (
        nn.NLLLoss(), -LOGITS**2, changed(LABELS, 3, -1), lz.PositionError,
        "class label -1 at position (3,) is outside 0 to 9, the classes of predictions (64, 10); "
        "ignore_index=-1 leaves such labels out",
    ),
    "weights for other classes": (
        nn.CrossEntropyLoss(np.ones(3)), LOGITS, LABELS, lz.ShapeError,
        "expects weight of shape (10,), one for each class, got (3,)",
    ),
    "a weight for each of other predictions": (
        nn.BCELoss(np.ones(3)), HALVES, HALVES, lz.ShapeError,
        "weight of shape (3,) does not stretch to the predictions (64,)",
    ),
    "a weight of more axes": (
        nn.BCEWithLogitsLoss(pos_weight=np.ones((64, 1))), NUMBERS, HALVES, lz.ShapeError,
        "pos_weight of shape (64, 1) does not stretch",
    ),
    "logits for BCELoss": (
        nn.BCELoss(), changed(HALVES, 7, 1.5), HALVES, lz.RangeError,
        "predictions of binary_cross_entropy lie in [0, 1], got 1.5 at position (7,). "
        "Put a Sigmoid before it, or use BCEWithLogitsLoss",
    ),
    "labels 1 and 2 for BCELoss": (
        nn.BCELoss(), HALVES, changed(HALVES, 63, 2), lz.RangeError,
        "targets of binary_cross_entropy lie in [0, 1], got 2.0 at position (63,). "
        "1 stands for yes and 0 for no",
    ),
    "labels -1 and 1 for logits": (
        nn.BCEWithLogitsLoss(), NUMBERS, np.sign(NUMBERS), lz.RangeError,
        "targets of binary_cross_entropy_with_logits lie in [0, 1], got -1.0 at position (0,)",
    ),
    "logarithms as targets of KLDivLoss": (
        nn.KLDivLoss(), np.log(HALVES), np.log(HALVES), lz.RangeError,
        "got -0.6931472 at position (0,). Logarithms of probabilities go with log_target=True",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_cure(mistake):
    loss, prediction, target, kind, says = MISTAKES[mistake]
    with pytest.raises(kind, match=re.escape(says)) as caught:
        loss(prediction, target)
    assert str(caught.value).startswith(f"{type(loss).__name__}: ")


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), "label_smoothing must be in [0, 1]"),
        (lambda: nn.HuberLoss(delta=0), "delta must be above 0, got 0"),
        (lambda: functional.huber_loss(NUMBERS, NUMBERS, delta=-1), "delta must be above 0"),
        (lambda: nn.SmoothL1Loss(beta=-1), "beta must be 0 or more, got -1"),
        (lambda: functional.mse_loss(NUMBERS, NUMBERS, reduction="avg"), "got 'avg'"),
        (lambda: functional.cross_entropy(LOGITS, LABELS, reduction="batchmean"), "reduction is"),
        (lambda: functional.kl_div(NUMBERS, HALVES, reduction="avg"), "'mean', 'batchmean', 'sum'"),
    ],
)
def test_a_wrong_setting_is_refused(attempt, message):
    with pytest.raises(lz.RangeError, match=re.escape(message)):
        attempt()


@pytest.mark.parametrize(
    ("function", "target", "cure"),
    [
        (functional.cross_entropy, LABELS, "leave out the Softmax"),
        (functional.nll_loss, LABELS, "use LogSoftmax in the place of Softmax"),
        (functional.kl_div, np.full((64, 10), 0.1), "takes their logarithms"),
    ],
)
def test_a_softmax_before_the_loss_is_warned_of(function, target, cure):
    with pytest.warns(nn.LunziWarning, match=f"look like probabilities .*{cure}") as caught:
        function(functional.softmax(LOGITS), target)
    assert caught[0].filename == __file__


def test_a_softmax_before_the_loss_is_warned_of_on_pictures_too(rng):
    pictures = functional.softmax(rng.standard_normal((2, 3, 4, 5)), 1)
    with pytest.warns(nn.LunziWarning, match="look like probabilities"):
        functional.cross_entropy(pictures, np.zeros((2, 4, 5), int))


def test_a_line_in_a_loop_is_warned_of_once():
    shares = functional.softmax(LOGITS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            functional.cross_entropy(shares, LABELS)
    assert len(caught) == 1


@pytest.mark.parametrize(
    "logits",
    [
        LOGITS,
        np.abs(LOGITS),
        np.array([[0.25, 0.75]]),  # a single row may be so by chance
        np.array([[0.25, 0.75], [0.3, 0.8]]),
        np.array([0.25, 0.75]),
        np.zeros((0, 10)),
    ],
)
def test_logits_are_not_taken_for_probabilities(logits):
    functional.cross_entropy(logits, np.zeros(logits.shape[:-1], int))


def test_nothing_is_looked_at_in_a_trace():
    shares = functional.softmax(LOGITS)
    lz.trace(functional.cross_entropy, shares, LABELS)
    lz.trace(functional.binary_cross_entropy, NUMBERS, NUMBERS)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite_pass_as_values(number):
    x = changed(NUMBERS, 0, number)
    assert not np.isfinite(float(functional.mse_loss(x, NUMBERS)))
    assert not np.isfinite(float(functional.cross_entropy(changed(LOGITS, (0, 0), number), LABELS)))
    assert not np.isfinite(float(functional.binary_cross_entropy_with_logits(x, 1 - HALVES)))


def test_nan_does_not_hide_a_number_outside():
    with pytest.raises(lz.RangeError, match=r"got 2.0 at position \(1,\)"):
        functional.binary_cross_entropy(np.array([np.nan, 2.0]), np.array([0.0, 1.0]))
