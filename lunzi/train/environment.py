"""What the bits of a run depend on besides its program and data."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from lunzi.version import __version__

# As OpenBLAS reads them: the first that is set to a number above 0 counts.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def environment() -> dict[str, str]:
    """Versions, processor features and threads: equal ones give equal bits."""
    build: dict[str, Any] = np.show_config(mode="dicts")  # type: ignore[assignment]  # a dict in this mode
    blas = build.get("Build Dependencies", {}).get("blas", {})
    return {
        "lunzi": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": np.__version__,
        "blas": f"{blas.get('name', '?')} {blas.get('version', '?')}",
        "system": platform.system(),
        "machine": platform.machine(),
        "processor features": " ".join(build.get("SIMD Extensions", {}).get("found", [])),
        "threads": str(blas_threads()),
    }


def blas_threads() -> int:
    """How many threads NumPy's matrix products use, as far as its settings tell."""
    cores = available_cores()
    for variable in THREAD_VARIABLES:
        value = os.environ.get(variable, "")
        if value.isascii() and value.isdigit() and int(value) > 0:
            return min(int(value), cores)
    return cores


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """What has changed between two environments, in words."""
    return [
        f"{name} {before.get(name, '?')} -> {now.get(name, '?')}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]


def versions() -> dict[str, str]:
    """Versions for a report."""
    return {"Lunzi": __version__, "Python": platform.python_version(), "NumPy": np.__version__}
