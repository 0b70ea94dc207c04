"""A page: one HTML document that needs nothing but itself.

No script, no address, no style attribute: the content-security policy forbids all of them,
and allows the one style sheet by its hash and pictures that stand inside the page.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from lunzi.messages import Language
from lunzi.report.markup import Html, element
from lunzi.storage import write_whole

SHEETS = ("colours", "page", "drawings", "tables", "mistakes")
STYLE = "\n".join(
    resources.files("lunzi.report").joinpath("style", f"{name}.css").read_text(encoding="utf-8")
    for name in SHEETS
)
LANGUAGE_TAGS: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    body: Html


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole document.

    Args:
        title: of the window or tab.
        language: that its texts are in.
        opening: what stands above the sections, with the only first-level heading.
        sections: in the order in which they are read.
        footer: the last line.
    """

    title: str
    language: Language
    opening: Html
    sections: Sequence[Section] = ()
    footer: str = ""

    def html(self) -> str:
        """The document as text."""
        document = element("html", self._head(), self._body(), lang=LANGUAGE_TAGS[self.language])
        return f"<!DOCTYPE html>\n{document.markup}\n"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the document, whole or not at all."""
        write_whole(path, self.html())

    def _head(self) -> Html:
        return element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy(STYLE)),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", self.title),
            # A browser does not decode what stands in a style element: it goes in as it is.
            Html(f"<style>{STYLE}</style>"),
        )

    def _body(self) -> Html:
        sections = (
            element(
                "section",
                element("h2", section.heading),
                element("div", section.body, class_="body"),
            )
            for section in self.sections
        )
        return element(
            "body",
            element("main", element("header", self.opening), *sections),
            element("footer", self.footer) if self.footer else None,
        )


def policy(style: str) -> str:
    """The content-security policy of a page with this style sheet."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
