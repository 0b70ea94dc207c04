"""Every layer against PyTorch's of the same name: outputs, gradients, states, training steps."""

import inspect
import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn

torch = pytest.importorskip("torch")

# name, arguments, named arguments, shape of the input
SETTINGS = [
    ("Linear", (5, 3), {}, (4, 5)),
    ("Linear", (5, 3), {"bias": False}, (4, 5)),
    ("Linear", (5, 3), {}, (5,)),
    ("Linear", (5, 3), {}, (2, 3, 4, 5)),
    ("Identity", (), {}, (2, 3)),
    ("Conv1d", (3, 4, 3), {}, (2, 3, 7)),
    ("Conv1d", (3, 4, 5), {"padding": "same", "dilation": 2}, (2, 3, 9)),
    ("Conv1d", (4, 6, 2), {"stride": 3, "groups": 2, "bias": False}, (2, 4, 11)),
    ("Conv1d", (3, 4, 3), {"padding": 2}, (3, 5)),
    ("Conv2d", (3, 4, 3), {}, (2, 3, 5, 6)),
    ("Conv2d", (1, 4, 3), {"padding": 1}, (2, 1, 8, 8)),
    ("Conv2d", (3, 4, 1), {"bias": False}, (2, 3, 5, 6)),
    ("Conv2d", (3, 4, (3, 2)), {"stride": (2, 1), "padding": (1, 0)}, (2, 3, 7, 6)),
    ("Conv2d", (3, 4, 3), {"stride": 2, "padding": 2, "dilation": 2}, (2, 3, 9, 8)),
    ("Conv2d", (3, 4, (4, 3)), {"padding": "same"}, (2, 3, 6, 5)),
    ("Conv2d", (3, 4, (2, 4)), {"padding": "same", "dilation": (3, 1)}, (2, 3, 6, 5)),
    ("Conv2d", (3, 4, 2), {"padding": "valid"}, (2, 3, 4, 5)),
    ("Conv2d", (4, 6, 3), {"groups": 2, "padding": 1}, (2, 4, 5, 5)),
    ("Conv2d", (4, 8, 3), {"groups": 4, "stride": 2}, (2, 4, 5, 6)),
    ("Conv2d", (4, 4, (1, 3)), {"groups": 4, "dilation": (1, 2)}, (2, 4, 3, 7)),
    ("Conv2d", (3, 4, 3), {}, (3, 5, 6)),
    ("ConvTranspose2d", (3, 4, 3), {}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (3, 4, 3), {"stride": 2, "padding": 1}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (3, 4, (2, 3)), {"stride": (3, 2), "output_padding": (2, 1)}, (2, 3, 3, 4)),
    ("ConvTranspose2d", (3, 4, 3), {"stride": 2, "padding": 2, "output_padding": 1}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (3, 4, 2), {"dilation": 3, "output_padding": 2}, (2, 3, 4, 5)),
    ("ConvTranspose2d", (4, 6, 3), {"groups": 2, "stride": 2, "bias": False}, (2, 4, 3, 4)),
    ("ConvTranspose2d", (4, 4, (1, 2)), {"groups": 4, "padding": (0, 1)}, (2, 4, 3, 4)),
    ("ConvTranspose2d", (3, 4, 3), {}, (3, 4, 5)),
    ("MaxPool1d", (2,), {}, (2, 3, 7)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "dilation": 2}, (2, 3, 9)),
    ("MaxPool1d", (3,), {"stride": 2, "ceil_mode": True}, (3, 8)),
    ("MaxPool2d", (2,), {}, (2, 3, 6, 4)),
    ("MaxPool2d", (2,), {}, (2, 3, 7, 5)),
    ("MaxPool2d", ((2, 3),), {}, (3, 7, 6)),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, (2, 3, 7, 6)),
    ("MaxPool2d", (2,), {"padding": 1}, (2, 3, 5, 6)),
    ("MaxPool2d", ((2, 3),), {"stride": 1, "dilation": (2, 1)}, (2, 3, 5, 6)),
    ("MaxPool2d", (3,), {"stride": 2, "ceil_mode": True}, (2, 3, 8, 6)),
    ("MaxPool2d", (2,), {"stride": 3, "padding": 1, "ceil_mode": True}, (2, 3, 6, 5)),
    ("AvgPool1d", (2,), {}, (2, 3, 7)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1}, (2, 3, 8)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (3, 8)),
    ("AvgPool2d", (2,), {}, (2, 3, 6, 5)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1}, (2, 3, 7, 6)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (2, 3, 7, 6)),
    ("AvgPool2d", (3,), {"stride": 2, "ceil_mode": True}, (2, 3, 8, 6)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, (2, 3, 8, 6)),
    (
        "AvgPool2d",
        (3,),
        {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
        (2, 3, 8, 6),
    ),
    ("AvgPool2d", ((2, 3),), {"divisor_override": 5}, (3, 6, 6)),
    ("AdaptiveAvgPool2d", (1,), {}, (2, 3, 5, 6)),
    ("AdaptiveAvgPool2d", ((5, 3),), {}, (2, 3, 7, 6)),
    ("AdaptiveAvgPool2d", ((None, 4),), {}, (3, 5, 6)),
    ("AdaptiveAvgPool2d", (7,), {}, (2, 3, 5, 3)),
    ("BatchNorm1d", (3,), {}, (4, 3)),
    ("BatchNorm1d", (3,), {"momentum": None}, (4, 3, 5)),
    ("BatchNorm1d", (3,), {"affine": False, "eps": 0.1}, (4, 3)),
    ("BatchNorm2d", (3,), {}, (2, 3, 4, 5)),
    ("BatchNorm2d", (3,), {"track_running_stats": False, "bias": False}, (2, 3, 4, 5)),
    ("BatchNorm2d", (3,), {"momentum": 1.0}, (2, 3, 1, 1)),
    ("LayerNorm", (5,), {}, (2, 3, 5)),
    ("LayerNorm", ((3, 5),), {"bias": False, "eps": 0.1}, (2, 3, 5)),
    ("LayerNorm", ([5],), {"elementwise_affine": False}, (5,)),
    ("GroupNorm", (2, 4), {}, (3, 4, 5, 2)),
    ("GroupNorm", (4, 4), {"affine": False}, (3, 4, 5)),
    ("GroupNorm", (1, 4), {"bias": False}, (3, 4)),
    ("RMSNorm", (5,), {}, (2, 3, 5)),
    ("RMSNorm", ((3, 5),), {"eps": 0.1, "elementwise_affine": False}, (2, 3, 5)),
    ("Flatten", (), {}, (2, 3, 4, 5)),
    ("Flatten", (0, -2), {}, (2, 3, 4, 5)),
    ("Unflatten", (1, (2, -1)), {}, (3, 6, 4)),
    ("Unflatten", (-1, (2, 2)), {}, (3, 4)),
]

# These have tests of their own, or are no layers; others have files of their own.
ROOMS = ("activation", "loss", "recurrent", "attention", "transformer")
ELSEWHERE = {"Dropout", "Dropout1d", "Dropout2d", "Embedding", "Module", "ModuleDict", "ModuleList",
             "Sequential"}  # fmt: skip


def test_every_layer_has_a_setting():
    layers = {
        name
        for name in nn.__all__
        if inspect.isclass(value := getattr(nn, name))
        and issubclass(value, nn.Module)
        and not value.__module__.startswith(tuple(f"lunzi.nn.{room}" for room in ROOMS))
    }
    assert {name for name, *_ in SETTINGS} == layers - ELSEWHERE


every_setting = pytest.mark.parametrize(
    ("name", "arguments", "named", "shape"), SETTINGS, ids=lambda value: str(value)
)


def twins(name, arguments, named, rng):
    """The layer of both libraries in float64, with the same random state."""
    ours = getattr(nn, name)(*arguments, **named).double()
    theirs = getattr(torch.nn, name)(*arguments, **named).double()
    for x in [*theirs.parameters(), *theirs.buffers()]:
        if x.is_floating_point():
            x.data.copy_(torch.tensor(rng.uniform(0.5, 1.5, tuple(x.shape))))
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def assert_same_state(ours, theirs, **tolerance):
    state = ours.state_dict()
    assert list(state) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(state[key], value.numpy(), err_msg=key, **tolerance)


@pytest.mark.filterwarnings("ignore:Using padding=.same.")  # theirs is slow there
@every_setting
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_output_and_gradients(name, arguments, named, shape, training, rng):
    ours, theirs = (layer.train(training) for layer in twins(name, arguments, named, rng))
    numbers = rng.standard_normal(shape)
    x = lz.tensor(numbers, requires_grad=True)
    their_x = torch.tensor(numbers, requires_grad=True)
    for _ in range(2):  # twice, for running averages
        y, their_y = ours(x), theirs(their_x)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    their_y.backward(torch.tensor(dy))
    exact = {"rtol": 1e-10, "atol": 1e-12}  # float64: a few roundings of sums of some 100
    np.testing.assert_allclose(y, their_y.detach().numpy(), **exact)
    np.testing.assert_allclose(x.grad, their_x.grad.numpy(), **exact)
    assert_same_state(ours, theirs, **exact)
    for (key, p), (their_key, q) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        assert key == their_key
        np.testing.assert_allclose(p.grad, q.grad.numpy(), err_msg=key, **exact)


@pytest.mark.parametrize("padding_idx", [None, 0, -1])
def test_embedding(padding_idx, rng):
    ours, theirs = twins("Embedding", (6, 4), {"padding_idx": padding_idx}, rng)
    indices = rng.integers(0, 6, (3, 5))
    y, their_y = ours(indices), theirs(torch.tensor(indices))
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    their_y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(y, their_y.detach().numpy())
    np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("Linear", (60, 200), {}),
        ("Conv1d", (12, 40, 5), {}),
        ("Conv2d", (12, 40, (3, 5)), {"groups": 2}),
        ("ConvTranspose2d", (40, 12, 3), {"groups": 2}),
    ],
)
def test_initial_values_are_drawn_from_the_same_distribution(name, arguments, named):
    lz.manual_seed(0)
    torch.manual_seed(0)
    ours = getattr(nn, name)(*arguments, **named)
    theirs = getattr(torch.nn, name)(*arguments, **named)
    for key in ("weight", "bias"):
        a, b = getattr(ours, key).numpy(), getattr(theirs, key).detach().numpy()
        bound = 1 / math.sqrt(np.prod(theirs.weight.shape[1:]))
        assert a.shape == b.shape
        assert np.abs(a).max() <= bound
        assert np.abs(b).max() <= bound * (1 + 1e-6)
        if key == "weight":
            # Of n even numbers the largest is within 10 / n of the bound but for e^-10, and
            # their variance within 5 standard errors of bound^2 / 3.
            assert np.abs(a).max() > bound * (1 - 10 / a.size)
            tolerance = 5 * math.sqrt(0.8 / a.size)
            assert a.var() == pytest.approx(bound**2 / 3, rel=tolerance)
            assert b.var() == pytest.approx(bound**2 / 3, rel=tolerance)
            assert a.mean() == pytest.approx(0, abs=5 * bound / math.sqrt(3 * a.size))


def test_initial_embeddings_are_standard_normal_with_a_zero_row_for_padding():
    lz.manual_seed(0)
    weight = nn.Embedding(500, 20, padding_idx=7).weight.numpy()
    theirs = torch.nn.Embedding(500, 20, padding_idx=7).weight.detach().numpy()
    assert not weight[7].any()
    assert not theirs[7].any()
    assert weight.mean() == pytest.approx(0, abs=0.05)  # 5 standard errors of 10,000 numbers
    assert weight.std() == pytest.approx(1, abs=0.036)


def convolutional(library):
    return library.Sequential(
        library.Conv2d(1, 4, 3, padding=1),
        library.BatchNorm2d(4),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(4, 6, 3, padding=1, bias=False),
        library.GroupNorm(2, 6),
        library.ReLU(),
        library.AdaptiveAvgPool2d((2, 3)),
        library.Flatten(),
        library.Linear(36, 5),
    )


def test_three_training_steps_of_a_convolutional_network(rng):
    ours, theirs = convolutional(nn), convolutional(torch.nn)
    assert [key for key, _ in ours.named_parameters()] == [
        key for key, _ in theirs.named_parameters()
    ]
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for _ in range(3):
        x = rng.standard_normal((8, 1, 8, 8)).astype(np.float32)
        target = rng.standard_normal((8, 5)).astype(np.float32)
        loss = (ours(x) - target).square().mean()
        their_loss = (theirs(torch.tensor(x)) - torch.tensor(target)).square().mean()
        assert loss.item() == pytest.approx(their_loss.item(), rel=1e-5)
        ours.zero_grad()
        theirs.zero_grad()
        loss.backward()
        their_loss.backward()
        with lz.no_grad(), torch.no_grad():
            for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
                p.assign(p - 0.1 * p.grad)
                q -= 0.1 * q.grad
    # float32: 3 steps of sums of up to 500 products, whose roundings the small gradients show
    assert_same_state(ours, theirs, rtol=1e-4, atol=2e-6)


def test_states_of_nested_containers_have_the_same_names():
    def build(library):
        return library.Sequential(
            library.ModuleDict({"a": library.Linear(2, 3), "b": library.Identity()}),
            library.ModuleList([library.Linear(3, 2), library.BatchNorm1d(2)]),
            library.Sequential(library.LayerNorm(2)),
        )

    ours, theirs = build(nn), build(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("name", ["dropout", "dropout1d", "dropout2d"])
def test_dropout_leaves_out_the_same_share(name, rng):
    lz.manual_seed(0)
    x = np.ones((200, 10, 4, 5) if name == "dropout2d" else (200, 10, 20), np.float32)
    y = getattr(nn.functional, name)(x, 0.3).numpy()
    their_y = getattr(torch.nn.functional, name)(torch.tensor(x), 0.3).numpy()
    np.testing.assert_allclose(np.unique(y), np.unique(their_y), rtol=1e-6)
    if name != "dropout":
        assert (y == y[..., :1]).all()
    # 5 standard errors of the 2,000 channels, each left out with probability 0.3
    assert (y == 0).mean() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 2000))
