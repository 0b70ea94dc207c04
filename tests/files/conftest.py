"""Files made by hand, so that each can be wrong in one way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Forge = Callable[..., Path]


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """Writes `model.safetensors` from a header (JSON value, text or bytes) and the numbers."""

    def write(header: Any, data: bytes = b"", length: int | None = None) -> Path:
        if not isinstance(header, bytes):
            text = header if isinstance(header, str) else json.dumps(header)
            header = text.encode()
        path = tmp_path / "model.safetensors"
        size = len(header) if length is None else length
        path.write_bytes(size.to_bytes(8, "little") + header + data)
        return path

    return write
