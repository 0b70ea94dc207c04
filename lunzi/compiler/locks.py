"""Locks of state: programs that share a tensor run one after the other, in all threads."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Sequence
from threading import Lock, RLock
from typing import Any, NamedTuple, Protocol


class Guard(Protocol):
    """What a program holds while it runs; a thread may take it several times."""

    def acquire(self) -> object: ...
    def release(self) -> None: ...


class Several:
    """Locks that are taken together, always in one order, so that no two threads wait in a ring."""

    def __init__(self, locks: Sequence[Guard]) -> None:
        self.locks = locks

    def acquire(self) -> None:
        taken: list[Guard] = []
        try:
            for lock in self.locks:
                lock.acquire()
                taken.append(lock)
        except BaseException:  # an interruption while it waits
            for lock in taken:
                lock.release()
            raise

    def release(self) -> None:
        for lock in self.locks:
            lock.release()


class Entry(NamedTuple):
    """A lock, and its number in the order in which locks are taken."""

    number: int
    lock: Guard


class Locks:
    """The lock of everything that a program works on: tensors, and the backend's own memory.

    What meets first in one program shares a lock, so that most programs take one.
    """

    def __init__(self) -> None:
        self.own = Lock()
        self.entries: dict[int, Entry] = {}
        self.references: dict[int, weakref.ref[Any]] = {}
        self.count = 0
        self.held: list[Entry] = []

    def of(self, things: Iterable[object]) -> Guard:
        """What to hold while a program runs that works on these."""
        things = list(things)
        with self.own:
            known = {self.entries[id(thing)] for thing in things if id(thing) in self.entries}
            if not known:
                self.count += 1
                known = {Entry(self.count, RLock())}
            for thing in things:
                self.enter(thing, min(known))
        locks = [entry.lock for entry in sorted(known)]
        return locks[0] if len(locks) == 1 else Several(locks)

    def enter(self, thing: object, entry: Entry) -> None:
        """Note the lock of a thing that has none, for as long as it lives."""
        key = id(thing)
        if key in self.entries:
            return

        def forget(_: object) -> None:
            self.entries.pop(key, None)
            self.references.pop(key, None)

        self.entries[key] = entry
        self.references[key] = weakref.ref(thing, forget)

    # A process that is forked while a program runs elsewhere would find its lock taken for ever,
    # and the state half written.

    def before_fork(self) -> None:
        self.own.acquire()
        self.held = sorted(set(self.entries.values()))
        for entry in self.held:
            entry.lock.acquire()

    def after_fork(self) -> None:
        for entry in self.held:
            entry.lock.release()
        self.held = []
        self.own.release()


LOCKS = Locks()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=LOCKS.before_fork,
        after_in_parent=LOCKS.after_fork,
        after_in_child=LOCKS.after_fork,
    )
