"""Messages about the command line: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
}
