"""What holds for every schedule, found by inspection."""

import inspect
import json

import numpy as np
import pytest

import lunzi as lz
from lunzi import optim
from lunzi.core.mode import PROGRAM
from lunzi.optim import lr_scheduler
from lunzi.optim.lr_scheduler.scheduler import FactorScheduler

MAKE = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5], gamma=0.5),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 4),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 6),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 7, 0.01),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (1 + step)),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=12),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 3), lr_scheduler.ExponentialLR(o, 0.9)], [4]
    ),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1),
}
SCHEDULERS = [
    name
    for name in lr_scheduler.__all__
    if inspect.isclass(getattr(lr_scheduler, name)) and name != "LRScheduler"
]
every_schedule = pytest.mark.parametrize("name", SCHEDULERS)


def advance(schedule, count=1):
    for _ in range(count):
        is_plateau = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
        schedule.step(1.0) if is_plateau else schedule.step()


def test_every_schedule_is_tried():
    assert set(MAKE) == set(SCHEDULERS)


@every_schedule
def test_resumes_from_its_state_exactly(name, make_optimizer):
    straight = make_optimizer(0.1, 0.2, momentum=0.5)
    schedule = MAKE[name](straight)
    advance(schedule, 5)
    # as it comes back from a file
    saved = json.loads(json.dumps([schedule.state_dict(), straight.state_dict()["param_groups"]]))
    resumed = make_optimizer(0.1, 0.2, momentum=0.5)
    other = MAKE[name](resumed)
    resumed.load_state_dict({**straight.state_dict(), "param_groups": saved[1]})
    other.load_state_dict(saved[0])
    for _ in range(6):
        assert other.get_last_lr() == schedule.get_last_lr()
        assert resumed.param_groups[1].settings() == straight.param_groups[1].settings()
        advance(schedule)
        advance(other)


@every_schedule
def test_a_schedule_made_after_loading_the_optimizer_is_right_too(name, make_optimizer):
    straight = make_optimizer(0.1, momentum=0.5)
    schedule = MAKE[name](straight)
    advance(schedule, 5)
    resumed = make_optimizer(0.1, momentum=0.5)
    resumed.load_state_dict(straight.state_dict())
    other = MAKE[name](resumed)
    other.load_state_dict(schedule.state_dict())
    for _ in range(6):
        assert resumed.param_groups[0].settings() == straight.param_groups[0].settings()
        advance(schedule)
        advance(other)


@every_schedule
def test_a_rate_changed_by_hand_before_saving_comes_back(name, make_optimizer):
    optimizer = make_optimizer(0.1)
    schedule = MAKE[name](optimizer)
    optimizer.lr = 0.07
    resumed = make_optimizer(0.1)
    MAKE[name](resumed).load_state_dict(schedule.state_dict())
    assert resumed.lr.item() == 0.07


@every_schedule
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_no_step_asks_for_another_program(name, kind, make_optimizer):
    schedule = MAKE[name](make_optimizer(0.1, kind=kind))
    program = PROGRAM.value
    for _ in range(6):
        advance(schedule)
    assert PROGRAM.value == program


@every_schedule
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.NAdam])
def test_drives_a_traced_step_as_it_drives_an_eager_one(name, kind):
    results = []
    for is_traced in (False, True):
        w = lz.tensor(np.array([1.0, -2.0]), requires_grad=True)
        optimizer = kind([w], lr=0.1)
        schedule = MAKE[name](optimizer)

        def step(w=w, optimizer=optimizer):
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()

        run = lz.trace(step) if is_traced else step
        for _ in range(6):
            run()
            advance(schedule)
        results.append(w.numpy().tobytes())
    assert results[0] == results[1]


@every_schedule
def test_takes_an_optimizer(name):
    with pytest.raises(TypeError, match="a schedule takes an optimiser, got list"):
        MAKE[name]([])


@every_schedule
def test_refuses_the_state_of_another_schedule_or_of_other_groups(name, make_optimizer):
    schedule = MAKE[name](make_optimizer(0.1))
    state = schedule.state_dict()
    with pytest.raises(KeyError, match=f"the state of {name} has"):
        schedule.load_state_dict({"last_epoch": 3})
    with pytest.raises(KeyError, match="the state is of 1 groups, the optimiser has 2"):
        MAKE[name](make_optimizer(0.1, 0.2)).load_state_dict(state)


@every_schedule
def test_asks_for_a_schedule_made_after_the_last_group(name, make_optimizer):
    optimizer = make_optimizer(0.1)
    schedule = MAKE[name](optimizer)
    optimizer.add_param_group({"params": lz.tensor([1.0], requires_grad=True), "lr": 0.2})
    with pytest.raises(RuntimeError, match="make it after the last add_param_group"):
        advance(schedule, 3)


def test_a_schedule_of_ones_own_states_its_rates(make_optimizer, rates):
    class Halve(lr_scheduler.LRScheduler):
        def get_lr(self):
            share = 0.5 if self.last_epoch else 1.0
            return [group["lr"] * share for group in self.optimizer.param_groups]

    assert rates(Halve(make_optimizer(1.0)), 3) == [1.0, 0.5, 0.25, 0.125]


def test_a_schedule_states_its_rates(make_optimizer):
    with pytest.raises(lz.KindError, match="LRScheduler has no get_lr, which gives the rates"):
        lr_scheduler.LRScheduler(make_optimizer(1.0))
    with pytest.raises(lz.KindError, match="FactorScheduler has no factor of the rates"):
        FactorScheduler(make_optimizer(1.0))


@every_schedule
@pytest.mark.parametrize(
    "change",
    [
        {"last_epoch": "3"},
        {"last_epoch": -1},
        {"last_epoch": None},
        {"lrs": 0.1},
        {"lrs": ["a"]},
        {"base_lrs": [-1.0]},
    ],
)
def test_refuses_a_state_that_holds_something_else_and_changes_nothing(
    name, make_optimizer, change
):
    schedule = MAKE[name](make_optimizer(0.1))
    advance(schedule, 2)
    before = schedule.state_dict()
    other = MAKE[name](make_optimizer(0.1)).state_dict() | change
    with pytest.raises(lz.LunziError):
        schedule.load_state_dict(other)
    assert schedule.state_dict() == before


@pytest.mark.parametrize("state", [None, 3, "state", ["last_epoch"]])
def test_refuses_what_is_no_state(make_optimizer, state):
    with pytest.raises(lz.StateKeyError, match="the state of StepLR has"):
        lr_scheduler.StepLR(make_optimizer(0.1), 2).load_state_dict(state)


def test_two_schedules_work_together(make_optimizer):
    optimizer = make_optimizer(1.0)
    warm_up = lr_scheduler.ConstantLR(optimizer, 0.5, 2)
    decay = lr_scheduler.ExponentialLR(optimizer, 0.5)
    found = [optimizer.lr.item()]
    for _ in range(3):
        warm_up.step()
        decay.step()
        found.append(optimizer.lr.item())
    assert found == [0.5, 0.25, 0.25, 0.125]
    assert warm_up.base_lrs == decay.base_lrs == [1.0]


def test_a_rate_changed_by_hand_stays_changed(make_optimizer):
    optimizer = make_optimizer(1.0)
    schedule = lr_scheduler.ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.lr = 8.0
    schedule.step()
    assert optimizer.lr.item() == 4.0
