import math

import pytest

from lunzi.optim.ranges import (
    check_betas,
    check_choice,
    check_count,
    check_flags,
    check_number,
    check_numbers,
    check_share,
)


def test_lets_pass_what_fits():
    check_number("lr", 0)
    check_number("coefficient", -2.5, at_least=-math.inf)
    check_share("factor", 1)
    check_share("factor", 0, may_be_zero=True)
    check_numbers({"lr": 0.1, "eps": 1e-8}, "lr", "eps")
    check_betas({"betas": (0, 0.999)})
    check_flags({"nesterov": False}, "nesterov")
    check_count("patience", 0, at_least=0)
    check_choice("mode", "min", "min", "max")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: check_number("lr", None), TypeError, "lr is a number, got None"),
        (lambda: check_number("lr", -1), ValueError, "lr must be 0 or more, got -1"),
        (lambda: check_number("lr", math.inf), ValueError, "lr must be finite, got inf"),
        (lambda: check_number("a", 0.0, above=0.0), ValueError, "a must be above 0, got 0.0"),
        (
            lambda: check_number("a", 1.0, above=0.0, below=1.0),
            ValueError,
            "a must be above 0 and below 1, got 1.0",
        ),
        (lambda: check_share("a", 1.5), ValueError, "a must be at most 1, got 1.5"),
        (lambda: check_share("a", 0), ValueError, "a must be above 0, got 0"),
        (lambda: check_count("n", True), TypeError, "n is a whole number, got True"),
        (lambda: check_count("n", 0), ValueError, "n must be 1 or more, got 0"),
        (lambda: check_choice("m", "x", "min", "max"), ValueError, "'min', 'max', got 'x'"),
    ],
)
def test_says_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
