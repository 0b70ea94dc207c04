import json

import numpy as np
import pytest

from lunzi.core.errors import FileFormatError
from lunzi.data.columns import (
    MOST_CATEGORIES,
    CategoryColumn,
    DroppedColumn,
    NumberColumn,
    column_from_json,
)
from lunzi.data.json_fields import Fields
from lunzi.data.tables import parse_table


def table(*cells):
    lines = ["x,rest", *(f'"{cell}",r' for cell in cells)]
    return parse_table("\n".join(lines).encode(), "a.csv")


def number(*cells):
    column = table(*cells).column("x")
    return NumberColumn.fit(column, column.style())


def category(*cells):
    return CategoryColumn.fit(table(*cells).column("x"))


def again(column):
    return column_from_json(Fields(json.loads(json.dumps(column.to_json())), "run.json"))


def test_numbers_are_standardised():
    # mean 4, variance (9 + 1 + 1 + 9) / 4 = 5
    column = number("1", "3", "5", "7")
    expected = np.array([-3, -1, 1, 3]) / np.sqrt(5)
    np.testing.assert_allclose(column.encode(table("1", "3", "5", "7"))[:, 0], expected, rtol=1e-6)
    assert column.features == ("x",)


def test_a_missing_number_becomes_the_mean_and_is_marked_where_training_had_some():
    column = number("1", "", "3")
    assert column.features == ("x", "x: missing")
    np.testing.assert_array_equal(column.encode(table("3", "nan")), [[1, 0], [0, 1]])


def test_a_missing_number_is_the_mean_where_training_had_none():
    np.testing.assert_array_equal(number("1", "3").encode(table("3", "", "?")), [[1], [0], [0]])


def test_far_ends_are_drawn_in_without_changing_the_order():
    cells = ["0"] * 90 + [str(2**power) for power in range(4, 14)]
    column = number(*cells)
    encoded = column.encode(table(*cells))[:, 0]
    assert column.tail is not None
    assert (np.diff(encoded[90:]) > 0).all()
    assert np.abs(encoded).max() <= 10
    assert abs(encoded.mean()) < 1e-6


def test_numbers_without_far_ends_are_left_linear(rng):
    assert number(*map(str, rng.normal(size=200))).tail is None


def test_a_rare_value_is_at_most_ten_from_the_mean():
    column = number(*["0"] * 9999, "1")
    assert column.encode(table("0", "1"))[:, 0].max() == pytest.approx(10, rel=1e-3)


@pytest.mark.parametrize("cell", ["1e99", "-1e99"])
def test_a_number_far_beyond_training_is_bounded(cell):
    assert np.abs(number("1", "3").encode(table(cell))).tolist() == [[100]]


def test_the_smallest_numbers_stay_finite():
    assert np.isfinite(number("0", "5e-324").encode(table("0", "5e-324"))).all()


def test_equal_numbers_beside_missing_ones_stay_finite():
    np.testing.assert_array_equal(number("0.1", "0.1", "").encode(table("0.1")), [[0, 0]])


def test_a_cell_that_is_no_number_is_named_with_its_line():
    with pytest.raises(
        FileFormatError, match=r"line 3: the column x holds numbers, but here is abc"
    ):
        number("1", "3").encode(table("2", "abc"))


def test_the_style_of_training_reads_new_rows():
    # Alone, this cell could be read in two ways.
    column = number("1,234.5", "10")
    assert column.encode(table("1,234")) > 0.9
    with pytest.raises(FileFormatError, match="here is 3,5"):
        column.encode(table("3,5"))


def test_categories_have_one_feature_each():
    column = category("red", "blue", "red")
    assert column.features == ("x=blue", "x=red")
    np.testing.assert_array_equal(column.encode(table("red", "blue")), [[0, 1], [1, 0]])


def test_a_missing_category_has_a_feature_where_training_had_some():
    column = category("red", "", "blue", "?")
    assert column.features == ("x=blue", "x=red", "x: missing")
    np.testing.assert_array_equal(column.encode(table("NA", "red")), [[0, 0, 1], [0, 1, 0]])


def test_rare_categories_share_a_feature_with_unseen_ones():
    frequent = [f"word {i}" for i in range(MOST_CATEGORIES)]
    column = category(*frequent, *frequent, "rare", "rarer")
    assert len(column.features) == MOST_CATEGORIES + 1
    rare, unseen, missing = column.encode(table("rare", "never", ""))
    assert rare.tolist() == unseen.tolist() == missing.tolist() == [0] * MOST_CATEGORIES + [1]


def test_an_unseen_category_is_the_average_row_where_training_had_no_others():
    column = category("red", "blue", "red", "red")
    np.testing.assert_array_equal(column.encode(table("green", "")), [[0.25, 0.75]] * 2)


@pytest.mark.parametrize(
    "column",
    [
        number("1", "3"),
        number("1,5", "", "2"),
        number(*["0"] * 99, "1000"),
        category("red", "", "blue"),
        DroppedColumn("x", "row number"),
    ],
)
def test_json_and_back_gives_the_same_column(column):
    assert again(column) == column


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        (number("1", "3"), {"kind": "?"}, "kind must be 'number' | 'category'"),
        (number("1", "3"), {"scale": 0}, "scale must be > 0"),
        (number("1", "3"), {"style": "roman"}, "style must be 'plain' | 'groups'"),
        (number("1", "3"), {"tail": {"centre": 0}}, "the field spread is missing"),
        (number("1", "3"), {"extra": 1}, "the field extra is not known"),
        (category("a", "b"), {"shares": [1.0]}, "do not fit together"),
        (category("a", "b"), {"words": ["a", "a"]}, "do not fit together"),
        (category("a", "b"), {"other": True}, "do not fit together"),
        (DroppedColumn("x", "empty"), {"reason": "ugly"}, "reason must be 'empty'"),
    ],
)
def test_damaged_json_is_named(column, change, message):
    with pytest.raises(FileFormatError, match=message.replace("|", r"\|")):
        column_from_json(Fields({**column.to_json(), **change}, "run.json"))
