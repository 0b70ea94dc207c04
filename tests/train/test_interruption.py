import signal
import threading

import pytest

from lunzi.train.interruption import Interruption


def control_c():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handler():
    """The handler of Ctrl-C, which each test must leave as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield before
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after == before


def test_control_c_is_noted_and_acted_on_when_asked():
    reached = []

    def loop():
        with Interruption() as interruption:
            interruption.end_if_requested()
            control_c()
            reached.append(interruption.requested)
            interruption.end_if_requested()
            reached.append("too far")

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert reached == [True]


def test_a_second_one_interrupts_at_once():
    reached = []

    def loop():
        with Interruption():
            control_c()
            reached.append("first")
            control_c()
            reached.append("second")

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert reached == ["first"]


def test_one_that_nobody_acted_on_is_not_lost():
    with pytest.raises(KeyboardInterrupt), Interruption():
        control_c()


def test_an_error_is_not_hidden_by_it():
    def loop():
        with Interruption():
            control_c()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()


def test_the_handler_is_put_back(handler):
    with Interruption():
        assert signal.getsignal(signal.SIGINT) != handler
    assert signal.getsignal(signal.SIGINT) == handler
    with pytest.raises(ZeroDivisionError), Interruption():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) == handler


def test_blocks_can_be_nested():
    with Interruption() as outer:
        with pytest.raises(KeyboardInterrupt), Interruption() as inner:
            control_c()
        assert (outer.requested, inner.requested) == (False, True)
        control_c()
        assert outer.requested
        outer.requested = False


def test_another_thread_changes_nothing(handler):
    seen = []

    def work():
        with Interruption() as interruption:
            seen.append((signal.getsignal(signal.SIGINT), interruption.requested))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(handler, False)]


def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            control_c()
        assert not interruption.requested
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_from_outside_of_python_is_left_alone(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *arguments: pytest.fail("was replaced"))
    with Interruption():
        pass
    monkeypatch.undo()
