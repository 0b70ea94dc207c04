"""Slices: all steps, once, in order, in pieces of a twentieth of a second."""

import pytest

from lunzi.compiler.slices import SLICE_S, in_slices


class Machine:
    """Takes some time for each step, on a clock of its own."""

    def __init__(self, step_s):
        self.step_s = step_s
        self.now = 0.0
        self.slices = []

    def run(self, first, stop):
        self.slices.append((first, stop))
        self.now += sum(self.step_s(step) for step in range(first, stop))

    def clock(self):
        return self.now


def slices_of(count, step_s):
    machine = Machine(step_s)
    in_slices(count, machine.run, machine.clock)
    return machine.slices


@pytest.mark.parametrize("count", [0, 1, 2, 9, 100_000])
@pytest.mark.parametrize("step_s", [0.0, 1e-5, 1.0])
def test_every_step_is_taken_once_and_in_order(count, step_s):
    slices = slices_of(count, lambda step: step_s)
    assert [step for first, stop in slices for step in range(first, stop)] == list(range(count))


def test_a_slice_of_short_steps_takes_a_twentieth_of_a_second():
    slices = slices_of(100_000, lambda step: 1e-5)
    assert slices[0] == (0, 1)
    assert max(stop - first for first, stop in slices) == pytest.approx(SLICE_S / 1e-5, abs=1)
    assert len(slices) < 30


def test_steps_that_become_slow_end_in_slices_of_one():
    slices = slices_of(2000, lambda step: 1e-4 if step < 1000 else 1.0)
    long = [stop - first for first, stop in slices if stop > 1000]
    assert max(long) <= SLICE_S / 1e-4 + 1
    assert set(long[1:]) == {1}


def test_an_interruption_leaves_whole_slices_done():
    done = []

    def run(first, stop):
        if first > 100:
            raise KeyboardInterrupt
        done.extend(range(first, stop))

    with pytest.raises(KeyboardInterrupt):
        in_slices(10_000, run, lambda: 0.0)
    assert done == list(range(len(done)))
