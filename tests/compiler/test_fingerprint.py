"""Names of programs: equal for what computes the same, in any process."""

import subprocess
import sys

import numpy as np
import pytest

import lunzi as lz
from lunzi.compiler.fingerprint import fingerprint
from lunzi.compiler.memories import layout_of, memories_of

X = lz.Spec((2, 3))


def name_of(function, *arguments):
    graph = lz.trace(function, *arguments)
    layouts = [layout_of(slot.tensor.payload) for slot in memories_of(graph)]
    return fingerprint(graph, layouts)


def square(x):
    return x * x + 1.5


def test_two_traces_of_one_function_have_one_name():
    assert name_of(square, X) == name_of(lambda y: y * y + 1.5, X)


@pytest.mark.parametrize(
    ("function", "spec"),
    [
        (lambda x: x * x + 1.25, X),
        (lambda x: 1.5 + x * x, X),
        (lambda x: (x * x + 1.5, x), X),
        (lambda x: x.square() - 1.5, X),
        (square, lz.Spec((3, 2))),
        (square, lz.Spec((2, 3), "float64")),
        (lambda x: x * x + np.float32([1.5]), X),
    ],
)
def test_another_computation_has_another_name(function, spec):
    assert name_of(function, spec) != name_of(square, X)


def test_signs_of_zero_and_fields_count():
    names = [name_of(lambda x, k=k: x + lz.full((), k), X) for k in (0.0, -0.0)]
    names += [name_of(lambda x, axis=axis: x.sum(axis), X) for axis in (0, 1)]
    assert len(set(names)) == 4


def test_loops_are_told_apart_by_their_bodies():
    def scan(factor):
        return lambda xs: lz.scan(lambda total, x: (total + x * factor, total), xs[0], xs)

    names = [name_of(scan(np.float32([1, 2, factor])), X) for factor in (3, 3, 4)]
    assert names[0] == names[1] != names[2]


def test_which_memory_is_written_counts_and_which_tensor_it_is_does_not():
    def move(a, b):
        return lambda x: a.assign(b + x.sum())

    a, b, c = lz.zeros(3), lz.zeros(3), lz.Tensor(np.zeros((6,), np.float32)[::2])
    assert name_of(move(a, b), X) == name_of(move(b, a), X)
    assert name_of(move(a, b), X) != name_of(move(a, a), X)
    assert name_of(move(a, b), X) != name_of(move(a, c), X)


def test_the_name_is_the_same_in_another_process():
    code = "import lunzi as lz, test_fingerprint as t; print(t.name_of(t.square, t.X))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=__file__.rpartition("/")[0],
        env={"PYTHONHASHSEED": "7"},
    )
    assert found.stdout.strip() == name_of(square, X)
