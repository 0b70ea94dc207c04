"""Initial values against PyTorch's functions of the same name."""

import inspect
import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn

torch = pytest.importorskip("torch")

# name, named arguments, shape
RANDOM = [
    ("uniform_", {}, (300, 200)),
    ("uniform_", {"a": -3.0, "b": 0.5}, (300, 200)),
    ("normal_", {}, (300, 200)),
    ("normal_", {"mean": 2.0, "std": 0.1}, (300, 200)),
    ("trunc_normal_", {}, (300, 200)),
    ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 4.0}, (300, 200)),
    ("xavier_uniform_", {}, (300, 200)),
    ("xavier_uniform_", {"gain": 1.5}, (64, 32, 5, 5)),
    ("xavier_normal_", {}, (300, 200)),
    ("xavier_normal_", {"gain": 0.5}, (64, 32, 5, 5)),
    ("kaiming_uniform_", {}, (300, 200)),
    ("kaiming_uniform_", {"a": math.sqrt(5)}, (64, 32, 5, 5)),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}, (64, 32, 5, 5)),
    ("kaiming_normal_", {}, (300, 200)),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "tanh"}, (64, 32, 5, 5)),
    ("orthogonal_", {}, (300, 200)),
    ("orthogonal_", {"gain": 2.0}, (64, 32, 5, 5)),
]
FIXED = [
    ("constant_", {"val": 0.3}, (3, 4)),
    ("ones_", {}, (3, 4)),
    ("zeros_", {}, (3, 4)),
    ("eye_", {}, (3, 4)),
    ("eye_", {}, (4, 3)),
    ("dirac_", {}, (3, 4, 3)),
    ("dirac_", {}, (4, 3, 2, 5)),
    ("dirac_", {"groups": 2}, (6, 2, 3, 3)),
    ("dirac_", {"groups": 3}, (6, 4, 3, 2, 2)),
]


def both(name, named, shape):
    ours = getattr(nn.init, name)(lz.zeros(shape), **named)
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape), **named)
    return ours.numpy(), theirs.numpy()


@pytest.mark.parametrize("name", sorted({name for name, _, _ in RANDOM + FIXED}))
def test_arguments_and_defaults_are_those_of_pytorch(name):
    ours = inspect.signature(getattr(nn.init, name)).parameters
    theirs = inspect.signature(getattr(torch.nn.init, name)).parameters
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()}


@pytest.mark.parametrize(("name", "named", "shape"), FIXED)
def test_fixed_values_are_equal(name, named, shape):
    np.testing.assert_array_equal(*both(name, named, shape))


@pytest.mark.parametrize(("name", "named", "shape"), RANDOM)
def test_distributions_are_alike(name, named, shape):
    torch.manual_seed(0)
    lz.manual_seed(0)
    ours, theirs = both(name, named, shape)
    # Of 50,000 numbers or more a quantile between the deciles is known to about 0.008 deviations
    # in each; five of those apart, in ten places, is never.
    levels = np.linspace(0.05, 0.95, 19)
    difference = np.quantile(ours, levels) - np.quantile(theirs, levels)
    assert np.abs(difference).max() < 5 * 0.008 * theirs.std()
    assert abs(ours.std() / theirs.std() - 1) < 0.02


@pytest.mark.parametrize(
    ("name", "named", "shape"), [row for row in RANDOM if "uniform" in row[0] or "trunc" in row[0]]
)
def test_bounds_are_alike(name, named, shape):
    torch.manual_seed(0)
    lz.manual_seed(0)
    ours, theirs = both(name, named, shape)
    width = theirs.max() - theirs.min()
    assert abs(ours.min() - theirs.min()) < 1e-3 * width
    assert abs(ours.max() - theirs.max()) < 1e-3 * width


@pytest.mark.parametrize(
    "arguments",
    [
        *((name,) for name in nn.init.GAINS),
        ("leaky_relu",),
        ("leaky_relu", 0.2),
    ],
)
def test_gains_are_equal(arguments):
    assert nn.init.calculate_gain(*arguments) == torch.nn.init.calculate_gain(*arguments)


def test_the_inverse_of_erf_agrees():
    y = np.linspace(-1, 1, 20_001)[1:-1]
    expected = torch.erfinv(torch.tensor(y)).numpy()
    np.testing.assert_allclose(nn.init.inverse_erf(lz.tensor(y)), expected, rtol=1e-6, atol=1e-15)
