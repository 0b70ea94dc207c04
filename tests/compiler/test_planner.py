"""Where values are made: results, new values of state, and what state held before."""

import numpy as np
import pytest
from native_programs import Program

import lunzi as lz

X = np.arange(12.0, dtype=np.float32).reshape(3, 4)


def state() -> lz.Tensor:
    return lz.tensor(X)


def reshaped_and_assigned():
    w = state()

    def step():
        old = w.reshape(12)
        w.assign(w + 1)
        return old, old.reshape(4, 3) * 2

    return step


def permuted_and_assigned():
    w = state()

    def step():
        old = w.T
        w.assign(w * 2 + 1)
        return old, old.reshape(2, 6) + 0

    return step


def assigned_to_another():
    w, v = state(), lz.tensor(-X)

    def step():
        old = w.reshape(2, 6).reshape(12)
        w.assign(w * 2 + 1)
        v.assign(old.reshape(3, 4))
        return w, w, v

    return step


def exchanged():
    w, v = state(), lz.tensor(-X)

    def step():
        old = w.detach()
        w.assign(v)
        v.assign(old * 1.0)
        return old + v

    return step


def exchanged_by_sums():
    w, v = state(), lz.tensor(-X)

    def step():
        a, b = w.sum(0), v.sum(1, keepdims=True)
        w.assign(w + b)
        v.assign(v - a)

    return step


def turned():
    w = lz.tensor(X[:, :3])

    def step():
        w.assign(w.T + w.flip(0))
        return w

    return step


def constants_and_state():
    w = state()

    def step():
        one = lz.tensor(X * 2)
        w.assign(1.5)
        return one, one, w, lz.tensor(3.0)

    return step


CASES = [
    reshaped_and_assigned, permuted_and_assigned, assigned_to_another, exchanged,
    exchanged_by_sums, turned, constants_and_state,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("parallel", [False, True], ids=["serial", "parallel"])
def test_what_state_held_is_read_before_it_is_overwritten(case, parallel):
    program = Program(case(), parallel=parallel)
    for found, expected in zip(program.all(threads=2), program.all_expected(), strict=True):
        np.testing.assert_array_equal(found, expected)


def assert_as_interpreted(function, *arguments):
    program = Program(function, *arguments)
    for found, expected in zip(program(*arguments), program.expected(*arguments), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_arguments_are_returned():
    assert_as_interpreted(lambda x: (x, x, x.reshape(12), x.T), X)


def test_a_running_sum_is_returned_twice():
    x = np.arange(24.0).reshape(2, 3, 4)

    def sums(x):
        found = x.cumulative_sum(0)
        return found, found, found.reshape(4, 6), x.argsort(0), x.cumulative_sum(1).reshape(8, 3)

    assert_as_interpreted(sums, x)


def test_one_number_is_taken_many_times():
    x = np.zeros(3, np.int64)
    assert_as_interpreted(lambda x: lz.tensor([2.5]).take(x) + x, x)


@pytest.mark.parametrize("parallel", [False, True], ids=["serial", "parallel"])
def test_state_moves_on_in_its_own_memory(parallel):
    history, padded, counts = (lz.tensor(np.arange(5.0)) for _ in range(3))

    def step(x, places):
        total = history.flip(0) + padded
        history.assign(lz.concat([history[1:], x]))
        padded.assign(padded[:3].pad([(1, 1)]))
        counts.assign(lz.tensor(np.zeros(5)).take(places) + counts.take(places))
        return total

    arguments = np.array([7.0]), np.array([4, 4, 0, 1, 2])
    program = Program(step, *arguments, parallel=parallel)
    found = program.all(*arguments, threads=2)
    for a, b in zip(found, program.all_expected(*arguments), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("parallel", [False, True])
def test_a_concatenation_lies_as_its_only_reader_reads_it(parallel, rng):
    x, y = rng.normal(size=(2, 3, 4, 16, 8))
    w = rng.normal(size=(8 * 8, 32))

    def product(x, y, w):
        heads = lz.concat([x * 2.0, y + 1.0], 1)  # (3, 8, 16, 8)
        return heads.swapaxes(1, 2).reshape(3 * 16, 64) @ w

    program = Program(product, x, y, w, parallel=parallel)
    (stage,) = [stage for stage in program.native.plan().stages if stage.is_product]
    a = next(load for load in stage.loads if load.address.strides[0])
    inner = zip(a.address.strides[stage.kept :], stage.sizes[stage.kept :], strict=True)
    assert list(inner) in ([(8, 8), (1, 8)], [(1, 64)])
    np.testing.assert_allclose(program(x, y, w)[0], program.expected(x, y, w)[0])
