import math

import pytest

from lunzi.data.cells import is_date, is_missing, is_number, number_style, parse_number


@pytest.mark.parametrize("cell", ["0", "12", "-3", "+4.5", ".5", "1.", "1e5", "2.5E-3", "0.07"])
def test_numbers_are_seen(cell):
    assert is_number(cell)
    assert parse_number(cell, "plain") == float(cell)


@pytest.mark.parametrize(
    "cell",
    ["007", "1_000", "12a", "0x1F", "1 2", "１２", "--1", ".", "e5", "12%", "inf", "nan", ""],
)
def test_codes_and_other_texts_are_no_numbers(cell):
    assert not is_number(cell)


@pytest.mark.parametrize("cell", ["", "?", "NA", "n/a", "NaN", "NULL", "#N/A"])
def test_missing_values_are_seen_among_words_and_numbers(cell):
    assert is_missing(cell, None)
    assert is_missing(cell, "plain")


@pytest.mark.parametrize("cell", ["-", "none", "None", "inf", "-Infinity"])
def test_some_words_mean_missing_among_numbers_only(cell):
    assert not is_missing(cell, None)
    assert math.isnan(parse_number(cell, "plain"))


@pytest.mark.parametrize("cell", ["1e999", "-1e101"])
def test_numbers_too_large_to_be_squared_count_as_missing(cell):
    assert math.isnan(parse_number(cell, "plain"))


@pytest.mark.parametrize(
    ("cells", "style"),
    [
        (["1", "2.5", "", "?"], "plain"),
        (["1", "x"], None),
        (["", "NA"], None),
        (["01", "02"], None),
        (["1,234,567", "12"], "groups"),
        (["1,234", "1,234.5"], "groups"),
        (["1,5", "2"], "decimal comma"),
        (["0,123"], "decimal comma"),
        (["1,234"], None),
        (["1,234", "999"], None),
        (["1,5", "1.5"], None),
        (["12,34,567"], None),
    ],
)
def test_a_comma_makes_numbers_only_where_one_reading_is_possible(cells, style):
    assert number_style(cells) == style


def test_each_style_is_parsed_in_its_way():
    assert parse_number("-1,234.5", "groups") == -1234.5
    assert parse_number("1,234", "decimal comma") == 1.234
    assert parse_number("1,5e3", "decimal comma") == 1500


def test_what_is_no_number_is_not_parsed():
    with pytest.raises(ValueError, match="1,234"):
        parse_number("1,234", "plain")


@pytest.mark.parametrize(
    "cell",
    ["2024-05-31", "2024/5/1", "2024-05-31T12:00", "31.05.2024", "5/31/24 14:00", "2024年5月31日"],
)
def test_dates_are_seen(cell):
    assert is_date(cell)


@pytest.mark.parametrize("cell", ["2024", "1.2.3", "2024-05/31", "May", "12-34"])
def test_other_texts_are_no_dates(cell):
    assert not is_date(cell)
