import numpy as np
import pytest

from lunzi.optim import lr_scheduler as schedules


def test_linear(make_optimizer, rates):
    schedule = schedules.LinearLR(make_optimizer(1.0), 0.2, 1.0, total_iters=4)
    np.testing.assert_allclose(rates(schedule, 6), [0.2, 0.4, 0.6, 0.8, 1, 1, 1], rtol=1e-14)


def test_linear_goes_down_to_nothing(make_optimizer, rates):
    schedule = schedules.LinearLR(make_optimizer(1.0), 1.0, 0.0, total_iters=2)
    np.testing.assert_allclose(rates(schedule, 3), [1, 0.5, 0, 0], atol=1e-15)


def test_cosine(make_optimizer, rates):
    schedule = schedules.CosineAnnealingLR(make_optimizer(1.0), T_max=4)
    half = 0.5**0.5
    down = [1, (1 + half) / 2, 0.5, (1 - half) / 2, 0]
    up = [(1 - half) / 2, 0.5, (1 + half) / 2, 1, (1 + half) / 2]
    np.testing.assert_allclose(rates(schedule, 9), [*down, *up], atol=1e-15)


def test_cosine_ends_at_its_lowest_rate(make_optimizer, rates):
    schedule = schedules.CosineAnnealingLR(make_optimizer(1.0), 1, eta_min=0.5)
    np.testing.assert_allclose(rates(schedule, 3), [1, 0.5, 1, 0.5], rtol=1e-15)


def test_any_function_of_the_step(make_optimizer, rates):
    schedule = schedules.LambdaLR(make_optimizer(2.0), lambda step: 1 / (1 + step))
    assert rates(schedule, 3) == [2, 1, 2 / 3, 0.5]


def test_a_function_for_each_group(make_optimizer):
    schedule = schedules.LambdaLR(
        make_optimizer(1.0, 2.0), [lambda step: 1.0, lambda step: 0.5**step]
    )
    schedule.step()
    assert schedule.get_last_lr() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: schedules.LinearLR(o, 0), "start_factor must be above 0, got 0"),
        (lambda o: schedules.LinearLR(o, 1, 2), "end_factor must be at most 1, got 2"),
        (lambda o: schedules.LinearLR(o, total_iters=0), "total_iters must be 1 or more"),
        (lambda o: schedules.CosineAnnealingLR(o, 0), "T_max must be 1 or more, got 0"),
        (lambda o: schedules.CosineAnnealingLR(o, 5, -1), "eta_min must be 0 or more, got -1"),
        (lambda o: schedules.LambdaLR(o, 0.5), "lr_lambda is a function of the step, got 0.5"),
        (lambda o: schedules.LambdaLR(o, [abs, abs]), "2 functions for 1 groups"),
        (lambda o: schedules.LambdaLR(o, lambda step: -1), "lr must be 0 or more, got -1.0"),
    ],
)
def test_refuses_what_is_out_of_range(make, message, make_optimizer):
    with pytest.raises((ValueError, TypeError), match=message):
        make(make_optimizer(1.0))
