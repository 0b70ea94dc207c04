import pytest

from lunzi import FileFormatError
from lunzi.files.strict_json import strict_json
from lunzi.messages import use_language


def read(source):
    return strict_json(source, "model.safetensors", "the header")


def test_ordinary_json_is_read():
    assert read('{"a": [1, -2.5e3, true, null, "车轮"], "b": {}}') == {
        "a": [1, -2500.0, True, None, "车轮"],
        "b": {},
    }


REFUSED = [
    ("", "at character 0", "第 0 个字符"),
    ('{"a": 1', "at character 7", "第 7 个字符"),
    ("{'a': 1}", "at character 1", "第 1 个字符"),
    ('{"a": 1} x', "at character 9", "第 9 个字符"),
    ('{"a": 1, "a": 1}', "the name 'a' stands there twice", "名称 'a' 出现了两次"),
    ('{"x": {"b": 1, "b": 2}}', "the name 'b' stands there twice", "名称 'b' 出现了两次"),
    ("[NaN]", "NaN", "NaN"),
    ("[Infinity]", "Infinity", "Infinity"),
    ("[-Infinity]", "-Infinity", "-Infinity"),
    ("[1e999]", "1e999", "1e999"),
    ("[12345678901234567890]", "12345678901234567890", "12345678901234567890"),
    ("[" + "9" * 100_000 + "]", "999...", "999..."),
    (r'["\ud800"]', "half of a character", "半个字符"),
    ("[" * 200_000 + "]" * 200_000, "nested too deeply", "嵌套得太深"),
]


@pytest.mark.parametrize(("source", "english", "chinese"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_strict_json_is_refused_with_the_reason(source, english, chinese):
    for language, expected in (("en", english), ("zh", chinese)):
        with use_language(language), pytest.raises(FileFormatError) as caught:
            read(source)
        message = str(caught.value)
        assert expected in message
        assert message.startswith("model.safetensors")
        assert len(message) < 250


def test_the_integers_of_int64_are_read():
    assert read("[9223372036854775807, -9223372036854775808]") == [2**63 - 1, -(2**63)]
