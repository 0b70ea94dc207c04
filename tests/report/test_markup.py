import math

import pytest

from lunzi.core.errors import RangeError
from lunzi.report.markup import Html, element, escape, join, short_number


def test_text_is_escaped():
    assert element("p", "<b> & \"'").markup == "<p>&lt;b&gt; &amp; &quot;&#x27;</p>"


def test_attributes_are_escaped():
    markup = element("td", class_='"><script>').markup
    assert markup == '<td class="&quot;&gt;&lt;script&gt;"></td>'


def test_html_is_not_escaped_again():
    assert element("p", element("strong", "&")).markup == "<p><strong>&amp;</strong></p>"


def test_none_is_left_out():
    assert element("p", None, "a", class_=None).markup == "<p>a</p>"


def test_joins_text_and_elements():
    assert join("<", Html("<p></p>"), None) == Html("&lt;<p></p>")


@pytest.mark.parametrize("tag", ["script", "iframe", "a", "link", "object", "style", "p onclick=x"])
def test_refuses_a_tag_that_is_not_on_the_list(tag):
    with pytest.raises(RangeError, match="not one of the tags"):
        element(tag)


@pytest.mark.parametrize("name", ["onclick", "style", "href", "srcdoc", "id"])
def test_refuses_an_attribute_that_is_not_on_the_list(name):
    with pytest.raises(RangeError, match="not one of the attributes"):
        element("p", **{name: "x"})


@pytest.mark.parametrize("source", ["https://example.org/a.png", "data:text/html,x", "a.png"])
def test_refuses_a_picture_from_elsewhere(source):
    with pytest.raises(RangeError, match="must be a PNG inside the page"):
        element("img", src=source)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_refuses_a_coordinate_that_is_not_finite(value):
    with pytest.raises(RangeError, match="must be finite"):
        element("rect", x=value)


@pytest.mark.parametrize(
    ("value", "written"), [(1, "1"), (1.0, "1"), (100.0, "100"), (0.126, "0.13"), (-0.001, "0")]
)
def test_a_coordinate_is_short(value, written):
    assert short_number(value) == written


def test_what_cannot_stand_in_a_page_is_replaced():
    assert escape("a\x00b\udcffc\x1b[0m\n") == "a\ufffdb\ufffdc\ufffd[0m\n"
    escape("\ud800").encode()
