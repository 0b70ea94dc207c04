"""Whole pages: nothing that a user's data says becomes markup, and nothing tells on the user."""

import os
import platform
import re
import socket

import numpy as np
import pytest

from lunzi.messages import use_language
from lunzi.report import ClassificationReport, Pictures, RegressionReport, Rows, RunFacts

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' style=\"x\"</style>&lt;"

PAGE_TAGS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer"}
TEXT_TAGS = {"section", "h1", "h2", "p", "div", "span", "strong", "pre", "code", "img"}
LIST_TAGS = {"ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "figure", "figcaption"}
TABLE_TAGS = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
DRAWING_TAGS = {"svg", "g", "path", "line", "rect", "circle", "text"}
TAGS = PAGE_TAGS | TEXT_TAGS | LIST_TAGS | TABLE_TAGS | DRAWING_TAGS
# The parser writes the names of attributes in small letters.
META_ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv"}
TEXT_ATTRIBUTES = {"class", "scope", "role", "tabindex", "aria-label", "aria-hidden", "alt", "src"}
DRAWING_ATTRIBUTES = {"viewbox", "preserveaspectratio", "width", "height", "d", "text-anchor"}
PLACE_ATTRIBUTES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"}
ATTRIBUTES = META_ATTRIBUTES | TEXT_ATTRIBUTES | DRAWING_ATTRIBUTES | PLACE_ATTRIBUTES

FACTS = RunFacts(
    command=["/home/anna/.venv/bin/lunzi", "train", f"/home/anna/{EVIL}", "--out=/home/anna/runs"],
    data=f"/home/anna/{EVIL}",
    network=EVIL,
    seed=0,
    settings={EVIL: EVIL},
    versions={EVIL: EVIL},
)
HISTORY = [{"epoch": 1, "loss": 1.0, EVIL: 2.0, f"validation {EVIL}": 1.0}] * 3


def pictures_report(**options):
    return ClassificationReport(
        title=EVIL,
        subtitle=EVIL,
        classes=[EVIL, f"{EVIL} 2", "类别"],
        truth=[0, 1, 2, 0],
        probabilities=np.full((4, 3), 1 / 3),
        history=HISTORY,
        best_epoch=2,
        samples=Pictures(np.zeros((4, 8, 8))),
        sample_names=[EVIL] * 4,
        facts=FACTS,
        **options,
    )


def rows_report(**options):
    classes = [f"{EVIL} {index}" for index in range(30)]
    return ClassificationReport(
        title=EVIL,
        classes=classes,
        truth=np.arange(90) % 30,
        probabilities=np.full((90, 30), 1 / 30),
        samples=Rows([EVIL, "价格"], [[EVIL, "1"]] * 90),
        facts=FACTS,
        **options,
    )


def regression_report(**options):
    return RegressionReport(
        title=EVIL,
        target=EVIL,
        truth=np.arange(20.0),
        predictions=np.arange(20.0) ** 1.1,
        history=HISTORY,
        samples=Rows([EVIL], [[EVIL]] * 20),
        sample_names=[EVIL] * 20,
        facts=FACTS,
        **options,
    )


every_report = pytest.mark.parametrize("make", [pictures_report, rows_report, regression_report])


@every_report
def test_what_the_data_says_stays_text(parse, make):
    document = parse(make().page().html())
    assert {element.tag for element in document.elements} <= TAGS
    names = {name for element in document.elements for name in element.attributes}
    assert names <= ATTRIBUTES
    assert document.texts("h1") == [EVIL]
    assert len(document.all("style")) == 1


@every_report
def test_classes_of_the_style_sheet_never_come_from_the_data(parse, make):
    for element in parse(make().page().html()).elements:
        assert re.fullmatch(r"[a-z0-9 -]*", element.attributes.get("class", ""))


@every_report
def test_nothing_is_loaded_from_elsewhere(parse, make):
    page = make()
    for element in parse(page.page().html()).elements:
        if "src" in element.attributes:
            assert re.fullmatch(r"data:image/png;base64,[\w+/=]+", element.attributes["src"])
    markup = page.page().html()
    assert not re.search(r"https?:|//|file:|url\(|@import|xlink|href", markup.replace("</", ""))


@every_report
def test_no_path_user_or_host_is_told(make, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "anna-host")
    monkeypatch.setattr(platform, "node", lambda: "anna-host")
    monkeypatch.setattr(os, "getcwd", lambda: "/home/anna")
    for variable in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "HOME"):
        monkeypatch.setenv(variable, "/home/anna")
    markup = make().page().html()
    assert "anna" not in markup
    assert "/home" not in markup


@every_report
def test_the_file_name_of_the_page_is_not_in_it(make, tmp_path):
    path = tmp_path / "b<script>.html"
    make().write(path)
    markup = path.read_text(encoding="utf-8")
    assert str(tmp_path) not in markup
    assert path.name not in markup


@every_report
def test_every_table_and_picture_is_said_in_words(parse, make):
    document = parse(make().page().html())
    assert document.all("table")
    assert all(head.attributes["scope"] in ("row", "col") for head in document.all("th"))
    assert len(document.all("caption")) == len(document.all("table"))
    assert all(image.attributes["alt"] for image in document.all("img"))
    for drawing in document.all("svg"):
        assert drawing.attributes.get("aria-label") or drawing.attributes.get("aria-hidden")
    for box in document.all("div", "scroll"):
        assert box.attributes["tabindex"] == "0"
        assert box.attributes["aria-label"]


@every_report
def test_a_page_has_one_first_heading_and_no_level_is_left_out(parse, make):
    levels = [int(e.tag[1]) for e in parse(make().page().html()).elements if e.tag in ("h1", "h2")]
    assert levels == [1] + [2] * (len(levels) - 1)


@every_report
def test_the_page_is_in_the_language_of_the_report(parse, make):
    chinese = parse(make(language="zh").page().html())
    assert chinese.all("html")[0].attributes["lang"] == "zh-Hans"
    assert chinese.texts("p", "kicker") == ["训练报告"]
    english = parse(make(language="en").page().html())
    assert not any(re.search("[\u4e00-\u9fff]", text) for text in english.texts("p"))


def test_without_one_the_language_in_use_is_taken(parse):
    with use_language("zh"):
        document = parse(pictures_report().page().html())
    assert document.texts("p", "kicker") == ["训练报告"]


def test_the_same_report_gives_the_same_bytes(tmp_path):
    pictures_report().write(tmp_path / "a.html")
    pictures_report().write(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_names_that_cannot_be_encoded_do_not_stop_the_report(tmp_path):
    report = RegressionReport(title="a\udcff\x00", target="x", truth=[1.0], predictions=[1.0])
    report.write(tmp_path / "report.html")
    assert "a\ufffd\ufffd" in (tmp_path / "report.html").read_text(encoding="utf-8")
