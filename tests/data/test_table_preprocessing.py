import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lunzi.core.errors import FileFormatError, LunziError, RangeError
from lunzi.data.table_preprocessing import TablePreprocessing
from lunzi.data.tables import parse_table, read_table
from lunzi.messages import use_language

ROWS = "size,colour,price\n1,red,10\n2,blue,20.5\n3,red,30\n,red,45\n"


def table(content):
    return parse_table(content.encode(), "a.csv")


def column(name, cells):
    """A table of this column beside one that can be learned from, and a target."""
    lines = [f"{name},other,target"]
    lines += [f'"{cell}",{i * i % 7},{"ab"[i % 2]}' for i, cell in enumerate(cells)]
    return table("\n".join(lines))


def fitted(name, cells):
    result = TablePreprocessing.fit(column(name, cells), "target")
    return result.columns[0], result.notes


def test_a_mixed_table_becomes_numbers():
    rows = table(ROWS)
    preprocessing = TablePreprocessing.fit(rows, "price")
    assert preprocessing.feature_names == ("size", "size: missing", "colour=blue", "colour=red")
    assert (preprocessing.inputs, preprocessing.outputs) == (4, 1)
    x, y = preprocessing.encode(rows), preprocessing.encode_target(rows)
    # the mean of 1, 2, 3 is 2, the deviation sqrt(2 / 3)
    np.testing.assert_allclose(x[:, 0], np.array([-1, 0, 1, 0]) * np.sqrt(1.5), rtol=1e-6)
    assert x[:, 1:].tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 1]]
    assert (x.dtype, y.dtype, y.shape) == (np.float32, np.float32, (4, 1))
    assert preprocessing.reason == "regression: price holds numbers, 4 different ones"


def test_numbers_are_found_from_the_training_rows_alone():
    rows = table("x,y\n1,a\n3,b\n1000,a\n")
    preprocessing = TablePreprocessing.fit(rows, "y", rows=[0, 1])
    assert (preprocessing.columns[0].mean, preprocessing.columns[0].scale) == (2, 1)


def test_classes_are_found_from_all_rows():
    # A rare class may lie in the validation part only.
    rows = table("x,y\n1,a\n3,b\n5,c\n")
    preprocessing = TablePreprocessing.fit(rows, "y", rows=np.array([True, True, False]))
    assert preprocessing.encode_target(rows).tolist() == [0, 1, 2]


def test_chinese_columns_and_messages():
    rows = table("价格,城市,好\n1,北京,是\n2,上海,否\n3,北京,是\n")
    with use_language("zh"):
        preprocessing = TablePreprocessing.fit(rows, "好")
    assert preprocessing.feature_names == ("价格", "城市=上海", "城市=北京")
    assert preprocessing.reason == "分类：好 是文字，共 2 种"


@pytest.mark.parametrize(
    ("name", "cells", "reason", "note"),
    [
        ("x", [""] * 12, "empty", "x is left out: it is empty"),
        ("x", ["", "?", "NA"] * 4, "empty", "it is empty"),
        ("x", ["5"] * 12, "constant", "the same in every row"),
        ("x", [f"name {i}" for i in range(12)], "identifier", "it names the rows"),
        ("ID", [str(i) for i in range(7, 19)], "row number", "it counts the rows"),
        ("", [str(i) for i in range(12)], "row number", "unnamed 1 is left out"),
        ("x", [f"2024-05-{i:02}" for i in range(1, 13)], "date", "dates are not turned into"),
    ],
)
def test_columns_that_tell_nothing_are_dropped_and_said(name, cells, reason, note):
    dropped, notes = fitted(name, cells)
    assert (dropped.kind, dropped.reason) == ("dropped", reason)
    assert note in notes[0]


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", [str(i) for i in range(12)], "number"),  # counts, but has no name of a row number
        ("id", [str(i * i) for i in range(12)], "number"),  # does not count
        ("x", ["red", "green", "blue"], "category"),  # all different, but few
        ("x", ["true", "false"] * 6, "category"),
        ("x", ["0", "1"] * 6, "number"),
        ("x", ["", "5"] * 6, "number"),  # one number, but missing ones tell something
        ("x", ["007", "008"] * 6, "category"),
    ],
)
def test_columns_that_may_tell_something_are_kept(name, cells, kind):
    kept, notes = fitted(name, cells)
    assert kept.kind == kind
    assert notes == ()


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["2024-05-01", "2024-05-02"] * 6, "x holds dates: each is taken as a word"),
        (["1", "2", "3", "4 or more"] * 4, "it holds not only numbers but also 4 or more"),
        (["1,234", "5,678"] * 6, "numbers such as 1,234 can be read in two ways"),
        (["1,234.5", "12"] * 6, "the comma in 1,234.5 is read as a separator of thousands"),
        (["1,5", "12"] * 6, "the comma in 1,5 is read as a decimal comma"),
        (["1", "inf", "-Infinity"] * 4, r"x: infinite numbers (8) count as missing"),
        ([f"w{i % 60}" for i in range(120)], "x holds 60 different words: the 50 most frequent"),
    ],
)
def test_what_a_user_may_not_expect_is_said(cells, note):
    kept, notes = fitted("x", cells)
    assert kept.features
    assert note in notes[0]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [*(str(i) for i in range(20)), "2O"],
            "line 22: 20 of 21 cells .* are numbers, but not 2O",
        ),
        ([f"{i},{100 + i}" for i in range(1, 15)], "such as 1,101 can be read in two ways"),
    ],
)
def test_broken_numbers_are_not_taken_for_names_of_rows(cells, message):
    with pytest.raises(FileFormatError, match=message):
        fitted("x", cells)


def test_a_table_with_nothing_to_learn_from_is_refused_with_the_reasons():
    with pytest.raises(FileFormatError, match=r"no column to learn from. x is left out: it is the"):
        TablePreprocessing.fit(table("x,y\n1,a\n1,b\n"), "y")


def test_a_single_training_row_is_refused():
    with pytest.raises(RangeError, match="at least 2 rows are needed"):
        TablePreprocessing.fit(table("x,y\n1,a\n2,b\n"), "y", rows=[0])


def test_new_rows_need_the_columns_of_training_but_not_the_target():
    preprocessing = TablePreprocessing.fit(table(ROWS), "price")
    assert preprocessing.encode(table("colour,size\nred,2\n")).tolist() == [[0, 0, 0, 1]]
    with pytest.raises(FileFormatError, match=r"lacks columns .* in training: colour"):
        preprocessing.encode(table("size\n2\n"))
    with pytest.raises(FileFormatError, match="has columns that were not there in training: mass"):
        preprocessing.encode(table("size,colour,mass\n2,red,1\n"))


def test_columns_that_were_dropped_may_be_absent_from_new_rows():
    rows = table("x,same,y\n1,k,a\n2,k,b\n")
    preprocessing = TablePreprocessing.fit(rows, "y")
    assert len(preprocessing.encode(table("x\n1\n"))) == 1
    assert len(preprocessing.encode(table("x,same\n1,other\n"))) == 1


def test_json_and_back_prepares_rows_in_the_same_way():
    rows = table(ROWS)
    preprocessing = TablePreprocessing.fit(rows, "price")
    again = TablePreprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
    assert again == preprocessing
    np.testing.assert_array_equal(again.encode(rows), preprocessing.encode(rows))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "digit"}, "run.json.kind must be 'table', got 'digit'"),
        ({"version": 2}, "run.json.version must be 1 ... 1, got 2"),
        ({"columns": []}, "do not fit together"),
        ({"columns": [3]}, r"run.json.columns\[0\] must be an object"),
        ({"target": None}, "run.json.target must be an object"),
        ({"more": 1}, "the field more is not known"),
    ],
)
def test_damaged_json_is_named(change, message):
    record = TablePreprocessing.fit(table(ROWS), "price").to_json()
    with pytest.raises(FileFormatError, match=message):
        TablePreprocessing.from_json({**record, **change}, "run.json")


def test_json_with_a_column_named_like_the_target_is_refused():
    record = TablePreprocessing.fit(table(ROWS), "price").to_json()
    record["target"]["name"] = "size"
    with pytest.raises(FileFormatError, match="do not fit together"):
        TablePreprocessing.from_json(record)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_only_our_own_errors_come_from_changed_json(data):
    text = json.dumps(TablePreprocessing.fit(table(ROWS), "price").to_json())
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from('0-"e9,[]{}nt')) + text[place + 1 :]
    try:
        record = json.loads(changed)
    except json.JSONDecodeError:
        return
    try:
        x = TablePreprocessing.from_json(record).encode(table(ROWS))
    except LunziError:
        return
    assert np.isfinite(x).all()


CELLS = st.sampled_from(
    ["", "1", "2.5", "-3e5", "1e99", "a", "b", "1,5", "1,234", "inf", "2024-01-02"]
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(CELLS, CELLS, st.sampled_from(["1", "2,5", "3.5", "1,234.5", "1e99", "x"])),
        min_size=1,
        max_size=30,
    )
)
def test_any_table_is_refused_by_us_or_becomes_finite_numbers(rows):
    content = "\n".join(["p,q,t", *(",".join(f'"{cell}"' for cell in row) for row in rows)])
    whole = table(content)
    try:
        preprocessing = TablePreprocessing.fit(whole, "t")
    except LunziError:
        return
    x = preprocessing.encode(whole)
    assert x.shape == (len(rows), preprocessing.inputs)
    assert np.isfinite(x).all()
    assert np.isfinite(preprocessing.encode_target(whole)).all()
    assert (
        TablePreprocessing.from_json(json.loads(json.dumps(preprocessing.to_json())))
        == preprocessing
    )


ADULT = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]


def test_adult_is_prepared(shared_data):
    rows = read_table(shared_data("adult/adult.data"), column_names=ADULT)
    preprocessing = TablePreprocessing.fit(rows, "income")
    assert preprocessing.target.classes == ("<=50K", ">50K")
    kinds = [column.kind for column in preprocessing.columns]
    assert (kinds.count("number"), kinds.count("category")) == (6, 8)
    assert "workclass: missing" in preprocessing.feature_names
    assert np.abs(preprocessing.encode(rows)).max() <= 10


def test_california_housing_is_prepared(shared_data):
    rows = read_table(shared_data("california-housing/housing.csv"))
    preprocessing = TablePreprocessing.fit(rows, "median_house_value")
    assert preprocessing.target.task == "regression"
    # 8 numbers, one of them with missing values, and 5 categories
    assert preprocessing.inputs == 14
    x = preprocessing.encode(rows)
    np.testing.assert_allclose(x[:, :9].mean(axis=0)[[0, 1, 2, 3, 8]], 0, atol=1e-4)
