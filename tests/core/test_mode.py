"""What happens to operations in a context: whether they are recorded."""

import threading

import pytest

import lunzi as lz
from lunzi.core.mode import PROGRAM


def records():
    return (lz.ones(1, requires_grad=True) * 2).requires_grad


def test_no_grad_and_enable_grad_nest():
    assert records()
    with lz.no_grad():
        assert not records()
        assert not lz.is_grad_enabled()
        with lz.enable_grad():
            assert records()
            with lz.no_grad():
                assert not records()
            assert records()
        assert not records()
    assert records()
    assert lz.is_grad_enabled()


def test_the_mode_comes_back_after_an_error():
    with pytest.raises(KeyError), lz.no_grad():
        raise KeyError
    assert records()


def test_functions_are_decorated():
    @lz.no_grad()
    def inner(depth):
        assert not records()
        return depth if not depth else inner(depth - 1)

    assert inner(3) == 0
    assert records()
    assert inner.__name__ == "inner"


def test_leaves_made_under_no_grad_may_need_gradients():
    with lz.no_grad():
        w = lz.ones(1, requires_grad=True)
    (w * 2).backward()
    assert w.grad.item() == 2


def test_a_thread_has_a_mode_of_its_own():
    seen = []
    with lz.no_grad():
        thread = threading.Thread(target=lambda: seen.append(records()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_the_program_counter_rises():
    before = PROGRAM.value
    PROGRAM.advance()
    assert PROGRAM.value == before + 1
