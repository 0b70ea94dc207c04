"""How wide a text is, where its width must be known before it is drawn."""

import unicodedata


def cells(text: str) -> int:
    """Width in Latin letters: a Chinese character counts 2, a combining mark 0.

    >>> cells("epoch"), cells("轮")
    (5, 2)
    """
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def shortened(text: str, most: int) -> str:
    """The text, or as much of its beginning as fits into `most` cells, with an ellipsis.

    >>> shortened("validation", 10), shortened("validation loss", 10)
    ('validation', 'validatio…')
    """
    if cells(text) <= most:
        return text
    while cells(text) >= most:
        text = text[:-1]
    return f"{text.rstrip()}…"
