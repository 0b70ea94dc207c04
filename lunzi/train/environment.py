"""What the bits of a run depend on besides its program and data."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np

from lunzi.version import __version__

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def environment() -> dict[str, str]:
    """Versions, processor features and threads: equal ones give equal bits."""
    extensions: dict[str, Any] = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[assignment]  # a dict in this mode
    return {
        "lunzi": __version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processor features": " ".join(extensions.get("found", [])),
        "threads": str(blas_threads()),
    }


def blas_threads() -> int:
    """How many threads NumPy's matrix products use, as far as its settings tell."""
    for variable in THREAD_VARIABLES:
        if os.environ.get(variable, "").isdigit():
            return int(os.environ[variable])
    return available_cores()


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What has changed between two environments, in words."""
    return [
        f"{name} {before.get(name, '?')} -> {now.get(name, '?')}"
        for name in now
        if before.get(name) != now.get(name)
    ]


def versions() -> dict[str, str]:
    """Versions for a report."""
    return {"Lunzi": __version__, "Python": platform.python_version(), "NumPy": np.__version__}
