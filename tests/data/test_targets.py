import json

import numpy as np
import pytest

from lunzi.core.errors import FileFormatError, RangeError
from lunzi.data.json_fields import Fields
from lunzi.data.tables import parse_table
from lunzi.data.targets import ClassTarget, NumberTarget, decide_task, target_from_json


def table(*cells):
    return parse_table("\n".join(["x,y", *(f'r,"{cell}"' for cell in cells)]).encode(), "a.csv")


def decide(*cells, asked=None):
    return decide_task(table(*cells), "y", asked)


@pytest.mark.parametrize(
    ("cells", "task", "reason"),
    [
        (["cat", "dog", "cat"], "classification", "y holds words, 2 different ones"),
        (["0", "1", "1", "0"], "classification", "only two values, 0, 1"),
        (["0.5", "1.5"], "classification", "only two values, 0.5, 1.5"),
        (["0", "1", "2"] * 5, "classification", "whole numbers, only 3 different"),
        (["1", "1.0", "2", "2.0", "3"] * 3, "classification", "only 3 different"),
        (["0", "1", "2"] * 4, "regression", "numbers, 3 different"),
        (["0", "1", "2.5"] * 5, "regression", "numbers, 3 different"),
        ([str(n) for n in range(21)] * 9, "regression", "numbers, 21 different"),
        (["1,5", "2,5", "3"], "regression", "numbers, 3 different"),
    ],
)
def test_the_task_is_found_by_the_rule_and_said(cells, task, reason):
    decision = decide(*cells)
    assert decision.task == task
    assert reason in decision.reason


def test_what_is_asked_overrides_the_rule():
    assert decide("0", "1", asked="regression").reason == "regression of y, as asked"
    assert decide(*["1.5", "2", "3"], asked="classification").task == "classification"


@pytest.mark.parametrize(
    ("cells", "asked", "message"),
    [
        (["1", "1e999", "2"], None, r"line 3: the target y has no value here \(1 rows"),
        (["a", "a"], None, "holds the same value, a, in every row"),
        (["1", "1.0"], None, "holds the same value, 1, in every row"),
        (["a", "", "b", "?"], None, r"line 3: the target y has no value here \(2 rows"),
        (["a", "b"], "regression", "holds words such as a; regression needs numbers"),
        (["1,234", "5,678"], "regression", "words such as 1,234"),
        ([f"name {i}" for i in range(30)], None, "holds 30 different values in 30 rows"),
        ([str(i / 7) for i in range(30)], "classification", "30 different values in 30 rows"),
    ],
)
def test_a_target_that_cannot_be_learned_is_named(cells, asked, message):
    with pytest.raises(FileFormatError, match=message):
        decide(*cells, asked=asked)


def test_a_task_or_column_that_does_not_exist_is_refused():
    with pytest.raises(RangeError, match="task must be one of classification, regression"):
        decide("a", "b", asked="ranking")
    with pytest.raises(RangeError, match="no column z; it has: x, y"):
        decide_task(table("a", "b"), "z")


def test_classes_are_sorted_and_become_their_indices():
    rows = table("dog", "cat", "bird", "cat")
    target = ClassTarget.fit(rows.column("y"))
    assert target.classes == ("bird", "cat", "dog")
    indices = target.encode(rows)
    assert indices.tolist() == [2, 1, 0, 1]
    assert indices.dtype == np.int64
    assert target.outputs == 3


def test_classes_that_are_numbers_are_sorted_by_size_and_written_in_one_way():
    rows = table("10", "9", "9.0", "-1", "2.50", "-0", "0")
    target = ClassTarget.fit(rows.column("y"))
    assert target.classes == ("-1", "0", "2.5", "9", "10")
    assert target.encode(rows).tolist() == [4, 3, 3, 0, 2, 1, 1]


def test_a_class_that_was_not_learned_is_named_with_its_line():
    target = ClassTarget.fit(table("a", "b").column("y"))
    with pytest.raises(FileFormatError, match="line 3: c in the column y is none of the classes"):
        target.encode(table("a", "c"))


def test_a_number_is_standardised_and_brought_back():
    rows = table("1", "3", "5", "7")
    target = NumberTarget.fit(rows, "y", "plain")
    encoded = target.encode(rows)
    assert (encoded.shape, encoded.dtype) == ((4, 1), np.float32)
    np.testing.assert_allclose(encoded[:, 0], np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(target.decode(encoded)[:, 0], [1, 3, 5, 7], rtol=1e-6)


@pytest.mark.parametrize("cells", [("1,234.5", "2"), ("1,5", "2"), ("-1,234,567", "0")])
def test_two_numbers_with_commas_are_two_classes(cells):
    assert decide(*cells).task == "classification"
    rows = table(*cells)
    assert sorted(ClassTarget.fit(rows.column("y")).encode(rows)) == [0, 1]


def test_a_table_without_rows_is_refused():
    with pytest.raises(FileFormatError, match="no row has a value in the column y"):
        decide_task(table("a", "b").select([]), "y")


@pytest.mark.parametrize("cell", ["", "1e99"])
def test_a_number_that_cannot_be_a_target_is_named_with_its_line(cell):
    target = NumberTarget.fit(table("1", "3"), "y", "plain")
    with pytest.raises(FileFormatError, match=f"line 3: the target y is {cell} here, missing or"):
        target.encode(table("2", cell))


def test_a_target_that_is_constant_in_training_is_not_divided_by_zero():
    assert NumberTarget.fit(table("2", "2"), "y", "plain").encode(table("3")).tolist() == [[1]]


@pytest.mark.parametrize(
    "target",
    [
        ClassTarget("y", None, ("a", "b")),
        ClassTarget("y", "plain", ("1", "2")),
        NumberTarget("价格", "decimal comma", 2.5, 0.1),
    ],
)
def test_json_and_back_gives_the_same_target(target):
    assert target_from_json(Fields(json.loads(json.dumps(target.to_json())), "t")) == target


@pytest.mark.parametrize("classes", [[], ["a"], ["a", "a"]])
def test_json_with_classes_that_cannot_be_is_refused(classes):
    with pytest.raises(FileFormatError, match="do not fit together"):
        target_from_json(
            Fields({"task": "classification", "name": "y", "style": None, "classes": classes}, "t")
        )
