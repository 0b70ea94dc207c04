"""States: what fits, what is refused, and that nothing changes when something is."""

import pickle
import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.state import first_lost, is_convertible, missing_names, state_of, tied_names


class Tied(nn.Module):
    def __init__(self):
        self.embedding = nn.Embedding(3, 2)
        self.head = nn.Linear(2, 3, bias=False)
        self.head.weight = self.embedding.weight


def model():
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def numbers(module):
    return {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}


def test_a_state_is_a_copy():
    net = model()
    state = net.state_dict()
    state["0.weight"].fill_(7)
    net[0].bias.fill_(5)
    assert not (net[0].weight == 7).any()
    assert not (state["0.bias"] == 5).any()
    assert not any(tensor.requires_grad for tensor in state.values())


def test_a_state_goes_through_pickle_and_into_another_model(rng):
    net, other = model(), model()
    net(rng.standard_normal((5, 2)))
    result = other.load_state_dict(pickle.loads(pickle.dumps(net.state_dict())))
    assert numbers(other) == numbers(net)
    assert result == ([], [])


def test_arrays_lists_and_other_floating_dtypes_are_values_too():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": np.ones((1, 2), np.float16), "bias": [3]})
    assert layer(np.ones((1, 2))).item() == 5
    assert layer.weight.dtype == "float32"


def test_a_parameter_keeps_its_memory_order_when_it_is_loaded():
    layer = nn.Conv2d(2, 3, 3)
    before = layer.weight.payload
    layer.load_state_dict(layer.state_dict())
    assert layer.weight.payload is before


def test_names_that_do_not_fit_are_passed_over_on_request():
    net = model()
    before = net.state_dict()
    result = net.load_state_dict({"0.bias": [1.0, 2.0], "x": None}, strict=False)
    assert net[0].bias.tolist() == [1, 2]
    assert result.unexpected_keys == ["x"]
    assert result.missing_keys == [name for name in before if name != "0.bias"]


BAD = {
    "is missing": {"1.bias": None},
    "more is not known to the module": {"more": np.zeros(1)},
    "0.bias has shape (3,), the module's (2,)": {"0.bias": np.zeros(3)},
    "1.num_batches_tracked is float32, the module's int64": {"1.num_batches_tracked": 0.5},
    "0.bias holds 1e+39, which does not fit in float32": {"0.bias": np.array([0, 1e39])},
}


@pytest.mark.parametrize("message", BAD)
def test_a_state_that_does_not_fit_is_refused_as_a_whole(message):
    net = model()
    before = numbers(net)
    state = {name: tensor + 1 for name, tensor in net.state_dict().items()} | BAD[message]
    state = {name: value for name, value in state.items() if value is not None}
    with pytest.raises(lz.StateKeyError, match=re.escape(message)):
        net.load_state_dict(state)
    assert numbers(net) == before


def test_every_problem_is_told_at_once():
    with pytest.raises(lz.StateKeyError) as caught:
        model().load_state_dict({"0.weight": np.zeros(3), "other": 1})
    for part in ("does not fit Sequential", "0.weight has shape (3,)", "other is not known"):
        assert part in str(caught.value)
    assert str(caught.value).count("is missing") == 6


def test_a_tied_parameter_is_loaded_under_any_one_of_its_names():
    net = Tied()
    net.load_state_dict({"head.weight": np.arange(6.0).reshape(3, 2)})
    assert net.embedding.weight is net.head.weight
    assert net.embedding.weight.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_two_values_for_a_tied_parameter_are_refused():
    net = Tied()
    before = numbers(net)
    state = {"embedding.weight": np.ones((3, 2)), "head.weight": np.zeros((3, 2))}
    message = "embedding.weight and head.weight are one tensor of the module, but their numbers"
    with pytest.raises(lz.StateKeyError, match=re.escape(message)):
        net.load_state_dict(state)
    assert numbers(net) == before


def test_equal_values_for_a_tied_parameter_may_have_nan():
    net = Tied()
    value = np.full((3, 2), np.nan)
    net.load_state_dict({"embedding.weight": value, "head.weight": value.copy()})
    assert net.head.weight.isnan().all()


def test_memory_that_cannot_be_written_is_refused_before_anything_changes():
    net = model()
    fixed = np.ones(2, np.float32)
    fixed.flags.writeable = False
    net[1].weight = nn.Parameter(fixed)
    before = numbers(net)
    state = {name: tensor + 1 for name, tensor in net.state_dict().items()}
    with pytest.raises(lz.StateError, match=r"1\.weight cannot be loaded: its memory is read-only"):
        net.load_state_dict(state)
    assert numbers(net) == before
    net.load_state_dict({"0.bias": [1.0, 2.0]}, strict=False)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (nn.Linear(2, 2), r"got Linear: pass its state_dict\(\)"),
        (3, "a state is a mapping of names to tensors.* got int"),
        (None, "got NoneType"),
        ([("weight", 1)], "got list"),
    ],
)
def test_what_is_no_state_is_refused(state, message):
    with pytest.raises(lz.KindError, match=message):
        model().load_state_dict(state)


def test_values_that_are_no_numbers_are_refused():
    net = model()
    with pytest.raises(lz.KindError, match="a tensor is made of numbers"):
        net.load_state_dict(net.state_dict() | {"0.bias": ["a", "b"]})
    with pytest.raises(lz.KindError, match="strict is True or False"):
        net.load_state_dict(net.state_dict(), strict="no")


def test_two_tensors_of_one_name_are_refused():
    net = nn.Identity()
    net.parts = {"a.b": nn.Parameter([1.0]), "a": {"b": nn.Parameter([2.0])}}
    with pytest.raises(lz.RangeError, match=r"two tensors of the name parts.a.b: rename one"):
        net.state_dict()


def test_the_names_of_a_state():
    net = Tied()
    assert list(state_of(net)) == ["embedding.weight", "head.weight"]
    assert tied_names(state_of(net)) == [["embedding.weight", "head.weight"]]
    assert tied_names(state_of(model())) == []
    assert missing_names(state_of(net), {"head.weight": 0}) == []
    assert missing_names(state_of(net), {"other": 0}) == ["embedding.weight", "head.weight"]


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ("float64", "float16", True),
        ("int32", "int64", True),
        ("int64", "int32", False),
        ("int64", "float32", False),
        ("float32", "int64", False),
        ("bool", "int64", True),
    ],
)
def test_numbers_convert_where_none_can_be_lost_but_by_rounding(found, wanted, fits):
    assert is_convertible(np.dtype(found), np.dtype(wanted)) == fits


@pytest.mark.parametrize(
    ("values", "dtype", "lost"),
    [
        ([1.0, 70000.0], "float16", 70000.0),
        ([1, 70000], "float16", 70000),
        ([np.inf, np.nan, 1e-30], "float16", None),
        ([1, 300], "uint8", 300),
        ([1, 255], "uint8", None),
        ([1.0], "float64", None),
    ],
)
def test_the_first_number_that_a_dtype_cannot_hold(values, dtype, lost):
    assert first_lost(np.array(values), np.dtype(dtype)) == lost
