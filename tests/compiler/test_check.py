"""Running both ways: what is found, and what is left afterwards."""

import numpy as np
import pytest
from compiled_training import Training, X, Y

import lunzi as lz
from lunzi.compiler import compile as front
from lunzi.compiler.check import disagreement, twin
from lunzi.compiler.interpreted import Interpreted


class Wrong(Interpreted):
    """A backend that adds 1 to one of its results."""

    where = "outputs"

    def __call__(self, arguments, memories, outputs):
        super().__call__(arguments, memories, outputs)
        if self.where == "outputs":
            outputs[0] += 1
        else:
            memories[self.written[0]][...] += 1


@pytest.fixture
def wrong(monkeypatch):
    monkeypatch.setattr(front, "build", lambda graph, slots, _, check: Wrong(graph, slots, check))
    return Wrong


@pytest.mark.usefixtures("built")
def test_a_step_that_agrees_goes_on_as_the_eager_one():
    checked, eager = Training(), Training()
    step = lz.compile(check=True)(checked.step)
    for _ in range(3):
        assert step(X, Y).item() == eager.step(X, Y).item()
    assert checked.numbers() == eager.numbers()
    with pytest.raises(lz.GradientError, match="keep_grads"):
        _ = checked.model[0].weight.grad


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("outputs", r"result 0 is 2\.\d+ compiled and 1\.\d+ eager, where they differ most"),
        ("memories", r"a tensor that is assigned, float32\[5, 2\], .* at position \(\d, \d\)"),
    ],
)
def test_a_difference_is_told_and_nothing_is_left(wrong, monkeypatch, where, text):
    monkeypatch.setattr(wrong, "where", where)
    training = Training()
    before = training.numbers()
    with pytest.raises(lz.CheckError, match=text):
        lz.compile(check=True)(training.step)(X, Y)
    assert training.numbers() == before
    assert training.model[0].weight.grad is None


def test_what_counts_as_a_difference():
    ones = np.ones(3, np.float32)
    nan, inf = ones * np.nan, ones * np.inf
    for found, expected in ((ones, ones + 1e-5), (nan, nan), (inf, inf), (ones[:0], ones[:0])):
        assert disagreement("x", found, expected) is None
    for found, expected in ((ones, ones + 1e-3), (nan, ones), (ones, inf), (inf, -inf)):
        assert "x is" in disagreement("x", found, expected)[1]
    assert disagreement("x", np.array([1, 2]), np.array([1, 3]))[0] == np.inf


@pytest.mark.parametrize(
    "array", [np.arange(12.0).reshape(3, 4), np.arange(12)[::-2], np.ones((2, 3)).T, np.array(3)]
)
def test_a_twin_has_the_same_strides(array):
    copy = twin(array)
    assert copy.strides == array.strides
    assert not np.shares_memory(copy, array)
    np.testing.assert_array_equal(copy, array)
