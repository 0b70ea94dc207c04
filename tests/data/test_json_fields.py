import pytest

from lunzi.core.errors import FileFormatError
from lunzi.data.json_fields import Fields

RECORD = {
    "text": "a",
    "flag": True,
    "whole": 3,
    "number": 1.5,
    "texts": ["a", "b"],
    "numbers": [1, 2.5],
    "object": {"x": 1},
    "objects": [{"x": 1}],
}


def test_each_kind_of_field_is_taken_out():
    fields = Fields(RECORD, "run.json")
    assert fields.string("text") == "a"
    assert fields.flag("flag") is True
    assert fields.whole("whole", 0, 5) == 3
    assert fields.number("number") == fields.positive("number") == 1.5
    assert fields.strings("texts") == ("a", "b")
    assert fields.numbers("numbers") == (1, 2.5)
    assert fields.object("object").whole("x", 0, 1) == 1
    assert [inner.values for inner in fields.objects("objects")] == [{"x": 1}]
    assert fields.choice("text", ["a", "b"]) == "a"


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda f: f.string("none"), "run.json: the field none is missing"),
        (lambda f: f.string("flag"), 'run.json.flag must be "...", got True'),
        (lambda f: f.flag("whole"), r"run.json.whole must be true \| false, got 3"),
        (lambda f: f.whole("flag", 0, 5), "run.json.flag must be 0 ... 5, got True"),
        (lambda f: f.whole("whole", 4, 5), "must be 4 ... 5, got 3"),
        (lambda f: f.number("flag"), "must be a finite number, got True"),
        (lambda f: f.number("text"), "must be a finite number, got 'a'"),
        (lambda f: f.number("number", 2, 3), "must be 2 ... 3, got 1.5"),
        (lambda f: f.strings("numbers"), r'run.json.numbers\[0\] must be "...", got 1'),
        (lambda f: f.strings("text"), r"run.json.text must be a list \[...\], got 'a'"),
        (lambda f: f.object("text"), "must be an object {...}, got 'a'"),
        (lambda f: f.choice("text", ["b"]), "run.json.text must be 'b', got 'a'"),
        (lambda f: f.choice("texts", ["b"]), "run.json.texts must be 'b', got"),
        (lambda f: f.only("text"), "run.json: the field flag is not known"),
        (lambda f: f.object("object").only("x", "y"), "run.json.object: the field y is missing"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(take, message):
    with pytest.raises(FileFormatError, match=message):
        take(Fields(RECORD, "run.json"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -1, 0])
def test_a_scale_must_be_a_finite_number_above_zero(value):
    with pytest.raises(FileFormatError, match=r"run.json.scale must be"):
        Fields({"scale": value}, "run.json").positive("scale")


def test_a_long_value_is_shortened_in_the_message():
    with pytest.raises(FileFormatError, match=r"got 'x{36}\.\.\."):
        Fields("x" * 1000, "run.json")
