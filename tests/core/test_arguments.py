"""Checks of arguments that all rooms share."""

import math
import re

import numpy as np
import pytest

import lunzi as lz
from lunzi.core.arguments import choice, listed, real_number, whole_number


def test_numbers_of_numpy_become_pythons_own():
    assert type(whole_number("n", np.int32(3))) is int
    assert type(real_number("x", np.float32(0.5))) is float
    assert type(real_number("x", 1)) is float
    assert real_number("x", -math.inf, -math.inf) == -math.inf
    assert real_number("x", 0.1, above=0) == 0.1


def test_words_and_lists():
    assert choice("mode", "a", ("a", "b")) == "a"
    assert listed("parts", (part for part in "ab")) == ["a", "b"]


@pytest.mark.parametrize(
    ("check", "kind", "message"),
    [
        (lambda: whole_number("n", 1.0), lz.KindError, "n is a whole number, got 1.0"),
        (lambda: whole_number("n", False, 0), lz.KindError, "n is a whole number, got False"),
        (lambda: whole_number("n", -1, 0), lz.RangeError, "n must be 0 or more, got -1"),
        (lambda: real_number("x", "1"), lz.KindError, "x is a number, got '1'"),
        (lambda: real_number("x", True), lz.KindError, "x is a number, got True"),
        (lambda: real_number("x", -0.5), lz.RangeError, "x must be 0 or more, got -0.5"),
        (lambda: real_number("x", 2, 0, 1), lz.RangeError, "x must be in [0, 1], got 2"),
        (lambda: real_number("x", float("nan")), lz.RangeError, "got nan"),
        (lambda: real_number("x", 10**400), lz.RangeError, "x must be 0 or more, got 1000"),
        (lambda: real_number("x", float("nan"), -math.inf), lz.RangeError, "that a float holds"),
        (lambda: real_number("x", 0, above=0), lz.RangeError, "x must be above 0, got 0"),
        (
            lambda: real_number("x", 2, most=1, above=0),
            lz.RangeError,
            "x must be above 0 and at most 1, got 2",
        ),
        (lambda: choice("mode", "c", ("a", "b")), lz.RangeError, "is one of 'a', 'b'; got 'c'"),
        (lambda: choice("mode", np.zeros(2), ("a",)), lz.RangeError, "mode is one of 'a'; got"),
        (lambda: listed("parts", "ab"), lz.KindError, "parts are several in a list, got 'ab'"),
        (lambda: listed("parts", 3), lz.KindError, "parts are several in a list, got 3"),
        (lambda: listed("parts", np.array(3)), lz.KindError, "parts are several in a list"),
    ],
)
def test_what_does_not_fit_is_named(check, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        check()
