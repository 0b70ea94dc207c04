import numpy as np

import lunzi as lz
from lunzi import optim
from lunzi.optim.decay import decayed, descent, with_decay


def group_of(**settings):
    return optim.AdamW([lz.tensor([1.0], requires_grad=True)], **settings).param_groups[0]


def test_decay_pulls_towards_zero():
    group = group_of(lr=0.5, weight_decay=0.25)
    p, g = lz.tensor([8.0]), lz.tensor([1.0])
    assert with_decay(p, g, group).item() == 1 + 0.25 * 8
    assert decayed(p, group).item() == 8 * (1 - 0.5 * 0.25)
    assert decayed(p, group).dtype == np.float32


def test_without_decay_nothing_is_computed():
    group = group_of(weight_decay=0.0)
    p, g = lz.tensor([8.0]), lz.tensor([1.0])
    assert with_decay(p, g, group) is g
    assert decayed(p, group) is p
    assert descent(g, group) is g
    assert descent(g, group_of(maximize=True)).item() == -1.0
