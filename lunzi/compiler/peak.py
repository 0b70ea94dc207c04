"""The most that this machine can do, measured: operations and bytes in a second."""

from __future__ import annotations

import functools
import time
from typing import NamedTuple

import numpy as np

from lunzi.compiler import cache, threads
from lunzi.compiler.builder import (
    INDEX,
    POINTER,
    Function,
    Module,
    Value,
    index,
    number,
    splat_number,
)
from lunzi.compiler.builder import vector as vector_of
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import Target, host
from lunzi.core.spec import float32

COMPUTE, READ = "lunzi_compute", "lunzi_read"
TURNS = 2**17
BYTES = 2**27  # of memory that is read: more than caches hold
ROUNDS = 12


class Peak(NamedTuple):
    """What all threads do together, at most."""

    flops: float  # float32 operations a second, a product with its sum being two
    bandwidth: float  # bytes a second from memory


@functools.cache
def peak(count: int) -> Peak:
    """What so many threads of this machine can do, found in some tenths of a second."""
    target = host()
    text = peak_text(target)
    library = Library(cache.load(text, target, lambda: object_code(text, target)), [COMPUTE, READ])
    memory = np.zeros(BYTES // 4, np.float32)
    found = np.zeros(16 * 64, np.float32)
    table = np.array([memory.ctypes.data, found.ctypes.data], np.int64)
    operations = 2 * TURNS * accumulators(target) * target.lanes(float32) * count
    seconds = [best_time(library.address(name), table, count) for name in (COMPUTE, READ)]
    return Peak(operations / seconds[0], BYTES / seconds[1])


def best_time(program: int, table: np.ndarray, count: int) -> float:
    """The shortest of some runs, in seconds: what disturbs makes them longer.

    Only those count in which most threads took part: a team needs a moment to gather.
    """
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        ran = threads.run(program, table.ctypes.data, count)
        times.append((-ran, time.perf_counter() - start))
    return min(times)[1]


def accumulators(target: Target) -> int:
    """Sums that are independent of each other, so that none waits for itself."""
    return min(target.vectors - 4, 24)


def peak_text(target: Target) -> str:
    module = Module(target.has_fma)
    compute(module, target)
    read(module, target)
    return str(module)


TABLE, TEAM = Value(POINTER, "%table"), Value(POINTER, "%team")
THREAD, THREADS = Value(INDEX, "%thread"), Value(INDEX, "%threads")


def begin(module: Module, name: str) -> Function:
    return module.function(name, [TABLE, TEAM, THREAD, THREADS], internal=False)


def compute(module: Module, target: Target) -> None:
    """Products and sums in registers."""
    f = begin(module, COMPUTE)
    type_ = vector_of("float", target.lanes(float32))
    start = f.load(type_, address(f, 1), 4)
    starts = [
        f.op("fadd", start, splat_number(type_, float(n))) for n in range(accumulators(target))
    ]
    with f.loop(index(0), index(TURNS), carried=starts) as loop:
        factor = splat_number(type_, 0.5)
        for sum_ in loop.carried:
            if target.has_fma:
                loop.next.append(f.intrinsic("fma", sum_, factor, start))
            else:
                loop.next.append(f.op("fadd", f.op("fmul", sum_, factor), start))
    leave(f, loop.carried)


def read(module: Module, target: Target) -> None:
    """A sum over all of a large memory, each thread over its part."""
    f = begin(module, READ)
    lanes = target.lanes(float32)
    type_, at_once = vector_of("float", lanes), 8
    size = index(BYTES // 4 // lanes // at_once)
    first = f.op("sdiv", f.op("mul", THREAD, size), THREADS)
    last = f.op("sdiv", f.op("mul", f.add(THREAD, 1), size), THREADS)
    memory = address(f, 0)
    starts = [splat_number(type_, 0.0)] * at_once
    with f.loop(first, last, carried=starts) as loop:
        for part, sum_ in enumerate(loop.carried):
            place = f.add(f.times(loop.counter, lanes * at_once), part * lanes)
            loop.next.append(f.op("fadd", sum_, f.load(type_, f.place(memory, place, "float"), 4)))
    leave(f, loop.carried)


def address(f: Function, place: int) -> Value:
    return f.load(POINTER, f.place(TABLE, index(place), POINTER), 8)


def leave(f: Function, sums: list[Value]) -> None:
    """Store the sums, or nothing of it would be computed."""
    total = sums[0]
    for sum_ in sums[1:]:
        total = f.op("fadd", total, sum_)
    is_never = f.compare("icmp slt", THREADS, number(INDEX, 0))
    with f.when(is_never):
        f.store(total, address(f, 1), 4)
    f.ret()
