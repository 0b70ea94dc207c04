import numpy as np
import pytest

from lunzi import optim
from lunzi.optim.lr_scheduler import OneCycleLR


def test_up_and_down_in_straight_lines(make_optimizer, rates):
    schedule = OneCycleLR(
        make_optimizer(0.3),
        max_lr=1.0,
        total_steps=6,
        pct_start=0.5,
        anneal_strategy="linear",
        div_factor=5.0,
        final_div_factor=2.0,
    )
    # 0.2 at step 0, 1 at step 0.5 * 6 - 1 = 2, 0.1 at step 5
    expected = [0.2, 0.6, 1.0, 0.7, 0.4, 0.1]
    np.testing.assert_allclose(rates(schedule, 5), expected, rtol=1e-14)


def test_three_phases_in_straight_lines(make_optimizer, rates):
    schedule = OneCycleLR(
        make_optimizer(0.3),
        max_lr=1.0,
        total_steps=9,
        pct_start=1 / 3,
        anneal_strategy="linear",
        div_factor=5.0,
        final_div_factor=2.0,
        three_phase=True,
    )
    expected = [0.2, 0.6, 1.0, 0.6, 0.2, 0.175, 0.15, 0.125, 0.1]
    np.testing.assert_allclose(rates(schedule, 8), expected, rtol=1e-14)


def test_cosines_begin_and_end_gently(make_optimizer, rates):
    schedule = OneCycleLR(make_optimizer(0.3), 1.0, total_steps=10, pct_start=0.5)
    found = rates(schedule, 9)
    np.testing.assert_allclose(found[0], 1 / 25)
    np.testing.assert_allclose(found[2], (1 / 25 + 1) / 2)
    assert found[4] == 1.0
    np.testing.assert_allclose(found[9], 1 / 25e4)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_momentum_goes_the_other_way(kind, make_optimizer):
    optimizer = make_optimizer(0.3, kind=kind)
    schedule = OneCycleLR(optimizer, 1.0, total_steps=6, pct_start=0.5, anneal_strategy="linear")
    found = []
    for step in range(6):
        if step:
            schedule.step()
        settings = optimizer.param_groups[0].settings()
        found.append(settings["betas"][0] if kind is optim.Adam else settings["momentum"])
    expected = [0.95, 0.9, 0.85, 0.85 + 0.1 / 3, 0.85 + 0.2 / 3, 0.95]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    if kind is optim.Adam:
        assert settings["betas"][1] == 0.999


def test_momentum_may_stay(make_optimizer):
    optimizer = make_optimizer(0.3, momentum=0.5)
    OneCycleLR(optimizer, 1.0, total_steps=6, cycle_momentum=False).step()
    assert optimizer.param_groups[0].momentum == 0.5


def test_each_group_has_its_own_levels(make_optimizer):
    optimizer = make_optimizer(0.3, 0.3)
    schedule = OneCycleLR(optimizer, [1.0, 2.0], total_steps=6, max_momentum=[0.9, 0.8])
    np.testing.assert_allclose(schedule.get_last_lr(), [1 / 25, 2 / 25], rtol=1e-14)
    assert schedule.base_lrs == [1 / 25, 2 / 25]
    assert [group.settings()["momentum"] for group in optimizer.param_groups] == [0.9, 0.8]


def test_a_way_of_no_length_is_over_at_once(make_optimizer, rates):
    schedule = OneCycleLR(make_optimizer(0.3), 1.0, total_steps=2, pct_start=0.5)
    np.testing.assert_allclose(rates(schedule, 1), [1.0, 1 / 25e4])


def test_the_length_may_be_given_in_epochs(make_optimizer):
    assert OneCycleLR(make_optimizer(0.3), 1.0, epochs=3, steps_per_epoch=4).total_steps == 12


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_behind_the_last_step_the_rate_stays_for_one_and_then_it_is_an_error(
    strategy, make_optimizer, rates
):
    schedule = OneCycleLR(make_optimizer(0.3), 1.0, total_steps=8, anneal_strategy=strategy)
    # A loop calls step() after the last batch too, and trains nothing with that rate.
    found = rates(schedule, 8)
    np.testing.assert_allclose(found[7:], 1 / 25e4, rtol=1e-9)
    with pytest.raises(ValueError, match="made for 8 steps, this is number 9: give total_steps="):
        schedule.step()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_lr": 1.0}, "needs total_steps, or epochs and steps_per_epoch"),
        ({"max_lr": 1.0, "epochs": 3}, "needs total_steps, or epochs and steps_per_epoch"),
        ({"max_lr": 1.0, "total_steps": 0}, "total_steps must be 1 or more, got 0"),
        ({"max_lr": -1.0, "total_steps": 5}, "max_lr must be above 0, got -1.0"),
        ({"max_lr": [1.0, 2.0], "total_steps": 5}, "max_lr has 2 numbers, the optimiser 1 groups"),
        ({"max_lr": 1.0, "total_steps": 5, "pct_start": 30}, "pct_start must be at most 1"),
        ({"max_lr": 1.0, "total_steps": 5, "anneal_strategy": "x"}, "one of 'cos', 'linear'"),
        ({"max_lr": 1.0, "total_steps": 5, "base_momentum": 1}, "base_momentum must be .* below 1"),
        ({"max_lr": 1.0, "total_steps": 5, "div_factor": 0}, "div_factor must be above 0"),
        ({"max_lr": 1.0, "total_steps": 5, "three_phase": 1}, "three_phase is True or False"),
    ],
)
def test_refuses_what_is_out_of_range(arguments, message, make_optimizer):
    with pytest.raises((ValueError, TypeError), match=message):
        OneCycleLR(make_optimizer(0.3), **arguments)


def test_an_optimizer_without_momentum_is_named(make_optimizer):
    optimizer = make_optimizer(0.3, kind=optim.Adagrad)
    with pytest.raises(ValueError, match="neither momentum nor betas: write OneCycleLR"):
        OneCycleLR(optimizer, 1.0, total_steps=5)
