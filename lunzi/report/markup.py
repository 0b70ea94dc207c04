"""HTML that is safe by construction: text is always escaped, tags and attributes are listed.

The only way from a string to markup is `element`, which escapes it. What is not on the two
lists below cannot be written at all, so that no name in a user's data becomes a script, an
address or a style.
"""

import html
import math
import re
from dataclasses import dataclass

from lunzi.core.errors import RangeError

DOCUMENT_TAGS = {"html", "head", "meta", "title", "body", "main", "header", "footer"}
BLOCK_TAGS = {"section", "h1", "h2", "p", "div", "pre", "details", "summary", "figure"}
LIST_TAGS = {"ul", "ol", "li", "dl", "dt", "dd"}
TEXT_TAGS = {"span", "strong", "code", "figcaption", "img"}
TABLE_TAGS = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
DRAWING_TAGS = {"svg", "g", "path", "line", "rect", "circle", "text"}
TAGS = DOCUMENT_TAGS | BLOCK_TAGS | LIST_TAGS | TEXT_TAGS | TABLE_TAGS | DRAWING_TAGS
VOID_TAGS = {"meta", "img"}

DOCUMENT_ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv"}
TEXT_ATTRIBUTES = {"class", "scope", "role", "tabindex", "aria-label", "aria-hidden", "alt", "src"}
DRAWING_ATTRIBUTES = {"viewBox", "preserveAspectRatio", "width", "height", "d", "text-anchor"}
PLACE_ATTRIBUTES = {"x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r"}
ATTRIBUTES = DOCUMENT_ATTRIBUTES | TEXT_ATTRIBUTES | DRAWING_ATTRIBUTES | PLACE_ATTRIBUTES

SOURCE_START = "data:image/png;base64,"

# Half a surrogate pair (from a file name that is not UTF-8) cannot be encoded, and control
# characters are not allowed in HTML.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Html:
    """Markup that needs no more escaping. Made by `element` and `join` from plain strings."""

    markup: str


Content = Html | str | None
Attribute = str | int | float | None


def element(tag: str, /, *content: Content, **attributes: Attribute) -> Html:
    """One element. Strings inside it are escaped; None is left out.

    In the names of attributes a last underscore is dropped and others become hyphens, so that
    `class_` is `class` and `aria_label` is `aria-label`. Floats are written with 2 decimals
    at most.

    Raises:
        RangeError: for a tag or an attribute that is not on the list, or an infinite number.

    >>> element("td", "<script>", class_="number").markup
    '<td class="number">&lt;script&gt;</td>'
    """
    if tag not in TAGS:
        raise RangeError(f"<{tag}> is not one of the tags that a page may hold")
    written = "".join(
        _attribute(name.rstrip("_").replace("_", "-"), value)
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID_TAGS:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*content).markup}</{tag}>")


def join(*content: Content) -> Html:
    """The contents one after the other."""
    return Html("".join(_markup(part) for part in content if part is not None))


def escape(text: str) -> str:
    """Text as it may stand inside an element or a quoted attribute."""
    return html.escape(UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def _markup(content: Html | str) -> str:
    return content.markup if isinstance(content, Html) else escape(content)


def _attribute(name: str, value: str | int | float) -> str:
    if name not in ATTRIBUTES:
        raise RangeError(f"{name!r} is not one of the attributes that a page may hold")
    written = value if isinstance(value, str) else short_number(value)
    if name == "src" and not written.startswith(SOURCE_START):
        raise RangeError(f"a picture must be a PNG inside the page, got {written[:40]!r}")
    return f' {name}="{escape(written)}"'


def short_number(value: float) -> str:
    """A coordinate with 2 decimals at most, without trailing zeros.

    >>> short_number(12.5), short_number(3.0), short_number(-0.001)
    ('12.5', '3', '0')
    """
    if not math.isfinite(value):
        raise RangeError(f"a coordinate must be finite, got {value}")
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written
