"""Checks of arguments."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi.nn.arguments import divided, lengths, real_number, whole_number, whole_numbers


def test_numbers_of_numpy_become_pythons_own():
    assert type(whole_number("n", np.int32(3))) is int
    assert type(real_number("x", np.float32(0.5))) is float
    assert type(real_number("x", 1)) is float
    assert whole_numbers("n", [np.int64(1), 2], 2) == (1, 2)
    assert whole_numbers("n", 3, 2) == (3, 3)
    assert lengths("shape", [2, 3]) == (2, 3)
    assert lengths("shape", 4) == (4,)
    assert divided("a", 6, "b", 3) == 2


@pytest.mark.parametrize(
    ("check", "kind", "message"),
    [
        (lambda: whole_number("n", 1.0), lz.KindError, "n is a whole number, got 1.0"),
        (lambda: whole_number("n", False, 0), lz.KindError, "n is a whole number, got False"),
        (lambda: whole_number("n", -1, 0), lz.RangeError, "n must be 0 or more, got -1"),
        (lambda: whole_numbers("n", (1, 2), 3), lz.ShapeError, "n is one number or 3"),
        (lambda: real_number("x", "1"), lz.KindError, "x is a number, got '1'"),
        (lambda: real_number("x", True), lz.KindError, "x is a number, got True"),
        (lambda: real_number("x", -0.5), lz.RangeError, "x must be 0 or more, got -0.5"),
        (lambda: real_number("x", 2, 0, 1), lz.RangeError, "x must be in [0, 1], got 2"),
        (lambda: real_number("x", float("nan")), lz.RangeError, "got nan"),
        (lambda: divided("a", 7, "b", 3), lz.RangeError, "a must be a multiple of b: 7 is not one"),
        (lambda: lengths("shape", ()), lz.ShapeError, "one axis or more, got ()"),
    ],
)
def test_what_does_not_fit_is_named(check, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        check()
