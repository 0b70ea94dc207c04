"""What holds for every optimiser, found by inspection, and for the walk that they share."""

import copy
import gc
import inspect
import json
import weakref

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.core.mode import PROGRAM
from lunzi.optim.group import beside

# settings with which each optimiser is tried; the first of each is for the bowl
CASES = {
    "SGD": [
        {"lr": 0.05},
        {"lr": 0.01, "momentum": 0.9},
        {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "maximize": True},
    ],
    "Adam": [
        {"lr": 0.1},
        {"amsgrad": True, "weight_decay": 0.1},
        {"maximize": True, "decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "AdamW": [{"lr": 0.1, "weight_decay": 0.0}, {}, {"amsgrad": True, "maximize": True}],
    "RMSprop": [{"lr": 0.1}, {"momentum": 0.9, "centered": True}, {"weight_decay": 0.1}],
    "Adagrad": [{"lr": 0.5}, {"lr_decay": 0.1, "weight_decay": 0.1}, {"maximize": True}],
    "NAdam": [
        {"lr": 0.1},
        {"weight_decay": 0.1, "momentum_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
    "Lion": [{"lr": 0.05}, {"weight_decay": 0.1, "maximize": True}],
    "Muon": [
        {"lr": 0.1, "weight_decay": 0.0},
        {"nesterov": False, "adjust_lr_fn": "match_rms_adamw"},
        {"ns_steps": 3, "momentum": 0.5},
    ],
}
OPTIMIZERS = {
    name: member
    for name in optim.__all__
    if inspect.isclass(member := getattr(optim, name))
    and issubclass(member, optim.Optimizer)
    and member is not optim.Optimizer
}
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
every_case = pytest.mark.parametrize(
    ("name", "settings"),
    [pytest.param(name, case, id=f"{name}-{case}") for name in CASES for case in CASES[name]],
)


class Network:
    """Two matrices, of which one is a view over transposed memory as in a linear layer."""

    def __init__(self, dtype="float64"):
        rng = np.random.default_rng(1)
        self.first = lz.Tensor(rng.standard_normal((4, 3)).astype(dtype), requires_grad=True)
        self.second = lz.Tensor(rng.standard_normal((4, 2)).astype(dtype).T, requires_grad=True)
        self.params = [self.first, self.second]
        self.x = lz.tensor(rng.standard_normal((5, 3)).astype(dtype))
        self.y = lz.tensor(rng.standard_normal((5, 2)).astype(dtype))

    def loss(self, x, y):
        return ((x @ self.first.T).tanh() @ self.second.T - y).square().mean()

    def step(self, optimizer):
        loss = self.loss(self.x, self.y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def bits(self, optimizer):
        """Everything that training changes, as bytes."""
        state = [x for p in self.params for x in optimizer.state[p].values()]
        return [x.numpy().tobytes() for x in [*self.params, *state]]


def test_every_optimizer_is_tried():
    assert set(CASES) == set(OPTIMIZERS)


@every_optimizer
def test_finds_the_bottom_of_a_bowl(name, rng):
    target = rng.standard_normal((3, 2))
    w = lz.tensor(np.zeros((3, 2)), requires_grad=True)
    optimizer = OPTIMIZERS[name]([w], **CASES[name][0])
    first, steps = float(optimizer.lr), 500
    for step in range(steps):
        # Some take steps of one length, and arrive only when these become short.
        optimizer.lr = first * (1 - step / steps)
        optimizer.zero_grad()
        ((w - target).square() * [1.0, 3.0]).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.numpy(), target, atol=2e-3)


@every_case
def test_resumes_from_its_state_with_the_same_bits(name, settings):
    straight, stopped, resumed = Network("float32"), Network("float32"), Network("float32")
    optimizer = OPTIMIZERS[name](straight.params, **settings)
    for _ in range(6):
        straight.step(optimizer)
    half = OPTIMIZERS[name](stopped.params, **settings)
    for _ in range(3):
        stopped.step(half)
    state = half.state_dict()
    for _ in range(3):
        stopped.step(half)  # what was saved is a copy
    other = OPTIMIZERS[name](resumed.params)
    other.load_state_dict(state)
    fresh = Network("float32")
    first = OPTIMIZERS[name](fresh.params, **settings)
    for _ in range(3):
        fresh.step(first)
    for parameter, reached in zip(resumed.params, fresh.params, strict=True):
        parameter.assign(reached)
    for _ in range(3):
        resumed.step(other)
    assert resumed.bits(other) == straight.bits(optimizer) == stopped.bits(half)


@every_case
def test_settings_in_a_state_are_plain(name, settings):
    optimizer = OPTIMIZERS[name](Network().params, **settings)
    [group] = optimizer.state_dict()["param_groups"]
    assert json.loads(json.dumps(group))["lr"] == float(optimizer.lr)


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_keeps_dtypes_and_memory_order(name, settings, dtype):
    network = Network(dtype)
    optimizer = OPTIMIZERS[name](network.params, **settings)
    memory = [p.payload for p in network.params]
    network.step(optimizer)
    for parameter, array in zip(network.params, memory, strict=True):
        assert parameter.payload is array
        for tensor in optimizer.state[parameter].values():
            if tensor.ndim:
                assert tensor.dtype == dtype
                assert tensor.payload.strides == array.strides


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_traced_step_is_the_eager_one_bit_for_bit(name, settings, dtype):
    eager, traced = Network(dtype), Network(dtype)
    eager_optimizer = OPTIMIZERS[name](eager.params, **settings)
    optimizer = OPTIMIZERS[name](traced.params, **settings)
    before = traced.bits(optimizer)

    def step(x, y):
        loss = traced.loss(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    graph = lz.trace(step, traced.x, traced.y)
    assert traced.bits(optimizer) == before
    for lr in (0.01, 0.01, 0.002, 0.03):
        optimizer.lr = eager_optimizer.lr = lr
        assert graph(traced.x, traced.y).item() == eager.step(eager_optimizer).item()
        assert traced.bits(optimizer) == eager.bits(eager_optimizer)


@every_case
def test_groups_train_with_settings_of_their_own(name, settings):
    together, apart = Network(), Network()
    other = {**settings, "lr": 0.03, "weight_decay": 0.2}
    if name == "Adam":
        other["betas"] = (0.5, 0.6)
    if name == "SGD":
        other["momentum"] = 0.5
    optimizer = OPTIMIZERS[name](
        [{"params": [together.first]}, {"params": together.second, **other}], **settings
    )
    first = OPTIMIZERS[name]([apart.first], **settings)
    second = OPTIMIZERS[name]([apart.second], **other)
    for _ in range(3):
        together.step(optimizer)
        apart.loss(apart.x, apart.y).backward()
        for half in (first, second):
            half.step()
            half.zero_grad()
    for a, b in zip(together.params, apart.params, strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


@every_optimizer
def test_a_parameter_without_gradient_stays_and_its_steps_do_not_count(name):
    network = Network()
    optimizer = OPTIMIZERS[name](network.params)
    fresh = optimizer.state_dict()["state"][0]
    before = network.first.numpy().copy()
    network.second.grad = lz.ones_like(network.second)
    optimizer.step()
    np.testing.assert_array_equal(network.first.numpy(), before)
    for key, tensor in optimizer.state[network.first].items():
        np.testing.assert_array_equal(tensor.numpy(), fresh[key].numpy())
    if "step" in optimizer.state[network.second]:
        assert optimizer.state[network.second]["step"].item() == 1


@pytest.mark.parametrize(
    "name", [n for n, cls in OPTIMIZERS.items() if "maximize" in inspect.signature(cls).parameters]
)
def test_maximize_climbs_where_else_it_would_descend(name):
    down, up = Network(), Network()
    descending = OPTIMIZERS[name](down.params)
    climbing = OPTIMIZERS[name](up.params, maximize=True)
    for _ in range(3):
        (-down.loss(down.x, down.y)).backward()
        up.loss(up.x, up.y).backward()
        for optimizer in (descending, climbing):
            optimizer.step()
            optimizer.zero_grad()
    np.testing.assert_array_equal(down.first.numpy(), up.first.numpy())


WRONG = [
    ("SGD", {"lr": -0.1}, "lr must be 0 or more, got -0.1"),
    ("SGD", {"lr": float("nan")}, "lr must be finite, got nan"),
    ("SGD", {"lr": float("inf")}, "lr must be finite, got inf"),
    ("SGD", {"lr": "fast"}, "lr is a number, got 'fast'"),
    ("SGD", {"lr": True}, "lr is a number, got True"),
    ("SGD", {"momentum": -1}, "momentum must be 0 or more, got -1"),
    ("SGD", {"dampening": -1}, "dampening must be 0 or more, got -1"),
    ("SGD", {"weight_decay": -1}, "weight_decay must be 0 or more, got -1"),
    ("SGD", {"maximize": 1}, "maximize is True or False, got 1"),
    ("SGD", {"nesterov": True}, "nesterov needs a momentum and no dampening"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs a momentum"),
    ("Adam", {"betas": (0.9, 1.0)}, r"betas\[1\] must be 0 or more and below 1, got 1.0"),
    ("Adam", {"betas": (-0.1, 0.9)}, r"betas\[0\] must be 0 or more and below 1, got -0.1"),
    ("Adam", {"betas": 0.9}, r"betas are two numbers, such as \(0.9, 0.999\), got 0.9"),
    ("Adam", {"eps": -1e-8}, "eps must be 0 or more"),
    ("Adam", {"amsgrad": None}, "amsgrad is True or False, got None"),
    ("AdamW", {"weight_decay": -1}, "weight_decay must be 0 or more"),
    ("RMSprop", {"alpha": 1.0}, "alpha must be 0 or more and below 1, got 1.0"),
    ("RMSprop", {"centered": "yes"}, "centered is True or False"),
    ("Adagrad", {"lr_decay": -1}, "lr_decay must be 0 or more"),
    ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value must be 0 or more"),
    ("NAdam", {"momentum_decay": -1}, "momentum_decay must be 0 or more"),
    ("Lion", {"betas": (0.9,)}, "betas are two numbers"),
    ("Muon", {"momentum": 1.0}, "momentum must be 0 or more and below 1"),
    ("Muon", {"ns_steps": 100}, "ns_steps must be 1 or more and below 100, got 100"),
    ("Muon", {"ns_steps": 0}, "ns_steps must be 1 or more, got 0"),
    ("Muon", {"ns_steps": 2.0}, "ns_steps is a whole number, got 2.0"),
    ("Muon", {"ns_coefficients": (1, 2)}, "ns_coefficients are three numbers, got"),
    ("Muon", {"ns_coefficients": (1, 2, "c")}, r"ns_coefficients\[2\] is a number, got 'c'"),
    ("Muon", {"adjust_lr_fn": "x"}, "adjust_lr_fn is one of None, 'original', 'match_rms_adamw'"),
]


@pytest.mark.parametrize(("name", "settings", "message"), WRONG)
def test_refuses_settings_out_of_range(name, settings, message):
    with pytest.raises(lz.LunziError, match=message):
        OPTIMIZERS[name](Network().params, **settings)


@every_optimizer
def test_every_number_among_the_arguments_is_checked(name):
    for argument, parameter in inspect.signature(OPTIMIZERS[name]).parameters.items():
        if isinstance(parameter.default, int | float | tuple):
            with pytest.raises(lz.LunziError, match=argument):
                OPTIMIZERS[name](Network().params, **{argument: "wrong"})


computed = lz.tensor([1.0], requires_grad=True) * 2
leaf = lz.tensor([[1.0]], requires_grad=True)
view = lz.ones((2, 2))[0].requires_grad_()
fixed = np.ones(2)
fixed.flags.writeable = False


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, r"SGD got no parameters.*Call model.parameters\(\) again"),
        ([{"params": []}], ValueError, "SGD got no parameters"),
        (leaf, TypeError, r"got one: write \[tensor\]"),
        ({leaf}, TypeError, "the order of a set"),
        ({"params": [leaf]}, TypeError, "params are tensors or groups, got dict"),
        ("weights", TypeError, "got str"),
        (3, TypeError, "got int"),
        ([np.zeros(3)], TypeError, r"params\[0\] is a ndarray: write"),
        ([leaf, {"params": [leaf]}], TypeError, r"params\[1\] is a dict"),
        ([{"param": [leaf]}], TypeError, 'a group is a dict with "params"'),
        ([lz.ones(2, "float16", requires_grad=True)], TypeError, r"params\[0\] is float16, where"),
        ([leaf, leaf], ValueError, r"params\[1\], of shape \(1, 1\), is given twice"),
        ([{"params": leaf}, {"params": leaf}], ValueError, "given twice"),
        ([computed], RuntimeError, r"params\[0\], of shape \(1,\), was computed"),
        ([lz.tensor([1.0])], RuntimeError, "needs no gradient and would never change"),
        ([leaf, view], RuntimeError, r"params\[1\], of shape \(2,\), cannot be changed"),
        ([lz.Tensor(fixed, True)], RuntimeError, "its memory is read-only or that of another"),
        ([{"params": leaf, "learning_rate": 1}], KeyError, "no setting 'learning_rate'; it has lr"),
    ],
)
def test_refuses_what_it_cannot_train(params, error, message):
    with pytest.raises(error, match=message) as raised:
        optim.SGD(params)
    assert isinstance(raised.value, lz.LunziError)


def test_is_made_outside_of_traced_functions():
    def function():
        optim.SGD([leaf])

    with pytest.raises(RuntimeError, match="outside of traced functions"):
        lz.trace(function)


@pytest.mark.parametrize("kind", [optim.Adam, optim.NAdam, optim.SGD, optim.Muon])
def test_a_model_may_be_converted_in_the_middle_of_training(kind):
    settings = {"momentum": 0.9} if kind is optim.SGD else {}
    model = nn.Linear(2, 3, bias=False)
    optimizer = kind(model.parameters(), lr=0.1, **settings)

    def step():
        optimizer.zero_grad()
        (model(np.ones((1, 2))) ** 2).sum().backward()
        optimizer.step()

    step()
    before = {name: x.numpy().copy() for name, x in optimizer.state[model.weight].items()}
    model.double()
    step()
    state = optimizer.state[model.weight]
    assert model.weight.dtype == "float64"
    assert {x.dtype.name for x in state.values() if x.ndim} == {"float64"}
    # The state went on from where it stood.
    buffer = "exp_avg" if "exp_avg" in state else "momentum_buffer"
    assert abs(state[buffer].numpy() - before[buffer]).max() > 0
    model.half()
    with pytest.raises(lz.KindError, match="params\\[0\\] is float16, where small steps"):
        step()


def test_a_formula_is_asked_of_a_subclass():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.Optimizer([w], {"lr": 0.1})
    w.grad = lz.tensor([1.0])
    with pytest.raises(lz.KindError, match="Optimizer has no update formula: write one"):
        optimizer.step()


def test_a_formula_of_ones_own_needs_no_lr():
    class Halve(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})

        def update(self, parameter, gradient, state, group):
            return parameter * beside(parameter, 0.5), state

    w = lz.tensor([1.0], requires_grad=True)
    optimizer = Halve([w])
    w.grad = lz.tensor([1.0])
    optimizer.step()
    assert w.item() == 0.5


def test_a_failing_formula_changes_nothing():
    class Fails(optim.SGD):
        def update(self, parameter, gradient, state, group):
            new, changed = super().update(parameter, gradient, state, group)
            changed["momentum_buffer"] = changed["momentum_buffer"].reshape(-1)[5]
            return new, changed

    w = lz.tensor([1.0], requires_grad=True)
    optimizer = Fails([w], momentum=0.9)
    w.grad = lz.tensor([1.0])
    with pytest.raises(IndexError):
        optimizer.step()
    assert w.item() == 1.0


def test_a_step_is_not_recorded():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], momentum=0.9)
    w.grad = lz.tensor([1.0])
    optimizer.step()
    assert w.is_leaf
    assert not optimizer.state[w]["momentum_buffer"].requires_grad


def test_zero_grad_forgets_the_gradients():
    network = Network()
    optimizer = optim.SGD(network.params)
    network.first.grad = lz.ones_like(network.first)
    optimizer.zero_grad(set_to_none=False)
    assert network.first.grad.numpy().tolist() == [[0.0] * 3] * 4
    assert network.second.grad is None
    optimizer.zero_grad()
    assert network.first.grad is None


def test_lr_is_assigned_and_read_by_attribute():
    optimizer = optim.SGD([leaf], lr=0.1)
    tensor = optimizer.lr
    assert (tensor.dtype, tensor.shape, tensor.item()) == ("float64", (), 0.1)
    program = PROGRAM.value
    optimizer.lr = 0.2
    optimizer.param_groups[0]["lr"] *= 2
    assert optimizer.lr is tensor
    assert tensor.item() == 0.4
    assert PROGRAM.value == program


def test_a_setting_is_set_for_all_groups_and_read_from_the_only_one():
    network = Network()
    groups = [{"params": network.first}, {"params": network.second, "lr": 0.3}]
    optimizer = optim.SGD(groups, lr=0.1)
    with pytest.raises(RuntimeError, match=r"2 groups has its own lr: .*param_groups\[0\].lr"):
        _ = optimizer.lr
    optimizer.lr = 0.5
    optimizer.momentum = 0.9
    assert [float(group["lr"]) for group in optimizer.param_groups] == [0.5, 0.5]
    assert [group.momentum for group in optimizer.param_groups] == [0.9, 0.9]
    with pytest.raises(AttributeError, match="SGD has no attribute or setting 'beta'"):
        _ = optimizer.beta


def test_the_program_changes_with_settings_groups_and_attributes():
    network = Network()
    optimizer = optim.SGD([network.first])
    for change in (
        lambda: setattr(optimizer, "momentum", 0.9),
        lambda: optimizer.add_param_group({"params": [network.second]}),
        lambda: setattr(optimizer, "note", "mine"),
    ):
        before = PROGRAM.value
        change()
        assert PROGRAM.value > before


def test_state_appears_and_goes_with_the_settings_that_need_it():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    w.grad = lz.tensor([1.0])
    optimizer.step()
    optimizer.momentum = 0.5
    assert optimizer.state_dict()["state"][0]["momentum_buffer"].item() == 0
    optimizer.step()
    optimizer.step()
    np.testing.assert_allclose(w.item(), 1 - 0.1 - 0.1 - 0.15, rtol=1e-6)
    optimizer.momentum = 0
    optimizer.step()
    assert optimizer.state[w] == {}


def test_state_that_a_trace_needs_first_is_real():
    w = lz.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.momentum = 0.5

    def step():
        w.grad = lz.tensor([1.0])
        optimizer.step()

    graph = lz.trace(step)
    graph()
    graph()
    np.testing.assert_allclose(w.item(), 1 - 0.1 - 0.15, rtol=1e-6)


def test_parameters_are_added_later():
    network = Network()
    optimizer = optim.Adam([network.first], lr=0.1)
    network.step(optimizer)
    optimizer.add_param_group({"params": [network.second], "lr": 0.2})
    network.step(optimizer)
    assert [optimizer.state[p]["step"].item() for p in network.params] == [2, 1]


def test_shows_its_groups():
    optimizer = optim.Lion(Network().params, lr=0.5)
    assert repr(optimizer) == (
        "Lion(\n  (0): Group(2 params, lr=0.5, betas=(0.9, 0.99), weight_decay=0, "
        "maximize=False)\n)"
    )


def test_a_model_and_its_optimizer_are_copied_together():
    network = Network()
    optimizer = optim.Adam(network.params, lr=0.1)
    network.step(optimizer)
    other, other_optimizer = copy.deepcopy((network, optimizer))
    network.step(optimizer)
    before = network.bits(optimizer)
    other.step(other_optimizer)
    assert network.bits(optimizer) == before == other.bits(other_optimizer)


def test_lets_go_of_its_parameters():
    network = Network()
    watched = weakref.ref(network.first)
    optimizer = optim.Adam(network.params)
    gc.disable()
    try:
        del network, optimizer
        assert watched() is None
    finally:
        gc.enable()


def test_a_state_has_the_format_that_everybody_knows():
    network = Network()
    optimizer = optim.Adam([{"params": network.first}, {"params": network.second, "lr": 0.5}])
    state = optimizer.state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in state["param_groups"]] == [0.001, 0.5]
    assert list(state["state"][1]) == ["step", "exp_avg", "exp_avg_sq"]


def spoilt(change):
    state = optim.Adam(Network().params, lr=0.5).state_dict()
    change(state)
    return state


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({}, KeyError, "the state of an optimiser is {"),
        ([], KeyError, "the state of an optimiser is {"),
        ({"state": {}, "param_groups": 3}, KeyError, "the state of an optimiser is {"),
        ({"state": {0: 3}, "param_groups": []}, KeyError, "the state of an optimiser is {"),
        ({"state": {}, "param_groups": [3]}, KeyError, "the state of an optimiser is {"),
        (spoilt(lambda s: s["param_groups"].clear()), KeyError, r"of groups of \[\] parameters"),
        (spoilt(lambda s: s["param_groups"][0]["params"].pop()), KeyError, r"groups of \[1\]"),
        (spoilt(lambda s: s["param_groups"][0].pop("params")), KeyError, "optimiser is {"),
        (spoilt(lambda s: s["state"].pop(1)), KeyError, r"state\[1\] lacks step; .*exp_avg_sq"),
        (spoilt(lambda s: s["state"][0].pop("step")), KeyError, r"state\[0\] lacks step$"),
        (spoilt(lambda s: s["state"][0].update(m=1)), KeyError, "has m, which is not known"),
        (
            spoilt(lambda s: s["state"][0].update(exp_avg=np.zeros(2))),
            KeyError,
            r"exp_avg of state\[0\] has shape \(2,\), the parameter asks for \(4, 3\)",
        ),
        (spoilt(lambda s: s["param_groups"][0].update(lr=-1)), ValueError, "lr must be 0 or more"),
        (spoilt(lambda s: s["param_groups"][0].update(rho=1)), KeyError, "no setting 'rho'"),
    ],
)
def test_refuses_a_state_that_does_not_fit_and_stays_as_it_was(state, error, message):
    network = Network()
    optimizer = optim.Adam(network.params, lr=0.25)
    before = network.bits(optimizer)
    with pytest.raises(error, match=message) as raised:
        optimizer.load_state_dict(state)
    assert isinstance(raised.value, lz.LunziError)
    assert network.bits(optimizer) == before
    assert optimizer.lr.item() == 0.25


def test_one_wrong_group_leaves_all_groups_as_they_were():
    network = Network()
    optimizer = optim.SGD([{"params": p} for p in network.params], lr=0.25)
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.5
    state["param_groups"][1]["rho"] = 1
    with pytest.raises(KeyError, match="no setting 'rho'"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0].lr.item() == 0.25


def test_a_state_brings_settings_and_what_they_need():
    network, other = Network(), Network()
    optimizer = optim.SGD(network.params, lr=0.1, momentum=0.9, nesterov=True)
    network.step(optimizer)
    loaded = optim.SGD(other.params)
    loaded.load_state_dict(optimizer.state_dict())
    assert loaded.param_groups[0].settings() == optimizer.param_groups[0].settings()
    np.testing.assert_array_equal(
        loaded.state[other.first]["momentum_buffer"].numpy(),
        optimizer.state[network.first]["momentum_buffer"].numpy(),
    )


def test_another_frameworks_choices_in_a_state_are_passed_over():
    network = Network()
    optimizer = optim.SGD(network.params)
    state = optimizer.state_dict()
    state["param_groups"][0].update(lr=0.5, foreach=None, fused=None, differentiable=False)
    optimizer.load_state_dict(state)
    assert optimizer.lr.item() == 0.5
