"""Axes cut into factors: which reshapes vanish, and which stay."""

import numpy as np

from lunzi.compiler.axes import Axes
from lunzi.core.graph import Node, topological
from lunzi.core.movement import Reshape
from lunzi.core.trace import trace


def array(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def axes_of(function, *arguments) -> tuple[Axes, Node, list[bool]]:
    """The axes of a graph, its output, and for each reshape whether it stays."""
    (output,) = trace(function, *arguments).outputs
    nodes = topological([output])
    axes = Axes(nodes)
    return axes, output, [axes.is_stored(node) for node in nodes if isinstance(node.op, Reshape)]


def reshapes_that_stay(function, *arguments) -> list[bool]:
    return axes_of(function, *arguments)[2]


def test_a_long_axis_is_cut_where_the_axes_before_it_were():
    axes, output, stays = axes_of(lambda x: x.reshape(64, 28 * 28), array(64, 28, 28))
    assert axes[output] == ((64,), (28, 28))
    assert stays == [False]


def test_a_cut_reaches_all_axes_that_an_axis_meets():
    def far(x, w):
        return (x.reshape(12, 5).exp() @ w).sum(1)

    axes, output, stays = axes_of(far, array(3, 4, 5), array(5, 7))
    assert axes[output] == ((3, 4),)
    assert stays == [False]


def test_an_axis_is_cut_in_all_the_places_that_reshapes_ask_for():
    def twice(x, y):
        return x.reshape(24) + y.reshape(24)

    axes, output, stays = axes_of(twice, array(2, 12), array(6, 4))
    assert axes[output] == ((2, 3, 4),)
    assert stays == [False, False]


def test_cuts_that_do_not_go_together_leave_a_reshape_where_it_is():
    assert reshapes_that_stay(lambda x: x.reshape(3, 2), array(2, 3)) == [True]
    stays = reshapes_that_stay(lambda x, y: x.reshape(6) + y.reshape(6), array(2, 3), array(3, 2))
    assert sorted(stays) == [False, True]
    axes, output, _ = axes_of(lambda x: x.reshape(2, 3).sum() + x.reshape(3, 2).sum(), array(6))
    assert axes[topological([output])[0]] in [((2, 3),), ((3, 2),)]


def test_an_axis_that_is_indexed_is_not_cut():
    places = np.array([1, 0])
    assert reshapes_that_stay(lambda x: x.reshape(6, 4).take(places), array(2, 3, 4)) == [True]
    assert reshapes_that_stay(lambda x: x.reshape(6, 4).take(places, 1), array(2, 3, 4)) == [False]


def test_an_axis_is_not_cut_before_a_part_is_taken_and_may_be_behind():
    assert reshapes_that_stay(lambda x: x.reshape(6)[1:5], array(2, 3)) == [True]
    assert reshapes_that_stay(lambda x: x[1:5].reshape(2, 2), array(6)) == [False]


def test_a_padded_axis_is_not_cut_behind_and_may_be_before():
    assert reshapes_that_stay(lambda x: x.pad([(1, 1)]).reshape(2, 4), array(6)) == [True]
    assert reshapes_that_stay(lambda x: x.reshape(6).pad([(1, 1)]), array(2, 3)) == [False]


def test_a_running_sum_keeps_its_axis_whole():
    assert reshapes_that_stay(lambda x: x.reshape(6).cumulative_sum(0), array(2, 3)) == [True]


def test_an_axis_of_one_has_no_factors_and_stretches_without_a_cut():
    axes, output, stays = axes_of(lambda x, y: x.reshape(6, 1) + y, array(2, 3), array(1, 4))
    assert axes[output] == ((2, 3), (4,))
    assert axes.sizes(output.inputs[0]) == (2, 3)
    assert stays == [False]


def test_a_reshape_of_nothing_stays():
    assert reshapes_that_stay(lambda x: x.reshape(0, 2), array(0, 3)) == [True]
    assert reshapes_that_stay(lambda x: x.reshape(0, 2, 2), array(0, 4)) == [True]
