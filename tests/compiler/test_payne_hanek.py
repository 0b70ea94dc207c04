"""The digits of pi that large arguments need; the reduction itself is tested by sine and cosine."""

import math
from fractions import Fraction

from lunzi.compiler.payne_hanek import FRACTION, pi_in_bits, two_over_pi


def test_pi_begins_as_known():
    assert str(pi_in_bits(400) * 10**100 >> 400) == (
        "31415926535897932384626433832795028841971693993751"
        "058209749445923078164062862089986280348253421170679"
    )


def test_more_bits_of_pi_begin_with_fewer():
    assert pi_in_bits(1300) >> 100 == pi_in_bits(1200)


def test_two_over_pi_is_the_inverse_of_half_pi():
    product = Fraction(two_over_pi(), 2**FRACTION) * Fraction(pi_in_bits(1300), 2**1301)
    assert 0 < 1 - product < Fraction(2, 2**FRACTION)
    assert two_over_pi() / 2**FRACTION == 2 / math.pi
