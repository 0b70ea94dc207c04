import numpy as np
import pytest

import lunzi as lz
from lunzi import optim
from lunzi.optim import lr_scheduler as schedules


def test_a_warm_up_and_then_a_decay(make_optimizer, rates):
    optimizer = make_optimizer(1.0)
    warm_up = schedules.LinearLR(optimizer, 0.25, 1.0, total_iters=3)
    decay = schedules.ExponentialLR(optimizer, 0.5)
    schedule = schedules.SequentialLR(optimizer, [warm_up, decay], milestones=[3])
    np.testing.assert_allclose(rates(schedule, 6), [0.25, 0.5, 0.75, 1, 0.5, 0.25, 0.125])


def test_each_schedule_begins_at_its_own_beginning(make_optimizer, rates):
    optimizer = make_optimizer(1.0)
    parts = [schedules.StepLR(optimizer, 2, gamma=0.5), schedules.ConstantLR(optimizer, 0.5, 1)]
    inner = schedules.SequentialLR(optimizer, parts, [3])
    last = schedules.ExponentialLR(optimizer, 0.1)
    schedule = schedules.SequentialLR(optimizer, [last, inner], [1])
    np.testing.assert_allclose(rates(schedule, 6), [1, 1, 1, 0.5, 0.5, 1, 1])


def test_loading_leaves_the_schedule_in_force_in_force(make_optimizer):
    def make():
        optimizer = make_optimizer(1.0, kind=optim.Adam)
        parts = [schedules.OneCycleLR(optimizer, lr, total_steps=9) for lr in (1.0, 2.0)]
        return optimizer, schedules.SequentialLR(optimizer, parts, [6])

    optimizer, schedule = make()
    resumed, other = make()
    for _ in range(4):
        schedule.step()
    other.load_state_dict(schedule.state_dict())
    expected = optimizer.param_groups[0].settings()
    assert {**resumed.param_groups[0].settings(), "initial_lr": 0} == {**expected, "initial_lr": 0}


def test_refuses_schedules_and_milestones_that_do_not_fit(make_optimizer):
    optimizer = make_optimizer(1.0)
    one, two = (schedules.ExponentialLR(optimizer, 0.5) for _ in range(2))
    plateau = schedules.ReduceLROnPlateau(optimizer)
    foreign = schedules.ExponentialLR(make_optimizer(1.0), 0.5)
    for parts, milestones, message in [
        ([one, two], [], "one milestone less than schedules, got 2 schedules and milestones"),
        ([], [], "one milestone less"),
        ([one, 3], [2], r"schedulers\[1\] is a schedule, got int"),
        ([one, plateau], [2], r"schedulers\[1\] is ReduceLROnPlateau, which needs a metric"),
        ([one, foreign], [2], r"schedulers\[1\] \(ExponentialLR\) belongs to another optimiser"),
        ([one, two], [0], "a milestone must be 1 or more, got 0"),
        ([one, two, one], [4, 2], r"milestones rise, got \[4, 2\]"),
        (one, [2], "schedulers are several in a list"),
        ([one, two], 2, "milestones are several in a list, got 2"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            schedules.SequentialLR(optimizer, parts, milestones)


def test_refuses_the_state_of_fewer_schedules(make_optimizer):
    optimizer = make_optimizer(1.0)
    parts = [schedules.ExponentialLR(optimizer, 0.5) for _ in range(2)]
    schedule = schedules.SequentialLR(optimizer, parts, [2])
    state = schedule.state_dict()
    state["schedulers"].pop()
    with pytest.raises(KeyError, match="of 1 schedules in a row, this one has 2"):
        schedule.load_state_dict(state)


def test_nothing_changes_when_the_state_of_one_schedule_does_not_fit(make_optimizer):
    optimizer = make_optimizer(1.0)
    parts = [schedules.ExponentialLR(optimizer, 0.5), schedules.ConstantLR(optimizer, 0.5, 4)]
    schedule = schedules.SequentialLR(optimizer, parts, [2])
    before = schedule.state_dict()
    schedule.step()
    state = schedule.state_dict()
    schedule.load_state_dict(before)
    state["schedulers"][1]["last_epoch"] = "many"
    with pytest.raises(lz.KindError, match="last_epoch is a whole number, got 'many'"):
        schedule.load_state_dict(state)
    assert schedule.state_dict() == before
