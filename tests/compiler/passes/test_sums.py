"""Sums that are products of known sums, and those that stay what they are."""

import numpy as np

import lunzi as lz
from lunzi.compiler.passes.sums import from_known_sums
from lunzi.core.graph import topological
from lunzi.core.interpreter import interpret
from lunzi.core.reduction import Sum
from lunzi.nn.functional import batch_norm

AXES = (0, 2)


def numbers() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = (8, 3, 5), (8, 3, 5), (1, 3, 1), (1, 3, 1)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def sums_before_and_after(function, *arrays) -> tuple[int, int]:
    """How many sums a function makes, before and after the pass; its numbers stay."""
    graph = lz.trace(function, *arrays)
    after = from_known_sums(graph.ends)
    for found, expected in zip(
        interpret(after, arrays, []), interpret(graph.ends, arrays, []), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    before, now = (
        sum(isinstance(node.op, Sum) for node in topological(ends)) for ends in (graph.ends, after)
    )
    return before, now


def test_a_sum_of_products_is_made_of_known_sums():
    def function(a, b, p, q):
        return a.sum(AXES), b.sum(AXES), (a * p + q * b).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (3, 2)


def test_what_is_left_without_the_mean_sums_to_nothing():
    def function(a, b, p, q):
        centred = b + -b.mean(AXES, keepdims=True)
        return a.sum(AXES), (a * p + centred * q).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (3, 1)  # nor is the mean wanted


def test_the_gradient_of_batch_norm_is_not_summed():
    def function(x, weight, bias, dy):
        def loss(x, weight, bias):
            return (batch_norm(x, None, None, weight, bias, training=True) * dy).sum()

        return lz.grad(loss, (0, 1, 2))(x, weight, bias)

    x, dy, weight, bias = numbers()
    before, after = sums_before_and_after(function, x, weight.ravel(), bias.ravel(), dy)
    assert after == before - 1


def test_a_sum_with_an_unknown_part_stays():
    def function(a, b, p, q):
        return a.sum(AXES), (a * p + b * q).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (2, 2)


def test_a_difference_stays_whose_sums_may_be_far_from_it():
    def function(a, b, p, q):
        return a.sum(AXES), b.sum(AXES), (a - b).sum(AXES), (a + b).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (4, 4)


def test_factors_that_change_along_the_axes_stay_inside():
    def function(a, b, p, q):
        return a.sum(AXES), b.sum(AXES), (a * p + b * a).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (3, 3)


def test_sums_over_other_axes_do_not_help():
    def function(a, b, p, q):
        return a.sum((0,)), b.sum((0,)), (a * p + b * q).sum(AXES)

    assert sums_before_and_after(function, *numbers()) == (3, 3)


def test_whole_numbers_stay():
    def function(a, p):
        return a.sum(AXES), (a * p).sum(AXES)

    a = np.arange(12, dtype=np.int64).reshape(2, 3, 2)
    assert sums_before_and_after(function, a, a[:1, :, :1]) == (2, 2)
