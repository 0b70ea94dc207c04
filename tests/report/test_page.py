import base64
import hashlib
import re

import pytest

from lunzi.report.markup import element
from lunzi.report.page import STYLE, Page, Section


def page(**options):
    fields = {"title": "A <page>", "language": "en", "opening": element("h1", "Hello")}
    return Page(**(fields | options))


def policy(markup):
    (found,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', markup)
    return found.replace("&#x27;", "'")


def test_the_policy_allows_nothing_but_the_style_sheet_and_pictures_inside():
    markup = page().html()
    style = markup[markup.index("<style>") + 7 : markup.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy(markup).split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_style_sheet_loads_nothing_and_cannot_end_early():
    assert "</" not in STYLE
    assert not re.search(r"url\(|@import|expression|image-set", STYLE)


def test_the_page_begins_as_html_in_utf_8():
    assert page().html().startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_the_page_says_its_language(parse, language, tag):
    (root,) = parse(page(language=language).html()).all("html")
    assert root.attributes["lang"] == tag


def test_the_title_is_escaped(parse):
    assert parse(page().html()).texts("title") == ["A <page>"]


def test_the_page_fits_a_telephone_and_both_schemes(parse):
    named = {
        meta.attributes.get("name"): meta.attributes["content"]
        for meta in parse(page().html()).all("meta")
        if "content" in meta.attributes
    }
    assert named["viewport"] == "width=device-width, initial-scale=1"
    assert named["color-scheme"] == "light dark"
    assert "prefers-color-scheme: dark" in STYLE


def test_sections_have_headings(parse):
    sections = [Section("One", element("p", "a")), Section("Two", element("p", "b"))]
    document = parse(page(sections=sections, footer="end").html())
    assert document.texts("h2") == ["One", "Two"]
    assert document.texts("footer") == ["end"]


def test_writes_the_file_whole(tmp_path):
    path = tmp_path / "数据 集" / "report.html"
    path.parent.mkdir()
    page().write(path)
    assert path.read_text(encoding="utf-8") == page().html()
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
