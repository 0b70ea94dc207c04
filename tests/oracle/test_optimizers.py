"""Optimisers and schedules against PyTorch's."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import optim

torch = pytest.importorskip("torch")

SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3, "maximize": True}),
    ("SGD", {}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "betas": (0.0, 0.5), "amsgrad": True, "maximize": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "momentum": 0.8, "centered": True}),
    ("RMSprop", {"lr": 0.02, "eps": 1e-2, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("Muon", {}),
    ("Muon", {"lr": 0.02, "nesterov": False, "momentum": 0.7, "adjust_lr_fn": "original"}),
    ("Muon", {"lr": 0.02, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}),
]


def test_every_optimiser_that_pytorch_has_has_a_setting():
    names = {name for name in optim.__all__ if hasattr(torch.optim, name)}
    assert {name for name, _ in SETTINGS} == names - {"Optimizer", "lr_scheduler"}


every_setting = pytest.mark.parametrize(("name", "settings"), SETTINGS)

# 20 steps round some 100 times, each by at most 6e-8 of the largest number on the way.
TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-12, "atol": 1e-13}}


@pytest.fixture(params=["float32", "float64"])
def dtype(request, monkeypatch):
    """The dtype, which is also that of PyTorch's own scalars and of its Muon."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, request.param))
    # PyTorch's Muon iterates in bfloat16, with 3 digits; the clone keeps it from working in place.
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    yield request.param
    torch.set_default_dtype(before)


class Twins:
    """The same parameters here and there, moved by the same gradients."""

    def __init__(self, name, settings, dtype):
        self.rng = np.random.default_rng(0)
        shapes = [(4, 3), (2, 5)] if name == "Muon" else [(4, 3), (5,), ()]
        arrays = [np.asarray(self.rng.standard_normal(shape), dtype) for shape in shapes]
        self.ours = [lz.tensor(array, requires_grad=True) for array in arrays]
        self.theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
        self.optimizer = getattr(optim, name)(self.ours, **settings)
        self.oracle = getattr(torch.optim, name)(self.theirs, **settings)

    def step(self, leave_out=()):
        for place, (a, b) in enumerate(zip(self.ours, self.theirs, strict=True)):
            gradient = np.asarray(self.rng.standard_normal(a.shape), a.dtype)
            is_left_out = place in leave_out
            a.grad = None if is_left_out else lz.tensor(gradient)
            b.grad = None if is_left_out else torch.tensor(gradient)
        self.optimizer.step()
        self.oracle.step()

    def compare(self, dtype):
        for a, b in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **TOLERANCE[dtype])


@every_setting
def test_20_steps(name, settings, dtype):
    twins = Twins(name, settings, dtype)
    for _ in range(20):
        twins.step()
        twins.compare(dtype)


@every_setting
def test_20_steps_with_gradients_that_are_not_always_there(name, settings, dtype):
    twins = Twins(name, settings, dtype)
    for step in range(20):
        twins.step(leave_out=[place for place in (0, 1) if (step + place) % 3 == 0])
    twins.compare(dtype)


@every_setting
def test_names_and_numbers_of_the_state(name, settings, dtype):
    twins = Twins(name, settings, dtype)
    for _ in range(20):
        twins.step()
    ours, theirs = twins.optimizer.state_dict(), twins.oracle.state_dict()
    for number, expected in theirs["state"].items():
        found = ours["state"][number]
        # PyTorch's SGD knows its first step by a missing buffer; dampening counts steps here.
        counted = {"step"} if settings.get("dampening") else set()
        assert set(found) == set(expected) | counted
        for key, value in expected.items():
            np.testing.assert_allclose(
                found[key].numpy(), value.numpy(), **TOLERANCE[dtype], err_msg=key
            )
    [group], [expected] = ours["param_groups"], theirs["param_groups"]
    assert group == {key: expected[key] for key in group}


@every_setting
def test_goes_on_from_the_state_of_the_other(name, settings, dtype):
    if settings.get("dampening"):
        settings = {**settings, "dampening": 0}
    twins = Twins(name, settings, dtype)
    for _ in range(3):
        twins.step()
    fresh = getattr(optim, name)(twins.ours)
    fresh.load_state_dict(twins.oracle.state_dict())
    twins.optimizer = fresh
    for _ in range(3):
        twins.step()
    twins.compare(dtype)


SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.3}),
    ("StepLR", {"step_size": 1}),
    ("MultiStepLR", {"milestones": [3, 10, 10, 30], "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [0, 5]}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.1, "total_iters": 20}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.7, "end_factor": 0.0, "total_iters": 30}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 12, "eta_min": 0.02}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("LambdaLR", {"lr_lambda": lambda step: 0.9**step}),
    ("LambdaLR", {"lr_lambda": [lambda step: 1 / (step + 1), lambda step: step]}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50}),
    ("OneCycleLR", {"max_lr": [0.5, 1.0], "epochs": 10, "steps_per_epoch": 6, "pct_start": 0.7}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 55, "three_phase": True, "pct_start": 0.25}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "cycle_momentum": False, "div_factor": 3.0}),
]


def pair(kind="SGD", **settings):
    """An optimiser of two groups here and there."""
    ours, theirs = (
        getattr(library.optim, kind)(
            [
                {"params": [library.tensor([1.0], requires_grad=True)], "lr": 0.1},
                {"params": [library.tensor([1.0], requires_grad=True)], "lr": 0.3},
            ],
            **settings,
        )
        for library in (lz, torch)
    )
    return ours, theirs


def compare_rates(ours, theirs, step):
    for group, expected in zip(ours.param_groups, theirs.param_groups, strict=True):
        settings = group.settings()
        np.testing.assert_allclose(settings["lr"], expected["lr"], rtol=1e-12, atol=1e-16)
        for name in ("momentum", "betas"):
            if name in expected:
                np.testing.assert_allclose(
                    settings[name], expected[name], rtol=1e-12, err_msg=f"{name}, step {step}"
                )


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_50_steps_of_a_schedule(name, settings, kind):
    ours, theirs = pair(kind)
    schedule = getattr(optim.lr_scheduler, name)(ours, **settings)
    oracle = getattr(torch.optim.lr_scheduler, name)(theirs, **settings)
    for step in range(50):
        compare_rates(ours, theirs, step)
        np.testing.assert_allclose(
            schedule.get_last_lr(), oracle.get_last_lr(), rtol=1e-12, atol=1e-16
        )
        schedule.step()
        oracle.step()


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_50_steps_of_schedules_in_a_row_and_together():
    ours, theirs = pair()
    rows = []
    for schedules, optimizer in ((optim.lr_scheduler, ours), (torch.optim.lr_scheduler, theirs)):
        parts = [
            schedules.LinearLR(optimizer, 0.1, total_iters=6),
            schedules.CosineAnnealingLR(optimizer, 20, eta_min=0.01),
            schedules.StepLR(optimizer, 5),
        ]
        row = schedules.SequentialLR(optimizer, parts, milestones=[6, 30])
        rows.append((row, schedules.ExponentialLR(optimizer, 0.99)))
    for step in range(50):
        compare_rates(ours, theirs, step)
        for schedule in [schedule for row in rows for schedule in row]:
            schedule.step()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"patience": 2, "factor": 0.5, "cooldown": 3},
        {"mode": "max", "patience": 1, "threshold": 0.05, "min_lr": [0.01, 0.2]},
        {"patience": 0, "threshold_mode": "abs", "threshold": 0.1, "eps": 1e-3},
        {"mode": "max", "patience": 0, "threshold_mode": "abs", "threshold": 0.1},
    ],
)
def test_50_steps_on_a_plateau(settings, rng):
    ours, theirs = pair()
    schedule = optim.lr_scheduler.ReduceLROnPlateau(ours, **settings)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    for step, metric in enumerate([*rng.standard_normal(48) + 2, np.nan, -np.inf]):
        schedule.step(metric)
        oracle.step(metric)
        compare_rates(ours, theirs, step)
        assert schedule.num_bad_epochs == oracle.num_bad_epochs
