"""How many threads compiled programs may use; the results are the same for any number.

    LUNZI_NUM_THREADS=4     read when the number is first needed
    lz.set_num_threads(4)   from then on

Otherwise there are as many as the process has cores for itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lunzi.core.arguments import whole_number
from lunzi.core.errors import RangeError

VARIABLE = "LUNZI_NUM_THREADS"
MOST = 1024  # threads of a team

CPUS = Path("/sys/devices/system/cpu")
GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")

_chosen: int | None = None


def get_num_threads() -> int:
    """How many threads a compiled program may use, the caller's included.

    Raises:
        RangeError: when LUNZI_NUM_THREADS is no number from 1 to 1024.
    """
    global _chosen
    if _chosen is None:
        _chosen = from_environment(os.environ.get(VARIABLE, "")) or min(usable_cores(), MOST)
    return _chosen


def set_num_threads(count: int) -> None:
    """Let compiled programs use as many threads, the caller's included, from the next call on.

    A program may use fewer, where its work is too small to be shared out.

    Args:
        count: 1 to 1024. More than there are cores is slower, never faster.

    Raises:
        KindError: when it is not a whole number.
        RangeError: when it is outside.
    """
    global _chosen
    _chosen = as_thread_count(count)


def as_thread_count(count: Any) -> int:
    """A number of threads, from 1 to 1024.

    Raises:
        KindError: when it is not a whole number.
        RangeError: when it is outside.
    """
    number = whole_number("the number of threads", count)
    if number > MOST:
        raise RangeError(f"the number of threads must be at most {MOST}, got {number}")
    return number


def from_environment(text: str) -> int | None:
    """The number that the variable asks for; None where it is empty."""
    text = text.strip()
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= number <= MOST:
        raise RangeError(
            f"{VARIABLE} is a whole number from 1 to {MOST}, or empty for as many as there are "
            f"cores; got {text!r}"
        )
    return number


def usable_cores() -> int:
    """The cores that this process may use: by its affinity, and by the quota of its group.

    Two threads of one core share its arithmetic units, so that a core counts once.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cores = distinct_cores(os.sched_getaffinity(0), CPUS)
    return max(1, min(cores, int(quota(GROUPS, OWN_GROUPS))))


def distinct_cores(cpus: Iterable[int], folder: Path) -> int:
    """How many cores these processors are; each is one where the system does not tell."""
    siblings = (folder / f"cpu{cpu}" / "topology" / "thread_siblings_list" for cpu in cpus)
    return len({text(path) or str(path) for path in siblings})


def quota(groups: Path, own: Path) -> float:
    """The processor time that the control groups of this process allow it, in cores."""
    shares = [MOST * 1.0]
    for folder in group_folders(groups, own):
        limit = text(folder / "cpu.max").split()  # version 2: quota and period, in microseconds
        if not limit:
            limit = [text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us")]
        if len(limit) == 2 and all(part.isdigit() for part in limit) and int(limit[1]):
            shares.append(int(limit[0]) / int(limit[1]))
    return min(shares)


def group_folders(groups: Path, own: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, and of those around them."""
    for line in text(own).splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            root = groups
        elif "cpu" in controllers.split(","):
            root = groups / "cpu"
        else:
            continue
        inner = root / path.lstrip("/")
        yield from (inner, *(above for above in inner.parents if above.is_relative_to(root)))


def text(path: Path) -> str:
    """What a file of the system says; nothing where there is none, or it is not for us."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
