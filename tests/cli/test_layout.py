"""Text in cells: a Chinese character takes two."""

import pytest
from rich.cells import cell_len

from lunzi.cli.layout import decimal, in_columns, padded, wrapped


def test_lines_break_at_blanks_and_between_chinese_characters():
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("训练神经网络", 6) == ["训练神", "经网络"]
    assert wrapped("用 lunzi 训练", 8) == ["用 lunzi", "训练"]


def test_a_closing_mark_never_begins_a_line():
    assert wrapped("训练神。经网", 6) == ["训练", "神。经", "网"]


def test_a_word_that_is_too_long_stands_alone():
    assert wrapped("a incomprehensible b", 6) == ["a", "incomprehensible", "b"]


@pytest.mark.parametrize("width", range(4, 30))
def test_nothing_is_lost_and_nothing_is_too_wide(width):
    written = "训练神经网络（CSV 表格）并生成报告：`lunzi train`，或 a b c。"
    lines = wrapped(written, width)
    assert "".join(lines).replace(" ", "") == written.replace(" ", "")
    longest = cell_len("`lunzi")
    assert all(cell_len(line) <= max(width, longest + 4) for line in lines)


def test_padding_counts_cells():
    assert padded("价格", 6) == "价格  "
    assert padded("价格", 6, right=True) == "  价格"


def test_columns_align_where_characters_are_wide():
    lines = list(in_columns([("行", "价格"), ("10", "a")], (True, False)))
    assert lines == ["行  价格", "10  a"]


def test_what_would_steer_a_terminal_is_replaced():
    assert list(in_columns([("a\x1b[2J\r\n价",)], (False,))) == ["a�[2J��价"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (20.0, "20"),
        (0.1234567, "0.123457"),
        (1234567.8, "1234568"),
        (-12.5, "-12.5"),
        (100000.0, "100000"),
        (1e-7, "1e-07"),
        (1e20, "1e+20"),
        (999999.96, "1000000"),
    ],
)
def test_numbers_keep_six_digits_and_all_before_the_point(value, shown):
    assert decimal(value) == shown
