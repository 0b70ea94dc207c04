"""Reading pages back: what a browser would find in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from lunzi.messages import use_language

VOID = {"meta", "img"}


@dataclass
class Element:
    """A start tag and the text that stands inside it, at any depth."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Document:
    """All elements of a page in the order of their start tags."""

    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, class_: str | None = None) -> list[Element]:
        """The elements with this tag, and with this class if one is given."""
        return [
            element
            for element in self.elements
            if element.tag == tag
            and (class_ is None or class_ in element.attributes.get("class", "").split())
        ]

    def texts(self, tag: str, class_: str | None = None) -> list[str]:
        """The texts of those elements."""
        return [element.text for element in self.all(tag, class_)]


class Reader(HTMLParser):
    """Builds a Document and insists on well-formed nesting."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.document.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read(markup: str) -> Document:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert not reader.open
    return reader.document


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Pages are in English where a test does not say otherwise."""
    with use_language("en"):
        yield


@pytest.fixture
def parse() -> Callable[[str], Document]:
    """Markup -> Document."""
    return read
