"""docs/terms.csv is the one source of terms: the Chinese texts must use what it says."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lunzi.messages import TABLE

TERMS = Path(__file__).parents[2] / "docs" / "terms.csv"
FIELD = re.compile(r"\{[^{}]*\}")
CODE = re.compile(r"`[^`]*`|--[\w-]+|\w+(?:\.\w+)+(?:\([^)]*\))?|\w+\(\)")

# (code, term) -> why the Chinese text says it with another word
EXCEPTIONS = {
    ("data.wav_silent", "sample"): "a sample of a sound, one number of a recording, is 采样",
    ("data.wav_not_finite", "sample"): "a sample of a sound, one number of a recording, is 采样",
    ("files.pickle", "state"): "a variable in a line of Python",
}


def read_terms() -> dict[str, str]:
    with TERMS.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["English", "中文"]
    return dict(rows)


def terms_in(english: str) -> Iterator[str]:
    """The terms that occur as whole words outside code, the longest first."""
    rest = CODE.sub("#", FIELD.sub("#", english))
    for term in sorted(read_terms(), key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(term)}(?:s|es)?(?![\w-])"
        if re.search(pattern, rest, re.IGNORECASE):
            yield term
            rest = re.sub(pattern, "#", rest, flags=re.IGNORECASE)


def test_there_are_terms_for_the_whole_field():
    assert len(read_terms()) >= 120


def test_the_terms_are_sorted_and_each_stands_once():
    with TERMS.open(encoding="utf-8", newline="") as file:
        english = [row[0] for row in list(csv.reader(file))[1:]]
    assert english == sorted(english, key=str.casefold)
    assert len({term.casefold() for term in english}) == len(english)


def test_no_term_is_empty_or_padded():
    for english, chinese in read_terms().items():
        assert english == english.strip() != ""
        assert chinese == chinese.strip() != ""


@pytest.mark.parametrize("code", TABLE)
def test_a_chinese_text_uses_the_terms(code):
    english, chinese = TABLE[code]
    wrong = {
        term: read_terms()[term]
        for term in terms_in(english)
        if read_terms()[term] not in chinese and (code, term) not in EXCEPTIONS
    }
    assert not wrong, f"{english!r} has the terms {wrong}, but in Chinese it says {chinese!r}"


def test_the_exceptions_are_needed():
    for code, term in EXCEPTIONS:
        english, chinese = TABLE[code]
        assert term in terms_in(english), f"{code} does not contain {term!r}"
        assert read_terms()[term] not in chinese, f"{code} says {term!r} with its own word"


def test_a_longer_term_stands_for_the_shorter_one_inside():
    assert list(terms_in("The learning rates of {layer} and the loss")) == ["learning rate", "loss"]
