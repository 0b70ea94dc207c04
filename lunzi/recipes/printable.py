"""Text of a user's file as it may be sent to a terminal."""


def printable(written: str) -> str:
    """The text without what would steer a terminal.

    >>> printable("price\\x1b[2J")
    'price�[2J'
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in written)
