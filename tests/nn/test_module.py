"""Module: members found where they are, settings, hooks, and errors that name the layer."""

import copy
import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.core.mode import PROGRAM


class Net(nn.Module):
    """Parameters and modules in attributes, lists, tuples and dicts; no super().__init__()."""

    def __init__(self):
        self.first = nn.Linear(2, 3)
        self.blocks = [nn.Linear(3, 3), {"a": nn.Linear(3, 3), "b": (nn.Linear(3, 1),)}]
        self.scale = nn.Parameter([2.0])
        self.shift = nn.Buffer([1.0])
        self.table = nn.Buffer([5.0], persistent=False)
        self.width = 3

    def forward(self, x):
        x = self.blocks[0](self.first(x))
        inner = self.blocks[1]
        return inner["b"][0](inner["a"](x)) * self.scale + self.shift


class Twice(nn.Module):
    """One layer under two names."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.again = self.layer

    def forward(self, x):
        return self.again(self.layer(x))


NAMES = [
    "first.weight",
    "first.bias",
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.1.a.weight",
    "blocks.1.a.bias",
    "blocks.1.b.0.weight",
    "blocks.1.b.0.bias",
    "scale",
]


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert len(list(net.parameters())) == len(NAMES)
    assert [name for name, _ in net.named_parameters("net")] == [f"net.{name}" for name in NAMES]


def test_buffers_are_state_unless_they_are_not_persistent():
    net = Net()
    assert [name for name, _ in net.named_buffers()] == ["shift", "table"]
    assert list(net.buffers()) == [net.shift, net.table]
    assert list(net.state_dict()) == [*NAMES, "shift"]


def test_a_buffer_may_be_registered_by_pytorchs_name():
    net = nn.Identity()
    net.register_buffer("mean", np.zeros(2))
    net.register_buffer("mask", [1.0], persistent=False)
    net.register_buffer("nothing", None)
    assert list(net.state_dict()) == ["mean"]
    assert net.nothing is None
    with pytest.raises(lz.KindError, match="the name of a buffer is text, got 3"):
        net.register_buffer(3, np.zeros(2))


def test_modules_are_found_once_the_outer_before_the_inner():
    names = [name for name, _ in Net().named_modules()]
    assert names == ["", "first", "blocks.0", "blocks.1.a", "blocks.1.b.0"]
    assert [name for name, _ in Twice().named_modules("net")] == ["net", "net.layer"]
    assert [name for name, _ in Twice().named_children()] == ["layer"]
    with pytest.raises(lz.KindError, match="prefix is text, got 1"):
        list(Net().named_modules(1))


def test_a_module_used_twice_has_its_parameters_once_and_its_state_under_both_names():
    net = Twice()
    assert [name for name, _ in net.named_parameters()] == ["layer.weight", "layer.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    state = net.state_dict()
    assert list(state) == ["layer.weight", "layer.bias", "again.weight", "again.bias"]
    assert state["layer.weight"] is state["again.weight"]


def test_a_module_that_holds_itself_is_walked_once():
    net = Net()
    net.me = net
    net.first.owner = net
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert len(list(net.modules())) == 5


def test_a_set_has_no_order_and_is_refused():
    net = Net()
    net.parts = {nn.Linear(1, 1)}
    with pytest.raises(lz.KindError, match="parts holds modules or parameters in a set, whose"):
        list(net.parameters())
    net.parts = {1, 2}
    assert len(list(net.parameters())) == len(NAMES)


def test_a_parameter_assigned_to_another_attribute_is_one_parameter():
    net = Net()
    net.first.bias = net.blocks[0].bias
    assert len(list(net.parameters())) == len(NAMES) - 1
    net.first.bias = None
    assert "first.bias" not in net.state_dict()
    assert net(np.ones((1, 2))).shape == (1, 1)


def test_train_and_eval_reach_every_module():
    net = Net()
    assert not any(module.training for module in net.eval().modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(lz.KindError, match="mode is True or False, got 'eval'"):
        net.train("eval")


def test_parameters_may_be_frozen():
    net = Net()
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.first.requires_grad_(True)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == NAMES[:2]


def test_gradients_are_forgotten_or_become_zeros():
    net = nn.Linear(2, 1)
    net(np.ones((1, 2))).sum().backward()
    net.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(net.weight.grad, [[0, 0]])
    net.zero_grad()
    assert net.weight.grad is None
    net.zero_grad(set_to_none=False)
    assert net.weight.grad is None


def test_apply_reaches_the_inner_modules_first():
    seen = []
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]
    with pytest.raises(lz.KindError, match="fn is a function, got 'relu'"):
        net.apply("relu")


def test_conversion_keeps_integers_tied_parameters_and_memory_order():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), Twice())
    strides = net[0].weight.payload.strides
    assert net.to("float64") is net
    assert {tensor.dtype.name for tensor in net.parameters()} == {"float64"}
    assert net[1].num_batches_tracked.dtype == "int64"
    assert net[2].again.weight is net[2].layer.weight
    assert net[0].weight.payload.strides == tuple(2 * step for step in strides)
    assert net.half()[0].weight.dtype == "float16"
    assert net.float()[0].weight.dtype == "float32"
    assert net.double()[0].weight.dtype == "float64"


def test_conversion_to_an_integer_dtype_is_refused():
    with pytest.raises(lz.KindError, match="a module is converted to a floating dtype, got int64"):
        Net().to("int64")


# Hooks


def test_a_hook_before_the_forward_sees_and_replaces_the_inputs():
    net = nn.Identity()
    seen = []
    handle = net.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    assert net(1) == 1
    assert seen == [(1,)]
    handle.remove()
    net.register_forward_pre_hook(lambda module, inputs: inputs[0] + 1)
    net.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 10,))
    assert net(1) == 20
    assert len(seen) == 1


def test_a_hook_after_the_forward_sees_and_replaces_the_output():
    net = nn.Identity()
    seen = []
    first = net.register_forward_hook(lambda *arguments: seen.append(arguments))
    second = net.register_forward_hook(lambda module, inputs, output: output + 1)
    assert net(1) == 2
    assert seen == [(net, (1,), 1)]
    first.remove()
    first.remove()
    assert net(5) == 6
    second.remove()
    assert net(5) == 5


def test_a_hook_is_a_function():
    with pytest.raises(lz.KindError, match="hook is a function, got 3"):
        nn.Identity().register_forward_hook(3)


# What makes a program another one


def count_of(change):
    before = PROGRAM.value
    change()
    return PROGRAM.value - before


def test_whatever_changes_the_program_is_counted():
    net = Net()
    handle = net.register_forward_hook(lambda *_: None)
    assert count_of(lambda: setattr(net, "width", 4))
    assert count_of(lambda: setattr(net, "scale", nn.Parameter([1.0])))
    assert count_of(net.eval)
    assert count_of(net.double)
    assert count_of(lambda: net.requires_grad_(False))
    assert count_of(handle.remove)
    assert count_of(lambda: delattr(net, "width"))


def test_what_leaves_the_program_as_it_is_is_not_counted():
    net = Net().train()
    net.kept = lz.tensor(1.0)
    assert not count_of(lambda: setattr(net, "width", net.width))
    assert not count_of(lambda: setattr(net, "kept", lz.tensor(2.0)))
    assert not count_of(lambda: net.scale.assign(3))
    assert not count_of(net.train)


# Errors


def test_an_error_names_the_layer_by_its_path():
    message = "blocks.1.a (Linear): expects 3 features on the last axis, got (1, 2) with 2"
    net = Net()
    net.blocks[0] = nn.Linear(3, 2)
    with pytest.raises(lz.ShapeError, match=re.escape(message)):
        net(np.ones((1, 2)))


def test_a_module_without_a_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(lz.KindError, match="Empty has no forward method: write one"):
        Empty()(1)


# Copies and prints


def test_a_deep_copy_is_a_model_of_its_own():
    net = nn.Sequential(Twice(), nn.BatchNorm1d(2))
    net(np.ones((4, 2))).sum().backward()
    other = copy.deepcopy(net)
    assert other[0].again is other[0].layer
    assert other[0].layer.weight.grad is None
    other[0].layer.weight.fill_(0)
    assert net[0].layer.weight.numpy().any()
    np.testing.assert_array_equal(other[1].running_mean, net[1].running_mean)


def test_the_configuration_reads_the_attributes_of_its_arguments():
    class Layer(nn.Module):
        def __init__(self, size, bias=True, scale=1.0, unknown=None):
            self.size, self.scale = size, scale
            self.bias = nn.Parameter([0.0]) if bias else None

    assert Layer(3, False).config() == {"size": 3, "bias": False, "scale": 1.0}
    assert repr(Layer(3, scale=2.0)) == "Layer(size=3, scale=2.0)"
    assert Layer(3).multiply_adds((), None) == 0


def test_a_model_prints_its_layers():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.ReLU()))
    assert repr(net) == "\n".join(
        [
            "Sequential(",
            "  (0): Linear(in_features=2, out_features=3, bias=False)",
            "  (1): Sequential(",
            "    (0): ReLU()",
            "  )",
            ")",
        ]
    )


def test_a_summary_is_a_method_too():
    assert nn.Linear(2, 3).summary((4, 2)).multiply_adds == 24


def test_the_parameters_of_a_compiled_part_are_found():
    class Net(nn.Module):
        def __init__(self):
            self.fast = lz.compile(nn.Linear(2, 1))

        def forward(self, x):
            return self.fast(x)

    net = Net()
    assert list(net.state_dict()) == ["fast.weight", "fast.bias"]
    net.eval()
    assert not net.fast.training
    with pytest.raises(lz.ShapeError, match=r"fast \(Linear\)"):
        net(np.zeros((2, 3), np.float32))
