"""What Lunzi says to a person, in English and in Chinese, from one table.

Each message has a stable code, `subject.name`, and two texts with the same fields. The
language is that of `use_language`, else `LUNZI_LANGUAGE`, else the locale, else English.
Errors of programming (a wrong shape, a wrong argument) are raised by the rooms themselves, in
English; what a command prints, and what can go wrong with a user's file, stands here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

from lunzi.messages import commands, data, files, reports, training

Language = Literal["en", "zh"]
LANGUAGES: tuple[str, ...] = get_args(Language)

# code -> (English, Chinese)
TABLE: dict[str, tuple[str, str]] = {
    **data.TABLE,
    **files.TABLE,
    **training.TABLE,
    **reports.TABLE,
    **commands.TABLE,
}

_chosen: ContextVar[Language | None] = ContextVar("language", default=None)


def language() -> Language:
    """The language in use: "en" or "zh"."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    named = os.environ.get("LUNZI_LANGUAGE", "")
    if named in LANGUAGES:
        return "zh" if named == "zh" else "en"
    # The first of these that is set decides, as in POSIX.
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


@contextmanager
def use_language(chosen: Language | None) -> Iterator[None]:
    """Speak `chosen` inside a `with` block; None leaves the language as it is."""
    token = _chosen.set(chosen or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(token)


def text(code: str, /, **fields: object) -> str:
    """The message `code` in the language in use, with its fields filled in.

    >>> with use_language("en"):
    ...     text("data.empty_file", path="data.csv")
    'data.csv is empty.'
    """
    english, chinese = TABLE[code]
    return (chinese if language() == "zh" else english).format(**fields)
