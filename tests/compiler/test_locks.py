"""Locks of state."""

import gc
import os
import threading

import pytest

import lunzi as lz
from lunzi.compiler.locks import LOCKS, Locks, Several


def is_free(guard):
    """Whether another thread can take it."""
    found = []

    def attempt():
        found.append(guard.acquire(blocking=False))
        if found[0]:
            guard.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return found[0]


def test_what_meets_first_in_one_program_shares_a_lock():
    locks, tensors = Locks(), [lz.zeros(1) for _ in range(4)]
    first = locks.of(tensors[:2])
    assert locks.of(tensors[1:3]) is first
    assert locks.of(tensors[2:]) is first
    assert locks.of([]) is not first


def test_several_locks_are_taken_in_one_order():
    locks, tensors = Locks(), [lz.zeros(1) for _ in range(2)]
    a, b = (locks.of([x]) for x in tensors)
    both = locks.of(reversed(tensors))
    assert isinstance(both, Several)
    assert list(both.locks) == [a, b]
    both.acquire()
    assert not is_free(a)
    assert not is_free(b)
    both.release()
    assert is_free(a)
    assert is_free(b)


def test_a_tensor_that_goes_takes_its_entry_with_it():
    locks = Locks()
    tensor = lz.zeros(1)
    locks.of([tensor])
    assert len(locks.entries) == 1
    del tensor
    gc.collect()
    assert not locks.entries


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_finds_locks_free():
    tensor = lz.zeros(1)
    guard = LOCKS.of([tensor])
    taken, go_on = threading.Event(), threading.Event()

    def hold():
        guard.acquire()
        taken.set()
        go_on.wait(5)
        guard.release()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(5)
    threading.Timer(0.05, go_on.set).start()
    child = os.fork()
    if not child:
        os._exit(0 if guard.acquire(blocking=False) else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_free(guard)
