import math

import pytest

import lunzi as lz
from lunzi.optim.lr_scheduler import ReduceLROnPlateau


def follow(schedule, metrics):
    found = []
    for metric in metrics:
        schedule.step(metric)
        found.append(schedule.get_last_lr()[0])
    return found


def test_waits_and_then_lowers_the_rate(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0), factor=0.5, patience=1)
    # best 5; then two steps without a better one
    assert follow(schedule, [5, 5, 5, 4, 4, 3]) == [1, 1, 0.5, 0.5, 0.5, 0.5]


def test_after_a_change_it_may_look_away(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0), factor=0.5, patience=0, cooldown=2)
    assert follow(schedule, [5, 5, 5, 5, 5]) == [1, 0.5, 0.5, 0.5, 0.25]


@pytest.mark.parametrize(
    ("settings", "metrics", "is_better"),
    [
        ({"threshold": 0.1}, (10, 9.1), False),
        ({"threshold": 0.1}, (10, 8.9), True),
        ({"threshold": 0.1, "mode": "max"}, (10, 10.9), False),
        ({"threshold": 0.1, "mode": "max"}, (10, 11.1), True),
        ({"threshold": 2, "threshold_mode": "abs"}, (10, 8.1), False),
        ({"threshold": 2, "threshold_mode": "abs"}, (10, 7.9), True),
        ({"threshold": 2, "threshold_mode": "abs", "mode": "max"}, (10, 11.9), False),
        ({"threshold": 2, "threshold_mode": "abs", "mode": "max"}, (10, 12.1), True),
        ({}, (10, math.nan), False),
    ],
)
def test_what_counts_as_better(settings, metrics, is_better, make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0), patience=0, **settings)
    assert (follow(schedule, metrics)[1] == 1.0) is is_better


def test_the_rate_has_a_floor_for_each_group(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0, 1.0), patience=0, min_lr=[0.5, 0.01])
    follow(schedule, [1, 1, 1])
    assert schedule.get_last_lr() == [0.5, 0.1 * 0.1]


def test_a_change_too_small_is_left_out(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1e-8), patience=0)
    assert follow(schedule, [1, 1]) == [1e-8, 1e-8]


def test_takes_a_tensor_and_needs_one(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0))
    schedule.step(lz.tensor([2.0]))
    assert schedule.best == 2.0
    with pytest.raises(TypeError, match=r"needs the metric: scheduler.step\(validation_loss\)"):
        schedule.step()
    with pytest.raises(lz.KindError, match="the metric is one number, got 'low'"):
        schedule.step("low")
    assert schedule.last_epoch == 1


def test_the_best_metric_in_a_state_is_a_number_or_none(make_optimizer):
    schedule = ReduceLROnPlateau(make_optimizer(1.0))
    start = schedule.state_dict()
    for best in ("low", [1]):
        with pytest.raises(lz.KindError, match="best is a number or None"):
            schedule.load_state_dict(start | {"best": best})
    schedule.step(0.5)
    schedule.load_state_dict(start)
    assert schedule.best is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "best"}, "mode is one of 'min', 'max', got 'best'"),
        ({"threshold_mode": "x"}, "threshold_mode is one of 'rel', 'abs'"),
        ({"factor": 1.0}, "factor must be above 0 and below 1, got 1.0"),
        ({"patience": -1}, "patience must be 0 or more, got -1"),
        ({"cooldown": 0.5}, "cooldown is a whole number, got 0.5"),
        ({"threshold": 1}, "threshold must be 0 or more and below 1, got 1"),
        ({"min_lr": -1}, "min_lr must be 0 or more, got -1"),
        ({"min_lr": [0, 0]}, "min_lr has 2 numbers, the optimiser 1 groups"),
        ({"eps": -1}, "eps must be 0 or more"),
    ],
)
def test_refuses_what_is_out_of_range(arguments, message, make_optimizer):
    with pytest.raises((ValueError, TypeError), match=message):
        ReduceLROnPlateau(make_optimizer(1.0), **arguments)
