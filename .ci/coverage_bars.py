"""Hold the coverage of core, nn and optim against its bars: `coverage_bars.py coverage.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOMS = ("core", "nn", "optim")
LEAST_LINES, LEAST_BRANCHES = 1.0, 0.95


def main() -> int:
    files = json.loads(Path(sys.argv[1]).read_text("utf-8"))["files"]
    holds = True
    for room in ROOMS:
        names = sorted(name for name in files if Path(name).parts[:2] == ("lunzi", room))
        lines = share(files, names, "covered_lines", "num_statements")
        branches = share(files, names, "covered_branches", "num_branches")
        good = bool(names) and lines >= LEAST_LINES and branches >= LEAST_BRANCHES
        print(f"{'holds' if good else 'FAILS'}  {room}: lines {lines:.2%}, branches {branches:.2%}")
        for name in names:
            missing = files[name]["missing_lines"]
            if missing:
                print(f"       {name}: lines {', '.join(map(str, missing))} never run")
        holds &= good
    return 0 if holds else 1


def share(files: dict, names: list[str], part: str, whole: str) -> float:
    """The share of lines or branches that ran, over the files of a room."""
    total = sum(files[name]["summary"][whole] for name in names)
    return sum(files[name]["summary"][part] for name in names) / total if total else 1.0


if __name__ == "__main__":
    sys.exit(main())
