"""Checks of what layers and their functions take."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi.nn.arguments import as_bias, as_source, as_weight, divided, lengths, whole_numbers


def test_numbers_for_each_axis():
    assert whole_numbers("n", [np.int64(1), 2], 2) == (1, 2)
    assert whole_numbers("n", 3, 2) == (3, 3)
    assert lengths("shape", [2, 3]) == (2, 3)
    assert lengths("shape", 4) == (4,)
    assert divided("a", 6, "b", 3) == 2


def test_weights_of_functions_are_tensors_arrays_or_lists():
    weight = lz.zeros(2)
    assert as_weight(weight) is weight
    assert as_weight(np.zeros(2)).dtype == "float64"
    assert as_weight([1, 2]).dtype == "float32"
    assert as_bias(None, 2) is None
    assert as_bias([1, 2], 2).tolist() == [1, 2]


def test_without_a_generator_numbers_come_from_the_one_that_manual_seed_starts():
    assert as_source(None) is lz.random.default_generator
    generator = lz.random.Generator(1)
    assert as_source(generator) is generator


@pytest.mark.parametrize(
    ("check", "kind", "message"),
    [
        (lambda: whole_numbers("n", (1, 2), 3), lz.ShapeError, "n is one number or 3"),
        (lambda: divided("a", 7, "b", 3), lz.RangeError, "a must be a multiple of b: 7 is not one"),
        (lambda: lengths("shape", ()), lz.ShapeError, "one axis or more, got ()"),
        (lambda: as_source(3), lz.KindError, "as Generator(seed) makes one; got 3"),
        (lambda: as_weight("w"), lz.KindError, "a tensor is made of numbers, got str"),
        (lambda: as_bias([1, 2, 3], 2), lz.ShapeError, "each of 2 outputs, got (3,)"),
    ],
)
def test_what_does_not_fit_is_named(check, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        check()
