"""Random programs with views, assigns and gradients: eager is traced bit for bit, or it raises.

A graph has no memory that could be shared, so what it gives is what the program means. Where
eager code would give anything else, because a view or a tape has gone stale, it must raise.
"""

import random

import numpy as np
import pytest

import lunzi as lz

MOVES = [
    lambda x: x.T,
    lambda x: x[::-1],
    lambda x: x[:, 1:].pad([(0, 0), (1, 0)]),
    lambda x: x.reshape(9).reshape(3, 3),
    lambda x: x.detach(),
    lambda x: x[:],
    lambda x: x.broadcast_to(3, 3),
    lambda x: x.copy(),
    lambda x: x[[2, 0, 1]],
]
OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a @ b,
    lambda a, b: a.maximum(b),
    lambda a, b: lz.where(a > b, a, b * 0.5),
    lambda a, b: lz.concat([a[:1], b[1:]]).tanh(),
    lambda a, b: a.sum(0, keepdims=True) - b.max(1, keepdims=True),
]


def program(seed, x, state):
    choose = random.Random(seed)
    pool = [x, *state]
    for _ in range(choose.randint(3, 14)):
        kind = choose.choice(["move", "move", "compute", "compute", "assign", "backward"])
        if kind == "move":
            pool.append(choose.choice(MOVES)(choose.choice(pool)))
        elif kind == "compute":
            pool.append(choose.choice(OPERATIONS)(choose.choice(pool), choose.choice(pool)))
        elif kind == "assign":
            choose.choice(pool[1:]).assign(choose.choice(pool))
        else:
            loss = choose.choice(pool).sum()
            if loss.requires_grad:
                loss.backward(retain_graph=choose.random() < 0.5)
    return [tensor * 1.0 for tensor in pool]


def new_state(seed):
    rng = np.random.default_rng(seed)
    numbers = [rng.standard_normal((3, 3)) / 2 for _ in range(3)]
    return [lz.tensor(array, requires_grad=place < 2) for place, array in enumerate(numbers)]


def bits(tensors):
    return [None if x is None else x.numpy().tobytes() for x in tensors]


@pytest.mark.parametrize("start", range(0, 500, 100))
def test_a_program_runs_as_its_graph_does_or_raises(start):
    agreed = 0
    for seed in range(start, start + 100):
        x = np.random.default_rng(seed + 1000).standard_normal((3, 3)) / 2
        eager_state, traced_state = new_state(seed), new_state(seed)
        try:
            eager = program(seed, lz.tensor(x), eager_state)
        except (lz.StateError, lz.GradientError):
            continue
        traced = lz.trace(lambda x, s=seed, state=traced_state: program(s, x, state), x)(x)
        assert bits(traced) == bits(eager)
        assert bits(traced_state) == bits(eager_state)
        assert bits(w.grad for w in traced_state) == bits(w.grad for w in eager_state)
        agreed += 1
    assert agreed > 30
