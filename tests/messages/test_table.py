"""The table of messages is complete, and both of its languages say the same."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import lunzi
from lunzi.messages import TABLE, commands, data, files, reports, text, training, use_language

SUBJECTS = {
    "commands": commands,
    "data": data,
    "files": files,
    "reports": reports,
    "training": training,
}
CODE = re.compile(r"[a-z]+(\.[A-Za-z0-9]+(_[A-Za-z0-9]+)*)+")
PROJECT = "Lunzi:深度学习轮子"  # the name as it is written in Chinese texts
ROOT = Path(lunzi.__file__).parent
MESSAGES = ROOT / "messages"

every_code = pytest.mark.parametrize("code", TABLE)


def fields(template: str) -> set[tuple[str, str, str]]:
    """Name, format and conversion of each field."""
    return {
        (name, style or "", conversion or "")
        for _, name, style, conversion in Formatter().parse(template)
        if name is not None
    }


def sources() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(MESSAGES)
    }


def strings_in_source() -> set[str]:
    return {
        node.value
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def beginnings_in_source() -> tuple[str, ...]:
    """What f-strings for a code begin with, such as `training.column.` or `data.asked_`."""
    starts = {
        node.values[0].value
        for tree in sources().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and node.values
        if isinstance(node.values[0], ast.Constant)
    }
    return tuple(start for start in starts if re.fullmatch(r"[a-z]+\.\w+[._]", start))


def called(call: ast.Call) -> str:
    """`text` of both `text(...)` and `messages.text(...)`."""
    match call.func:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def calls_of_text() -> list[tuple[str, str, set[str] | None]]:
    """(place, code, names of the fields; None where they come as `**fields`) of each call."""
    found = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            code = node.args[0]
            if called(node) == "text" and isinstance(code, ast.Constant):
                names = [keyword.arg for keyword in node.keywords]
                given = None if None in names else {name for name in names if name}
                found.append((f"{path.name}:{node.lineno}", code.value, given))
    return found


@every_code
def test_a_code_is_a_subject_and_a_name(code):
    assert CODE.fullmatch(code), code


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_code_stands_in_the_file_of_its_subject(subject):
    assert all(code.startswith(f"{subject}.") for code in SUBJECTS[subject].TABLE)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_code_is_written_twice(subject):
    tree = ast.parse((MESSAGES / f"{subject}.py").read_text(encoding="utf-8"))
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    codes = [key.value for table in tables for key in table.keys if isinstance(key, ast.Constant)]
    assert len(codes) == len(set(codes))


@every_code
def test_both_languages_have_a_text(code):
    english, chinese = TABLE[code]
    assert english.strip()
    assert chinese.strip()
    assert not re.search("[\u4e00-\u9fff]", english)


@every_code
def test_both_languages_have_the_same_fields(code):
    english, chinese = TABLE[code]
    assert {name for name, _, _ in fields(english)} == {name for name, _, _ in fields(chinese)}
    assert fields(english) == fields(chinese)


@every_code
def test_chinese_has_chinese_punctuation(code):
    english, chinese = TABLE[code]
    assert chinese[-1] not in ".!?:;,", chinese
    # Latin punctuation that touches a Chinese character belongs to the Chinese sentence.
    sentence = chinese.replace(PROJECT, "")
    assert not re.search("[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]", sentence), chinese
    assert english.endswith(".") == chinese.endswith("。"), (english, chinese)


def test_every_code_of_the_source_is_in_the_table():
    unknown = [(place, code) for place, code, _ in calls_of_text() if code not in TABLE]
    assert not unknown


def test_every_code_of_the_table_is_used():
    strings, beginnings = strings_in_source(), beginnings_in_source()
    unused = [code for code in TABLE if code not in strings and not code.startswith(beginnings)]
    assert not unused


def test_every_call_gives_the_fields_that_the_texts_have():
    wrong = [
        (place, code, given)
        for place, code, given in calls_of_text()
        if code in TABLE
        and given is not None
        and given != {re.split(r"[.\[]", name)[0] for name, _, _ in fields(TABLE[code][0])}
    ]
    assert not wrong


def test_a_text_comes_in_the_language_in_use():
    with use_language("en"):
        assert text("data.empty_file", path="a.csv") == "a.csv is empty."
        with use_language("zh"):
            assert text("data.empty_file", path="a.csv") == "文件 a.csv 是空的。"
        assert text("data.empty_file", path="a.csv") == "a.csv is empty."
