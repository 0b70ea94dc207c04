import pytest

from lunzi.optim import lr_scheduler as schedules


def test_step(make_optimizer, rates):
    schedule = schedules.StepLR(make_optimizer(1.0), step_size=2, gamma=0.5)
    assert rates(schedule, 6) == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_multi_step(make_optimizer, rates):
    schedule = schedules.MultiStepLR(make_optimizer(1.0), milestones=[1, 3, 3], gamma=0.5)
    assert rates(schedule, 4) == [1, 0.5, 0.5, 0.125, 0.125]


def test_exponential(make_optimizer, rates):
    schedule = schedules.ExponentialLR(make_optimizer(1.0), gamma=0.5)
    assert rates(schedule, 3) == [1, 0.5, 0.25, 0.125]


def test_constant(make_optimizer, rates):
    schedule = schedules.ConstantLR(make_optimizer(1.0), factor=0.25, total_iters=2)
    assert rates(schedule, 3) == [0.25, 0.25, 1, 1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: schedules.StepLR(o, 0), "step_size must be 1 or more, got 0"),
        (lambda o: schedules.StepLR(o, 2, gamma=0), "gamma must be above 0, got 0"),
        (lambda o: schedules.MultiStepLR(o, [-1]), "a milestone must be 0 or more, got -1"),
        (lambda o: schedules.MultiStepLR(o, [1.5]), "a milestone is a whole number, got 1.5"),
        (lambda o: schedules.MultiStepLR(o, [1], gamma=-1), "gamma must be above 0, got -1"),
        (lambda o: schedules.ExponentialLR(o, "x"), "gamma is a number, got 'x'"),
        (lambda o: schedules.ConstantLR(o, factor=0), "factor must be above 0, got 0"),
        (lambda o: schedules.ConstantLR(o, total_iters=0), "total_iters must be 1 or more, got 0"),
    ],
)
def test_refuses_what_is_out_of_range(make, message, make_optimizer):
    with pytest.raises((ValueError, TypeError), match=message):
        make(make_optimizer(1.0))
