"""JSON as the standard has it: no name twice, no NaN, no number that loses its value."""

import json
import math
from collections.abc import Sequence
from typing import Any

from lunzi.core.errors import FileFormatError
from lunzi.files.problems import damaged, shown
from lunzi.messages import text

LONGEST_INTEGER = 19  # digits: all of int64


def strict_json(source: str, path: str, place: str) -> Any:
    """The value of a JSON text that came from a file.

    Args:
        source: the text.
        path: the file, for the error.
        place: where in the file the text stands, for the error.

    Raises:
        FileFormatError: when it is not JSON, or says a name twice, or holds NaN, an infinity,
            an integer of more than 19 digits, or half a character (a lone surrogate).
    """

    def refuse(reason: str, **fields: object) -> FileFormatError:
        return damaged(
            "files.not_json", path, place=place, reason=text(f"files.json.{reason}", **fields)
        )

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, value in pairs:
            if name in result:
                raise refuse("twice", name=shown(name))
            result[name] = value
        return result

    def integer(digits: str) -> int:
        if len(digits.lstrip("-")) > LONGEST_INTEGER:
            raise refuse("number", number=shown(digits))
        return int(digits)

    def finite(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise refuse("number", number=shown(digits))
        return value

    try:
        value = json.loads(
            source,
            object_pairs_hook=unique,
            parse_int=integer,
            parse_float=finite,
            parse_constant=finite,
        )
        # JSON can spell a lone surrogate, "\ud800", which is no character: nothing can print it.
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise refuse("syntax", position=error.pos) from None
    except UnicodeEncodeError:
        raise refuse("surrogate") from None
    except RecursionError:
        raise refuse("depth") from None
    return value
