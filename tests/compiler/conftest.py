"""Lets the tests of this folder import what stands beside it, and what they share."""

import sys
from pathlib import Path

import pytest

from lunzi.compiler import compile as front
from lunzi.compiler.interpreted import Interpreted

sys.path.insert(0, str(Path(__file__).parent.parent))


@pytest.fixture
def built(monkeypatch):
    """The graphs that `compile` builds, in the interpreter, whose numbers are the eager ones."""
    graphs = []

    def build(graph, memories, layouts, check_finite=False):
        graphs.append(graph)
        return Interpreted(graph, memories, check_finite)

    monkeypatch.setattr(front, "build", build)
    return graphs
