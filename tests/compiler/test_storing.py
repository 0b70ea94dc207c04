"""Which values are kept in memory, and which are computed where they are used."""

import numpy as np

from lunzi.compiler.axes import Axes
from lunzi.compiler.passes import prepare
from lunzi.compiler.storing import Storing
from lunzi.core.elementwise import Add, Divide, Exp, Subtract
from lunzi.core.graph import Node, topological
from lunzi.core.trace import trace

X = np.zeros((64, 16), np.float32)


def stored(function, *arguments) -> list[Node]:
    """The nodes that are stored, of those that are no results."""
    ends = prepare(trace(function, *arguments).outputs)
    nodes = topological(ends)
    storing = Storing(nodes, ends, Axes(nodes))
    return [node for node in nodes if node in storing and node not in ends]


def is_made_by(nodes: list[Node], kind: type) -> bool:
    return any(isinstance(node.op, kind) for node in nodes)


def test_what_is_left_of_a_dear_mean_is_computed_again_and_the_mean_is_not():
    def spread(x):
        centred = x - x.sum(0) / 64.0
        return (centred * centred).sum(0), centred.abs().sum(0)

    nodes = stored(spread, X)
    assert is_made_by(nodes, Divide)
    assert not is_made_by(nodes, Subtract)


def test_a_dear_value_of_every_element_is_stored_for_two_users():
    def twice(x):
        grown = x.exp()
        return (grown * grown).sum(0), grown.sum(1)

    assert is_made_by(stored(twice, X), Exp)


def test_a_dear_value_goes_straight_into_its_padding():
    def padded(x):
        return x.exp().pad([(1, 1), (0, 0)]) * 1.5

    assert not is_made_by(stored(padded, X), Exp)


def test_a_dear_value_that_is_stretched_is_stored():
    def stretched(x):
        return x + x.exp().sum(0).exp()

    assert is_made_by([node for node in stored(stretched, X) if node.ndim == 1], Exp)


def test_what_is_cheap_to_compute_from_stored_values_is_not_stored():
    def spread(x):
        grown = x.exp()  # dear, with two users
        shifted = grown + 1.0
        return (shifted * grown).sum(0), shifted.abs().sum(1), (shifted * x).sum(1)

    nodes = stored(spread, X)
    assert is_made_by(nodes, Exp)
    assert not is_made_by(nodes, Add)
