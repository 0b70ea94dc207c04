import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunzi.report.scales import (
    drawable,
    epoch_scale,
    linear_scale,
    logarithmic_scale,
    spans_decades,
)

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=20))
def test_a_linear_scale_holds_its_values_and_has_few_ticks(values):
    shown = np.array([value for value in values if abs(value) < 1e150])
    scale = linear_scale(np.array(values, dtype=np.float64))
    assert scale.low < scale.high
    assert 2 <= len(scale.ticks) <= 12
    assert list(scale.ticks) == sorted(set(scale.ticks))
    slack = 1e-6 * (scale.high - scale.low)
    assert np.all((shown >= scale.low - slack) & (shown <= scale.high + slack))
    assert all(math.isfinite(scale.share(value)) for value in shown)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_the_labels_of_a_linear_scale_differ(low, width):
    scale = linear_scale(np.array([low, low + width]))
    if width > 1e-6 * abs(low):
        assert len(set(scale.labels)) == len(scale.labels)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([], ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([math.nan, math.inf], ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.0, 0.0], ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([5.0], ["0", "1", "2", "3", "4", "5"]),
        ([-5.0, -5.0], ["−5", "−4", "−3", "−2", "−1", "0"]),
        ([0.02, 2.3], ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
        ([20.0, 23.0], ["20", "21", "22", "23"]),
        ([0.0, 4e8], ["0", "1 × 10⁸", "2 × 10⁸", "3 × 10⁸", "4 × 10⁸"]),
    ],
)
def test_ticks_are_round_numbers(values, labels):
    scale = linear_scale(np.array(values, dtype=np.float64))
    assert [label.replace("\N{NO-BREAK SPACE}", " ") for label in scale.labels] == labels


def test_shares_are_written_as_percentages():
    scale = linear_scale(np.array([0.81, 0.99]), percent=True)
    assert scale.labels == ("80%", "85%", "90%", "95%", "100%")


def test_counts_have_whole_ticks():
    assert linear_scale(np.array([0.0, 2.0]), whole=True).labels == ("0", "1", "2")


def test_a_logarithmic_scale_has_powers_of_ten():
    scale = logarithmic_scale(np.array([0.003, 20.0]))
    assert scale.labels == ("0.001", "0.01", "0.1", "1", "10", "100")
    assert scale.share(0.001) == 0
    assert scale.share(100.0) == 1
    assert scale.share(1.0) == pytest.approx(0.6)


def test_a_wide_logarithmic_scale_leaves_decades_out():
    scale = logarithmic_scale(np.array([1e-100, 1e100]))
    assert len(scale.ticks) <= 7
    assert scale.high >= 1e100


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ([0.01, 2.0], True),
        ([0.1, 2.0], False),
        ([0.0, 2.0], False),
        ([-1.0, 2.0], False),
        ([], False),
        ([0.001, math.nan, 1.0], True),
    ],
)
def test_only_positive_values_far_apart_need_a_logarithm(values, answer):
    assert spans_decades(np.array(values, dtype=np.float64)) is answer


def test_an_epoch_axis_ends_at_its_epochs():
    assert epoch_scale(np.arange(1.0, 13.0)).labels == ("1", "4", "6", "8", "10", "12")


def test_an_epoch_axis_of_one_epoch_has_it_in_the_middle():
    scale = epoch_scale(np.array([7.0]))
    assert scale.labels == ("7",)
    assert scale.share(7.0) == 0.5


def test_an_epoch_axis_without_epochs_can_be_drawn():
    assert epoch_scale(np.empty(0)).labels == ("1",)


def test_absurd_values_are_not_drawn():
    shown = drawable(np.array([1.0, math.nan, math.inf, -math.inf, 1e200]))
    assert shown.tolist() == [True, False, False, False, False]
