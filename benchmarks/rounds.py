"""Rounds: time functions by turns, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Times = Mapping[str, list[float]]


def by_turns(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    chunk_s: float = 0.02,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds per call of each contestant in each round.

    A round calls every contestant for about `chunk_s` seconds, one after the other. Before the
    first one, each is called as long to warm up.

    Args:
        clock: `time.thread_time` leaves out what other processes took, and other threads too;
            `time.perf_counter` is for work that runs on several threads.
    """
    calls = {name: calls_in(chunk_s, function) for name, function in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            times[name].append(chunk(function, calls[name], clock))
    return times


def calls_in(seconds: float, function: Callable[[], object]) -> int:
    """How many calls last about so long."""
    function()  # the first one may have to compile
    calls = 1
    while True:
        spent = chunk(function, calls, time.perf_counter) * calls
        if spent >= seconds / 2:
            return max(1, round(calls * seconds / spent))
        calls *= 2


def chunk(function: Callable[[], object], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls


def median_ratio(times: Times, one: str, other: str) -> float:
    """The median over the rounds of how many times `other` fits into `one`."""
    return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))


def table(times: Times) -> str:
    """Median, best and worst round of each contestant."""
    width = max(map(len, times))
    lines = [f"{'':{width}}  {'median':>10}  {'best':>10}  {'worst':>10}"]
    for name, values in times.items():
        figures = (statistics.median(values), min(values), max(values))
        lines.append(f"{name:{width}}  " + "  ".join(f"{shown(v):>10}" for v in figures))
    return "\n".join(lines)


def shown(seconds: float) -> str:
    """A time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def verdict(claim: str, figure: str, holds: bool) -> bool:
    """Say a bar, the figure beside it and whether it holds."""
    print(f"{'holds' if holds else 'FAILS'}  {claim}: {figure}")
    return holds
