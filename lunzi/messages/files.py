"""Messages about model files: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
}
