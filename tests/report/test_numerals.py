import math

import pytest

from lunzi.messages import use_language
from lunzi.report.numerals import duration, number, percent, probability, score


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (100.0, "100"),
        (999.96, "1,000"),
        (123456.7, "123,457"),
        (0.00012345, "0.000123"),
        (99999.0, "99,999"),
        (-3.14159, "−3.14"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "NaN"),
    ],
)
def test_a_number_has_three_significant_digits_at_least(value, written):
    assert number(value) == written


@pytest.mark.parametrize(
    ("value", "parts"),
    [(1.5e-9, ["1.5", "×", "10⁻⁹"]), (-2e12, ["−2", "×", "10¹²"]), (1e300, ["1", "×", "10³⁰⁰"])],
)
def test_a_very_small_or_large_number_has_a_power_of_ten(value, parts):
    assert number(value).split("\N{NO-BREAK SPACE}") == parts


def test_more_digits_can_be_asked_for():
    assert number(3.14159265, 6) == "3.14159"


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (0, 10, "0%"),
        (10, 10, "100%"),
        (1, 3, "33%"),
        (1, 100_000, "0.01%"),
        (99_999, 100_000, "99.99%"),
        (9_999, 10_000, "99.99%"),
        (1, 1_000, "0.10%"),
        (998, 999, "99.9%"),
    ],
)
def test_only_all_is_a_hundred_per_cent_and_only_none_is_zero(part, whole, written):
    assert percent(part, whole) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0%"), (1.0, "100%"), (0.0004, "<0.1%"), (0.9996, ">99.9%"), (0.5, "50.0%")],
)
def test_a_probability_is_certain_only_at_the_ends(value, written):
    assert probability(value) == written


def test_a_score_that_rounds_to_zero_has_no_sign():
    assert score(-0.0004) == "0.000"


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.04, "0.0 s", "0.0 秒"),
        (59.94, "59.9 s", "59.9 秒"),
        (59.96, "1 min 0 s", "1 分 0 秒"),
        (61, "1 min 1 s", "1 分 1 秒"),
        (3599.7, "1 h 0 min", "1 小时 0 分"),
        (7800, "2 h 10 min", "2 小时 10 分"),
    ],
)
def test_a_duration_is_said_in_both_languages(seconds, english, chinese):
    with use_language("en"):
        assert duration(seconds) == english
    with use_language("zh"):
        assert duration(seconds) == chinese
