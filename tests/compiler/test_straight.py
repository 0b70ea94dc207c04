"""Stages without loops: the numbers of the loops they stand for."""

import numpy as np
import pytest
from native_programs import Program
from samples import draw, dtypes_of, every_sample

import lunzi as lz
from lunzi.compiler import straight
from lunzi.core.errors import PositionError
from lunzi.core.indexing import ScatterAdd
from lunzi.core.spec import float32, float64
from lunzi.core.tensor import bind

forms = pytest.mark.parametrize("form", ["straight", "loops"])


@pytest.fixture
def form(request, monkeypatch):
    """Written out, and as loops on one thread."""
    most = -1 if request.param == "loops" else straight.FEW_OPERATIONS
    monkeypatch.setattr(straight, "FEW_OPERATIONS", most)
    monkeypatch.setattr(straight, "OPERATIONS_OF_A_STAGE", straight.FEW_OPERATIONS)
    return request.param


def assert_near(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if a.dtype.kind == "f":
            # Functions within 2 ulp of float32, in formulas that at most double an error.
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(a, b)


@forms
@every_sample
def test_every_primitive_between_others(form, op, inputs, rng):
    dtypes = dtypes_of(op, inputs)
    arrays = draw(inputs, rng, float32 if float32 in dtypes else dtypes[-1])

    def function(*tensors):
        # Through memory on both sides, which is a register where nothing depends on data.
        made = bind(op, *(x.flip(0) if x.ndim else x for x in tensors))
        return made, made.astype(float64).sum(), made.flip(0) if made.ndim else made

    program = Program(function, *arrays)
    assert_near(program(*arrays), program.expected(*arrays))


def loops_in(program):
    text = program.native.show("llvm")
    return text.count("phi")


def test_what_is_written_out_has_no_loop():
    arrays = np.ones((1, 3), np.float32), np.ones((3, 5), np.float32)
    program = Program(lambda x, w: ((x @ w) * 2 - w.sum(axis=0)).sum(axis=0), *arrays)
    assert loops_in(program) == 0
    assert_near(program(*arrays), program.expected(*arrays))


@forms
@pytest.mark.parametrize("place", [0, 3, -4])
def test_places_that_depend_on_data(form, place):
    x, i = np.arange(8, dtype=np.float32).reshape(4, 2), np.array([place, 1, 1])

    def function(x, i):
        picked = (x * 2).exp()[i]
        added = bind(ScatterAdd(0, 4), picked, i)
        return picked, added + 1, added[i]

    program = Program(function, x, i)
    assert_near(program(x, i), program.expected(x, i))


def test_an_index_outside_is_refused():
    pick = lz.compile(lambda x, i: (x * 2)[i])
    with pytest.raises(PositionError, match="index 4 is out of bounds"):
        pick(np.ones(4, np.float32), np.array([4]))


@forms
def test_state_that_is_read_and_written_in_turn(form):
    a, b = lz.tensor(np.arange(6.0).reshape(2, 3)), lz.tensor(np.ones((3, 2)))

    def function(x):
        old = a * 2
        a.assign(b.T + x)
        b.assign(old.T)
        a.assign(a * a)
        return old + a, b + 1

    x = np.full((2, 3), 0.5)
    program = Program(function, x)
    assert_near(program.all(x), program.all_expected(x))


@forms
def test_copies_that_transpose(form, rng):
    x = rng.standard_normal((18, 20)).astype(np.float32)
    program = Program(lambda x: ((x + 1).T.reshape(18, 20) * 2).T, x)
    assert_near(program(x), program.expected(x))


@forms
def test_loops_of_steps(form):
    xs = np.arange(12, dtype=np.float32).reshape(4, 3)

    def function(xs, start):
        return lz.scan(lambda carry, x: (carry * 0.5 + x, carry - x), start, xs)

    program = Program(function, xs, xs[0])
    assert_near(program(xs, xs[0]), program.expected(xs, xs[0]))


@forms
def test_sums_of_nothing_are_positive_zeros(form):
    x = np.zeros((2, 0), np.float32)
    program = Program(lambda x: (x.sum(axis=1), x @ x.T), x)
    for found, expected in zip(program(x), program.expected(x), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert not np.signbit(found).any()


def test_a_larger_program_keeps_its_loops():
    x = np.ones((60, 60), np.float32)
    assert loops_in(Program(lambda x: x.exp(), x)) > 0


def test_many_numbers_in_few_stages_go_into_vectors():
    x = np.ones((16, 16), np.float32)
    program = Program(lambda x: x.exp(), x)
    assert " x float>" in program.native.show("llvm")
    assert_near(program(x), program.expected(x))


def test_a_sort_keeps_its_loops(rng):
    x = rng.standard_normal(9).astype(np.float32)
    program = Program(lambda x: (x * 2).argsort(), x)
    np.testing.assert_array_equal(program(x)[0], x.argsort())
