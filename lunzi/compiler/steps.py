"""Many runs of a program behind one call: the same native code for all programs.

Each step sees the addresses of the table, moved on by what lies between one step and the next
in the memory of each argument, of each result, and of state that is given for each step. The
step runs on all threads of the team, who wait for each other before the next one.

What a run needs stands in words of memory, its order:

    program table words moving error errors first stop failed, then for each word that moves
        stride        in bytes from step to step; 0 for what stays

and behind them two words for errors, and the table.
"""

from __future__ import annotations

import functools

import numpy as np

from lunzi.compiler import cache
from lunzi.compiler.barrier import emit_barrier
from lunzi.compiler.builder import INDEX, POINTER, Function, Module, Value, index
from lunzi.compiler.entry import Program, program_at
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host
from lunzi.core.spec import Array

NAME = "lunzi_steps"
ORDER, TEAM = Value(POINTER, "%order"), Value(POINTER, "%team")
THREAD, THREADS = Value(INDEX, "%thread"), Value(INDEX, "%threads")
NULL = Value(POINTER, "null")

# Places of the words of an order.
PROGRAM, TABLE, WORDS, MOVING, ERROR, ERRORS, FIRST, STOP, FAILED, STRIDES = range(10)
WORD = 8


class Steps:
    """An order for many steps of one program.

    Args:
        program: the address of its code.
        table: its table, of which a copy is made.
        moving: how many of its first words may move from step to step.
        error: which word of the table has the address of the word for errors.
    """

    def __init__(self, program: int, table: Array, moving: int, error: int) -> None:
        errors = STRIDES + moving
        # Two words, for who has finished a step may be in the next one while others still look.
        start = errors + 2
        self.words = np.zeros(start + len(table), np.int64)
        self.address = address = self.words.ctypes.data
        self.words[:STRIDES] = (
            program, address + start * WORD, len(table), moving, error, address + errors * WORD,
            0, 0, -1,
        )  # fmt: skip
        self.strides = self.words[STRIDES:errors]  # in bytes; 0 for what stays
        self.errors = self.words[errors:start]
        self.table = self.words[start:]
        self.table[:] = table

    def cut(self, first: int, stop: int) -> None:
        """Say which steps the next run takes."""
        self.words[FIRST], self.words[STOP], self.words[FAILED] = first, stop, -1
        self.errors[:] = 0

    @property
    def failed(self) -> int | None:
        """The step at which a check failed. Those before it are done, and nothing of it."""
        step = int(self.words[FAILED])
        return None if step < 0 else step


@functools.cache
def steps_code() -> Library:
    """The code that takes an order."""
    text = steps_text()
    return Library(cache.load(text, host(), lambda: object_code(text, host())), [NAME])


@functools.cache
def steps_alone() -> Program:
    """The code on one thread, as a function of Python that lets others go on."""
    return program_at(steps_code().address(NAME))


def steps_text() -> str:
    """void lunzi_steps(ptr order, ptr team, i64 thread, i64 threads)"""
    module = Module()
    f = module.function(NAME, [ORDER, TEAM, THREAD, THREADS], internal=False)
    program, table, words = word(f, PROGRAM, POINTER), word(f, TABLE, POINTER), word(f, WORDS)
    own = f.define(POINTER, f"alloca i64, {words}, align 16")
    with f.loop(index(0), words) as loop:
        f.store(element(f, table, loop.counter), at(f, own, loop.counter), WORD)
    moving, error = word(f, MOVING), at(f, own, word(f, ERROR))
    errors, stop = word(f, ERRORS, POINTER), word(f, STOP)
    strides = at(f, ORDER, index(STRIDES))
    with f.loop(word(f, FIRST), stop) as steps:
        step = steps.counter
        place = at(f, errors, f.op("and", step, index(1)))
        f.store(place, error, WORD)
        with f.loop(index(0), moving) as loop:
            moved = f.op("mul", step, element(f, strides, loop.counter))
            address = f.op("add", element(f, table, loop.counter), moved)
            f.store(address, at(f, own, loop.counter), WORD)
        f.do(f"call void {program.name}({own}, {TEAM}, {THREAD}, {THREADS})")
        emit_barrier(f, TEAM, THREAD, THREADS)
        has_failed = f.compare("icmp ne", f.load(INDEX, place, WORD), index(0))
        with f.when(has_failed):
            f.store(step, at(f, ORDER, index(FAILED)), WORD)
        steps.step = f.select(has_failed, f.op("sub", stop, step), index(1))
    f.ret()
    return str(module)


def at(f: Function, start: Value, place: Value) -> Value:
    return f.place(start, place, INDEX)


def element(f: Function, start: Value, place: Value) -> Value:
    return f.load(INDEX, at(f, start, place), WORD)


def word(f: Function, place: int, type_: str = INDEX) -> Value:
    return f.load(type_, at(f, ORDER, index(place)), WORD)
