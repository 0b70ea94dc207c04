"""Programs for teams of threads, in native code; also for tests that start other processes."""

import functools
from collections.abc import Callable

import numpy as np

from lunzi.compiler import threads
from lunzi.compiler.barrier import emit_barrier
from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index, number
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host

TABLE, TEAM = Value(POINTER, "%table"), Value(POINTER, "%team")
THREAD, THREADS = Value(INDEX, "%thread"), Value(INDEX, "%threads")

GROUPS, LENGTH = 16, 1000  # of `grouped_sum`


def loaded(write: Callable[..., None], *arguments: int) -> Library:
    module = Module()
    f = module.function("program", [TABLE, TEAM, THREAD, THREADS], internal=False)
    write(f, *arguments)
    f.ret()
    return Library(object_code(str(module), host()), ["program"])


def place(f: Function, *parts: Value | int) -> Value:
    """The address of a number of the table, eight bytes each."""
    where = index(0)
    for part in parts:
        where = f.add(where, part)
    return f.place(TABLE, where, "i64")


@functools.cache
def greeting() -> Library:
    """table[thread] = threads"""
    return loaded(lambda f: f.store(THREADS, place(f, THREAD), 8))


@functools.cache
def rounds(count: int) -> Library:
    """In each round all threads look whether all have written the round's number.

    table[thread] counts what a thread did not see; the numbers stand from 1024 on, for even and
    odd rounds apart, so that one barrier a round is enough.
    """
    return loaded(write_rounds, count)


def write_rounds(f: Function, count: int) -> None:
    with f.loop(index(0), index(count)) as turn:
        side = f.times(f.op("and", turn.counter, index(1)), 1024)
        f.store(turn.counter, place(f, side, THREAD, 1024), 8)
        emit_barrier(f, TEAM, THREAD, THREADS)
        with f.loop(index(0), THREADS) as others:
            seen = f.load(INDEX, place(f, side, others.counter, 1024), 8)
            wrong = f.convert("zext", f.compare("icmp ne", seen, turn.counter), INDEX)
            missed = f.load(INDEX, place(f, THREAD), 8)
            f.store(f.op("add", missed, wrong), place(f, THREAD), 8)


@functools.cache
def grouped_sum() -> Library:
    """table[0] = sum of x in GROUPS groups, which the threads share; x[i] stands at 64 + i."""
    return loaded(write_grouped_sum)


def write_grouped_sum(f: Function) -> None:
    def border(thread: Value) -> Value:
        return f.op("sdiv", f.times(thread, GROUPS), THREADS)

    with f.loop(border(THREAD), border(f.add(THREAD, 1))) as group:
        first = f.times(group.counter, LENGTH)
        f.store(sum_from(f, f.add(first, 64), LENGTH), place(f, group.counter, 1), 8)
    emit_barrier(f, TEAM, THREAD, THREADS)
    with f.when(f.compare("icmp eq", THREAD, index(0))):
        f.store(sum_from(f, index(1), GROUPS), place(f), 8)


def sum_from(f: Function, first: Value, count: int) -> Value:
    with f.loop(index(0), index(count), carried=[number("double", 0)], may_be_empty=False) as loop:
        term = f.load("double", place(f, first, loop.counter), 8)
        loop.next = [f.op("fadd", loop.carried[0], term)]
    return loop.carried[0]


@functools.cache
def halving() -> Library:
    """table[thread] /= 2, as a float64."""
    return loaded(write_halving)


def write_halving(f: Function) -> None:
    own = place(f, THREAD)
    f.store(f.op("fmul", f.load("double", own, 8), number("double", 0.5)), own, 8)


@functools.cache
def flushing() -> Library:
    """Set the caller's MXCSR, x86's word of how it rounds, to table[0]."""
    return loaded(lambda f: f.run("llvm.x86.sse.ldmxcsr", TABLE))


def run(library: Library, table: np.ndarray, count: int) -> int:
    """Run on the team of the process, with exactly so many threads."""
    gathered(threads.team(), count)
    return threads.run(library.address("program"), table.ctypes.data, count)


def gathered(team: threads.Team, count: int) -> threads.Team:
    """The team, when its workers have come: a start takes them a moment."""
    table = np.zeros(count, np.int64)
    while team.run(greeting().address("program"), table.ctypes.data, count) != count:
        assert not team.is_dismissed
    return team


def check_rounds(count: int, width: int) -> None:
    """Run rounds with so many threads, and compare."""
    table = np.zeros(4096, np.int64)
    run(rounds(count), table, width)
    assert not table[:1024].any(), table[:width]
