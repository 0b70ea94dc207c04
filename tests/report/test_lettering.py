import pytest

from lunzi.report.lettering import cells, shortened


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("轮", 2), ("a轮（", 5), ("e\u0301", 1)]
)
def test_a_chinese_character_is_as_wide_as_two_letters(text, width):
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("信息传输", 5, "信息…"), ("ab cd", 4, "ab…")],
)
def test_a_text_is_shortened_to_its_cells(text, most, short):
    assert shortened(text, most) == short
    assert cells(short) <= most
