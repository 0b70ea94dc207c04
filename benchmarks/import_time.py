"""What `import lunzi` adds to `import numpy`, and what it loads.

    python benchmarks/import_time.py [ROUNDS]

The bar: under 50 ms on top of NumPy, without llvmlite, matplotlib, scikit-learn, PyTorch, rich,
typer or pillow. Each import is timed in a fresh process with compiled files in place, as after a
first use; the two kinds go by turns.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile

MOST_ADDED_S = 0.050
HEAVY = ("llvmlite", "matplotlib", "sklearn", "torch", "rich", "typer", "PIL", "safetensors")
MEASURE = """
import json, sys, time
before = set(sys.modules)
start = time.process_time()
import {module}
spent = time.process_time() - start
print(json.dumps([spent, sorted({{n.partition(".")[0] for n in set(sys.modules) - before}})]))
"""


def imported(module: str, cache: str) -> tuple[float, list[str]]:
    """CPU seconds to import a module in a fresh process, and the packages that it loaded."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(module=module)],
        env=environment | {"PYTHONPYCACHEPREFIX": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, packages = json.loads(done.stdout)
    return seconds, packages


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as cache:
        loaded = imported("lunzi", cache)[1]  # also writes the compiled files of both
        pairs = [(imported("numpy", cache)[0], imported("lunzi", cache)[0]) for _ in range(rounds)]
    numpy_s, lunzi_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    added = statistics.median(ours - theirs for theirs, ours in pairs)
    print(f"{rounds} rounds, CPU time: numpy {numpy_s * 1e3:.0f} ms, lunzi {lunzi_s * 1e3:.0f} ms")
    heavy = [name for name in HEAVY if name in loaded]
    outside = [n for n in loaded if n not in sys.stdlib_module_names and not n.startswith("_")]
    print(f"loads, outside the standard library: {', '.join(outside)}")
    fast = added < MOST_ADDED_S
    light = not heavy
    print(f"{'holds' if fast else 'FAILS'}  under 50 ms on top of numpy: {added * 1e3:.0f} ms")
    print(f"{'holds' if light else 'FAILS'}  loads none of {', '.join(HEAVY)}")
    return 0 if fast and light else 1


if __name__ == "__main__":
    sys.exit(main())
