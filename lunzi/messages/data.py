"""Messages about reading data: code -> (English, Chinese)."""

TABLE: dict[str, tuple[str, str]] = {
    "data.empty_file": ("{path} is empty.", "文件 {path} 是空的。"),
}
