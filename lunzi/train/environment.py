"""What the bits of a run depend on besides its program and data."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from lunzi.compiler.backend import is_eager
from lunzi.version import __version__

# As OpenBLAS reads them: the first that is set to a number above 0 counts.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


NOT_COMPILED = "no"
LONG = 8  # words in a list of features


def environment(is_compiled: bool = False) -> dict[str, str]:
    """Versions, processor features and threads: equal ones give equal bits.

    Args:
        is_compiled: whether compiled programs are meant, too.
    """
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
        **(compiler() if is_compiled and not is_eager() else {"compiled": NOT_COMPILED}),
    }


def compiler() -> dict[str, str]:
    """What the bits of compiled programs hang on; they are the same for any number of threads."""
    from lunzi.compiler.target import host  # needs llvmlite, which may be missing

    target = host()
    return {
        "compiled": target.level,
        "llvmlite": version("llvmlite"),
        "instructions": " ".join(target.features.split(",")),
    }


def was_compiled(environment: Mapping[str, object]) -> bool:
    """Whether it is the environment of compiled programs."""
    return environment.get("compiled", NOT_COMPILED) != NOT_COMPILED


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
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [difference(name, str(before.get(name, "?")), str(now.get(name, "?"))) for name in names]


def difference(name: str, before: str, now: str) -> str:
    """A change of one value; of long lists only what came and went."""
    old, new = before.split(), now.split()
    if max(len(old), len(new)) > LONG and "?" not in (before, now):
        gone = [f"without {word}" for word in old if word not in new]
        return f"{name} {' '.join([*gone, *(f'with {word}' for word in new if word not in old)])}"
    return f"{name} {before} -> {now}"


def versions() -> dict[str, str]:
    """Versions for a report."""
    return {"Lunzi": __version__, "Python": platform.python_version(), "NumPy": np.__version__}
