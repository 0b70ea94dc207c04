"""The team: threads that wait in native code and run compiled programs together.

The caller of a program is thread 0. The others, the workers, are Python threads that enter
native code once and stay there: they get their orders through the memory of the team (see
`barrier.py`), without the interpreter and its lock. There is one team in a process. It grows
when a program wants more threads, and is gathered anew after a fork.

A team runs one program at a time. Who comes while it is busy runs the program alone, as does
who wants more threads than there are: with the same results, for those never depend on the
number of threads.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import sys
import threading
import time
from typing import Any

import numpy as np

from lunzi.compiler import barrier, cache
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
from lunzi.compiler.thread_count import MOST

# How long a thread looks for the others before it lets its core go, in microseconds. To wake it
# takes 5 to 70. At a barrier the others are near, or their cores were taken from them. For orders
# it is what Python does between two steps of training.
BARRIER_US = 50
ORDER_US = 200

# Numbers of the system call, by the names of the machines.
FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}

RUN = ctypes.CFUNCTYPE(*[ctypes.c_int64] * 5)
WORK = ctypes.CFUNCTYPE(None, ctypes.c_int64)
DISMISS = ctypes.CFUNCTYPE(*[ctypes.c_int64] * 3)
LOOK = ctypes.CFUNCTYPE(None, ctypes.c_int64)


class Team:
    """Threads that run programs together.

    Args:
        naps: wait by sleeping for moments instead of being woken, as is done wherever the
            system is not Linux.
    """

    def __init__(self, naps: bool = False) -> None:
        self.library = runtime()
        size = barrier.HEADER.itemsize + MOST * barrier.LINE.itemsize
        memory = np.zeros(size + barrier.LINE_BYTES, np.uint8)
        start = -memory.ctypes.data % barrier.LINE_BYTES
        self.memory = memory[start : start + size]
        self.address = self.memory.ctypes.data
        self.header = self.memory[: barrier.HEADER.itemsize].view(barrier.HEADER)
        self.workers: list[threading.Thread] = []
        self.growing = threading.RLock()
        self.is_dismissed = False
        self._run = RUN(self.library.address(barrier.RUN))
        self.header["barrier"] = self.library.address(barrier.BARRIER)
        self.header["barrier_turns"] = BARRIER_US * turns_per_us(self.library)
        self.header["order_turns"] = ORDER_US * turns_per_us(self.library)
        for name, value in (nap_entries() if naps else waiting_entries()).items():
            self.header[name] = value

    def run(self, program: int, table: int, threads: int) -> int:
        """Run a program with the caller as thread 0, without the interpreter's lock.

        Args:
            program: address of `void program(ptr table, ptr team, i64 thread, i64 threads)`.
            table: what the program gets as its first argument.
            threads: at most as many run it.

        Returns:
            How many threads ran it.
        """
        if threads > len(self.workers) + 1:
            self.grow(threads)
        ran: int = self._run(self.address, program, table, threads)
        return ran

    def grow(self, threads: int) -> None:
        """Start workers, so that there are so many threads with the caller."""
        with self.growing:
            while len(self.workers) < min(threads, MOST) - 1 and not self.is_dismissed:
                worker = threading.Thread(target=self.work, name="lunzi-worker", daemon=True)
                self.workers.append(worker)
                try:
                    worker.start()
                except RuntimeError:
                    # The system gives no more threads, or the interpreter is about to end.
                    # The place in the list remains, so that it is not tried at each call.
                    return

    def work(self) -> None:
        """What a worker does from its first moment to its last."""
        WORK(self.library.address(barrier.WORK))(self.address)

    def dismiss(self) -> bool:
        """Tell the workers to leave, and wait until they have left; False when they are busy.

        The team runs everything alone from then on.
        """
        with self.growing:
            leave = DISMISS(self.library.address(barrier.DISMISS))
            self.is_dismissed = self.is_dismissed or bool(leave(self.address, len(self.workers)))
            if self.is_dismissed:
                for worker in self.workers:
                    if worker.is_alive():
                        worker.join()
        return self.is_dismissed


@functools.cache
def runtime() -> Library:
    target = host()
    text = barrier.runtime(target.triple)
    code = cache.load(text, target, lambda: object_code(text, target))
    return Library(code, barrier.NAMES)


@functools.cache
def turns_per_us(library: Library) -> float:
    """How many times a waiting thread looks in a microsecond."""
    look, turns = LOOK(library.address(barrier.LOOK)), 200
    look(turns)
    times = []
    for _ in range(5):
        start = time.perf_counter_ns()
        look(turns)
        times.append(time.perf_counter_ns() - start)
    return 1000 * turns / max(1, min(times))


def waiting_entries() -> dict[str, int]:
    """How threads wait on this system, as entries of a team's header."""
    number = FUTEX.get(os.uname().machine, 0) if sys.platform == "linux" else 0
    if not number or ctypes.sizeof(ctypes.c_void_p) != 8:
        return nap_entries()
    library = ctypes.CDLL(None)
    return {
        "futex": number,
        "system_call": address_of(library.syscall),
        "processor": address_of(library.sched_getcpu),
    }


def nap_entries() -> dict[str, int]:
    """How threads wait where they cannot be woken: they look again after naps."""
    if sys.platform == "win32":
        return {"nap": address_of(ctypes.WinDLL("kernel32").Sleep), "nap_unit": 1}  # milliseconds
    return {"nap": address_of(ctypes.CDLL(None).usleep), "nap_unit": 50}  # microseconds


def address_of(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


# The team of this process

_team: Team | None = None
_gathering = threading.RLock()


def team() -> Team:
    """The team of this process; ask for it at each run, for a fork gives another one."""
    return _team or gathered()


def gathered() -> Team:
    global _team
    with _gathering:
        _team = _team or Team()
        return _team


def run(program: int, table: int, threads: int) -> int:
    """Run a program on the team of this process, with the caller as thread 0.

    Args:
        program: address of `void program(ptr table, ptr team, i64 thread, i64 threads)`.
        table: what the program gets as its first argument.
        threads: at most as many run it; 1 calls it without further ado.

    Returns:
        How many threads ran it: fewer while the team is busy, or where there are no more.
    """
    return (_team or gathered()).run(program, table, threads)


def leave_before_fork() -> None:
    # Threads do not live on in the child; and Python warns of a fork where there are any.
    global _team
    team = _team
    if team is not None and team.dismiss() and _team is team:
        _team = None


def forget_after_fork() -> None:
    global _team, _gathering
    _team, _gathering = None, threading.RLock()


@atexit.register
def leave_at_exit() -> None:
    # The interpreter frees what the workers look at. A dismissed team is kept for what other
    # functions still run at exit.
    if _team is not None:
        _team.dismiss()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=leave_before_fork, after_in_child=forget_after_fork)
