"""Messages about training and checkpoints: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
}
