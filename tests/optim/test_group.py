import copy

import numpy as np
import pytest

import lunzi as lz
from lunzi import optim
from lunzi.core.mode import PROGRAM


@pytest.fixture
def group():
    w = lz.tensor([1.0, 2.0], requires_grad=True)
    return optim.Adam([w], lr=0.1).param_groups[0]


def test_settings_are_reached_by_item_and_by_attribute(group):
    assert group["betas"] == group.betas == (0.9, 0.999)
    assert group["lr"] is group.lr
    assert "eps" in group
    assert "beta" not in group
    assert list(group)[:3] == ["params", "lr", "betas"]
    assert len(group) == len(dict(group.items())) == 8
    assert group.get("beta", 3) == 3
    assert group == group
    assert hash(group) == hash(group)


def test_lr_stays_one_tensor_and_no_program_changes(group):
    lr, program = group.lr, PROGRAM.value
    group["lr"] = np.float64(0.2)
    group.lr = lz.tensor(0.25)
    assert group.lr is lr
    assert lr.item() == 0.25
    assert PROGRAM.value == program


def test_another_setting_changes_the_program_when_it_is_another_number(group):
    program = PROGRAM.value
    group.eps = 1e-8
    assert PROGRAM.value == program
    group["betas"] = [0.5, 0.6]
    assert group.betas == (0.5, 0.6)
    assert PROGRAM.value == program + 1


def test_several_settings_change_together_or_not_at_all():
    group = optim.SGD([lz.tensor([1.0], requires_grad=True)]).param_groups[0]
    group.update({"nesterov": True, "momentum": 0.9})
    with pytest.raises(ValueError, match="nesterov needs a momentum"):
        group.update({"lr": 0.5, "momentum": 0.0})
    assert (group.nesterov, group.momentum, group.lr.item()) == (True, 0.9, 0.001)


@pytest.mark.parametrize("name", ["beta", "initial_rate"])
def test_names_the_settings_there_are(group, name):
    message = f"no setting '{name}'; it has lr, betas, eps, weight_decay"
    with pytest.raises(KeyError, match=message):
        group[name]
    with pytest.raises(KeyError, match=message):
        group[name] = 1
    with pytest.raises(AttributeError, match=message):
        getattr(group, name)


def test_the_parameters_stay(group):
    with pytest.raises(RuntimeError, match="add others with add_param_group"):
        group["params"] = []


def test_refuses_a_tensor_of_several_numbers_as_lr(group):
    with pytest.raises(TypeError, match="lr is a number"):
        group.lr = lz.tensor([0.1, 0.2])


def test_a_held_setting_is_assigned_and_plain_when_looked_at(group):
    group.hold("betas")
    group.hold("betas")
    cells, program = group.betas, PROGRAM.value
    group.betas = (0.8, 0.99)
    assert group.betas is cells
    assert [cell.item() for cell in cells] == [0.8, 0.99]
    assert group.settings()["betas"] == (0.8, 0.99)
    assert PROGRAM.value == program
    with pytest.raises(ValueError, match=r"betas\[0\] must be 0 or more and below 1"):
        group.betas = (2, 0.99)
    assert group.betas[0].item() == 0.8


def test_lr_is_assigned_inside_a_traced_function(group):
    def halve():
        group.lr = group.lr * 0.5

    graph = lz.trace(halve)
    assert group.lr.item() == 0.1
    graph()
    graph()
    assert group.lr.item() == 0.025


def test_a_copy_is_a_group_of_its_own(group):
    other = copy.deepcopy(group)
    other.lr = 0.5
    assert group.lr.item() == 0.1
    assert other.settings() == {**group.settings(), "lr": 0.5}


def test_shows_its_settings(group):
    assert repr(group).startswith("Group(1 params, lr=0.1, betas=(0.9, 0.999), eps=1e-08")
