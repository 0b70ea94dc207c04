"""Messages about report pages: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
}
