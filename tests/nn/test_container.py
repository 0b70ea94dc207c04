"""Sequential, ModuleList and ModuleDict."""

import re
from collections import OrderedDict

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.mode import PROGRAM


class Plus(nn.Module):
    """Adds a number, to tell modules apart."""

    def __init__(self, number):
        self.number = number

    def forward(self, x):
        return x + self.number


def numbers(modules):
    return [module.number for module in modules]


def test_each_module_takes_what_the_one_before_gives():
    model = nn.Sequential(Plus(1), Plus(10))
    assert model(0) == 11
    assert nn.Sequential()(5) == 5


def test_the_same_module_twice_runs_twice():
    one = Plus(1)
    assert nn.Sequential(one, one)(0) == 2


def test_names_are_numbers_or_those_of_a_dict():
    assert list(nn.Sequential(nn.Linear(2, 1)).state_dict()) == ["0.weight", "0.bias"]
    model = nn.Sequential(OrderedDict(first=nn.Linear(2, 1), second=nn.Identity()))
    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.first is model[0]
    assert [name for name, _ in model.named_children()] == ["first", "second"]


def test_a_module_replaced_by_its_name_or_its_place_runs():
    model = nn.Sequential(OrderedDict(a=Plus(1), b=Plus(2)))
    model.b = Plus(20)
    assert model(0) == 21
    model[0] = Plus(300)
    assert model(0) == 320
    assert list(model.held()) == ["a", "b"]


def test_a_sequential_is_indexed_sliced_counted_and_walked_over():
    model = nn.Sequential(Plus(1), Plus(2), Plus(3))
    assert len(model) == 3
    assert numbers(model) == [1, 2, 3]
    assert model[-1].number == 3
    part = model[1:]
    assert isinstance(part, nn.Sequential)
    assert numbers(part) == [2, 3]
    assert list(part.held()) == ["1", "2"]


def test_modules_are_added_and_deleted_and_numbers_close_up():
    model = nn.Sequential(Plus(1)).append(Plus(2)).extend([Plus(3), Plus(4)])
    del model[-3]
    assert numbers(model) == [1, 3, 4]
    assert list(model.held()) == ["0", "1", "2"]
    named = nn.Sequential({"a": Plus(1), "b": Plus(2), "c": Plus(3)})
    del named[0]
    assert list(named.held()) == ["b", "c"]


def test_every_change_makes_another_program():
    model = nn.Sequential(Plus(1), Plus(2))
    for change in (
        lambda: model.append(Plus(3)),
        lambda: model.__setitem__(0, Plus(4)),
        lambda: model.__delitem__(0),
        model.clear,
    ):
        before = PROGRAM.value
        change()
        assert PROGRAM.value > before


def test_a_list_of_modules_behaves_as_one():
    modules = nn.ModuleList([Plus(1), Plus(3)])
    modules.insert(1, Plus(2))
    modules.append(Plus(4))
    assert numbers(modules) == [1, 2, 3, 4]
    assert numbers(modules[1:3]) == [2, 3]
    assert isinstance(modules[:1], nn.ModuleList)
    assert list(modules.held()) == ["0", "1", "2", "3"]
    modules[0] = Plus(9)
    assert modules[0].number == 9


def test_a_dict_of_modules_behaves_as_one():
    modules = nn.ModuleDict({"a": Plus(1)})
    modules["b"] = Plus(2)
    modules.update({"a": Plus(10)})
    assert "a" in modules
    assert "c" not in modules
    assert list(modules) == list(modules.keys()) == ["a", "b"]
    assert numbers(modules.values()) == [10, 2]
    assert [name for name, _ in modules.items()] == ["a", "b"]
    assert modules.pop("a").number == 10
    del modules["b"]
    assert len(modules) == 0
    assert len(nn.ModuleDict()) == 0


def test_containers_print_what_they_hold():
    assert repr(nn.Sequential(nn.Linear(2, 3, bias=False), nn.Flatten())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=False)\n  (1): Flatten()\n)"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_containers_have_no_arguments_of_their_own():
    for container in (nn.Sequential(Plus(1)), nn.ModuleList(), nn.ModuleDict()):
        assert container.config() == {}


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: nn.Sequential(nn.Identity), lz.KindError, "got the class: write Identity(...)"),
        (
            lambda: nn.Sequential([nn.Identity()]),
            lz.KindError,
            "a list: write Sequential(*modules)",
        ),
        (lambda: nn.Sequential(np.tanh), lz.KindError, "call it in a module's forward"),
        (lambda: nn.Sequential(3), lz.KindError, "'0' is to be a module, got 3"),
        (lambda: nn.ModuleList([None]), lz.KindError, "'0' is to be a module, got None"),
        (lambda: nn.ModuleDict({"a.b": Plus(1)}), lz.RangeError, "is not empty and has no dot"),
        (lambda: nn.ModuleDict({"": Plus(1)}), lz.RangeError, "is not empty"),
        (lambda: nn.ModuleDict({1: Plus(1)}), lz.KindError, "a module's name is text, got 1"),
        (lambda: nn.ModuleDict({"keys": Plus(1)}), lz.RangeError, "ModuleDict.keys is something"),
        (lambda: nn.Sequential(Plus(1))[1], lz.PositionError, "no module 1: there are 1"),
        (lambda: nn.ModuleList([Plus(1)])[-2], lz.PositionError, "no module -2: there are 1"),
        (
            lambda: nn.ModuleDict({"a": Plus(1)})["b"],
            lz.StateKeyError,
            "no module 'b': there are a",
        ),
        (lambda: nn.Sequential({"1": Plus(1)}).append(Plus(2)), lz.RangeError, "'1' already"),
        (lambda: nn.ModuleList()(1), lz.KindError, "a ModuleList only holds modules"),
        (lambda: nn.ModuleDict()(1), lz.KindError, "a ModuleDict only holds modules"),
        (lambda: nn.ModuleDict([("a", Plus(1))]), lz.KindError, "modules are a dict of name"),
        (lambda: nn.ModuleDict()[[1]], lz.KindError, "a module's name is text, got [1]"),
        (lambda: nn.ModuleList(3), lz.KindError, "modules are several in a list, got 3"),
        (lambda: nn.Sequential(Plus(1))["0"], lz.KindError, "a module must be a whole number"),
        (lambda: nn.ModuleList().insert(0.5, Plus(1)), lz.KindError, "must be a whole number"),
    ],
)
def test_mistakes_are_explained(make, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        make()


def test_an_insert_beyond_the_ends_goes_to_the_end():
    modules = nn.ModuleList([Plus(1)])
    modules.insert(10**30, Plus(2))
    modules.insert(-(10**30), Plus(0))
    assert numbers(modules) == [0, 1, 2]


def error_of(model, x):
    with pytest.raises(lz.ShapeError) as caught:
        model(x)
    return str(caught.value)


def test_an_error_tells_what_the_layer_before_gives():
    model = nn.Sequential(nn.Conv1d(10, 10, 1), nn.ReLU(), nn.Linear(128, 3))
    assert error_of(model, np.zeros((64, 10, 4))) == (
        "2 (Linear): expects 128 features on the last axis, got (64, 10, 4) with 4. A Flatten may "
        "be missing before it. The layer before, 1 (ReLU), gives (64, 10, 4)"
    )


def test_nothing_is_told_of_the_layer_before_where_it_is_not_known():
    assert "before" not in error_of(nn.Sequential(nn.Linear(3, 2)), np.zeros((2, 4)))
    # An inner layer of a module may have got something else than the module.
    nested = nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(3, 2)))
    assert "before" not in error_of(nested, np.zeros((2, 4)))
    # Neither is an array a tensor of which the shape is known to be meant.
    assert "before" not in error_of(nn.Sequential(nn.Identity(), nn.Linear(3, 2)), [[1.0]])


def test_a_failed_change_leaves_a_list_as_it_was():
    modules = nn.ModuleList([Plus(1), Plus(2)])
    with pytest.raises(lz.KindError):
        modules.insert(0, "no module")
    assert numbers(modules) == [1, 2]
