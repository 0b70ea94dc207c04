from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest

from lunzi import Tensor, nn
from lunzi.files.arguments import as_json, fits, from_json, misfit, numbers_asked


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, int),
        (True, bool),
        ("a", str),
        (None, None),
        (None, Any),
        (1.5, float),
        (1, float),
        (None, int | None),
        ((1, 2), int | tuple[int, int]),
        ((1, 2, 3), tuple[int, ...]),
        ((), tuple[int, ...]),
        ((1, None), Sequence[int | None]),
        ("same", Literal["same", "valid"]),
    ],
)
def test_a_value_of_the_annotated_type_fits(value, annotation):
    assert fits(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (True, int),
        (1, bool),
        (1.0, int),
        (True, float),
        ("1", int),
        (1, Any),
        (1, None),
        ((1, 2), int),
        (1, tuple[int, ...]),
        ((1, "a"), tuple[int, ...]),
        ((1, 2, 3), tuple[int, int]),
        (1, tuple[int, int]),
        ("ab", Sequence[str]),
        (1, Literal[True]),
        ("other", Literal["same"]),
        ("x", Tensor),
        ({}, Mapping[str, int]),
        (1, "int"),
    ],
)
def test_a_value_of_another_type_does_not_fit(value, annotation):
    assert not fits(value, annotation)


def test_an_argument_that_is_unknown_missing_or_wrong_is_named():
    assert misfit(nn.Linear, {"in_features": 1, "out_features": 2, "bias": True}) is None
    assert misfit(nn.Linear, {"in_features": 1, "out_features": 2, "device": "cpu"}) == "device"
    assert misfit(nn.Linear, {"in_features": 1, "out_features": 2, "self": 1}) == "self"
    assert misfit(nn.Linear, {"in_features": 1}) == "out_features"
    assert misfit(nn.Linear, {"in_features": "1", "out_features": 2}) == "in_features"


@pytest.mark.parametrize("name", ["arguments", "named", "x"])
def test_an_argument_without_a_name_of_its_own_is_none(name):
    assert misfit(nn.Identity, {}) is None
    assert misfit(nn.Identity, {name: 1}) == name


def test_what_json_has_can_stand_in_a_file():
    value = {"a": (1, 2.5, None, True, ("x", [])), "b": np.float32(0.5), "c": np.int64(3)}
    assert as_json(value) == {"a": [1, 2.5, None, True, ["x", []]], "b": 0.5, "c": 3}
    assert from_json([1, [2, 3]]) == (1, (2, 3))


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 10**19, -(10**19), {1: "a"}, {3}, b"a", np.zeros(2), object(), 1j],
    ids=str,
)
def test_what_json_has_not_is_refused(value):
    with pytest.raises(TypeError, match="cannot stand in a file"):
        as_json([value])


def test_the_numbers_asked_are_a_length_or_the_product_of_several():
    assert numbers_asked(7) == 7
    assert numbers_asked(-7) == 7
    assert numbers_asked((2, (3, 4), None)) == 24
    assert numbers_asked((0, 5)) == 5
    assert numbers_asked("text") == 0
