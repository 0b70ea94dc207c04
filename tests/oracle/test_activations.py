"""Every activation against PyTorch's of the same name: values and gradients."""

import inspect

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import activation

torch = pytest.importorskip("torch")

# name, named arguments, shape of the input
SETTINGS = [
    ("CELU", {}, (40, 6)),
    ("CELU", {"alpha": 0.5}, (40, 6)),
    ("ELU", {}, (40, 6)),
    ("ELU", {"alpha": 1.7}, (40, 6)),
    ("GELU", {}, (40, 6)),
    ("GELU", {"approximate": "tanh"}, (40, 6)),
    ("GLU", {}, (40, 6)),
    ("GLU", {"dim": 1}, (3, 4, 5)),
    ("Hardsigmoid", {}, (40, 6)),
    ("Hardswish", {}, (40, 6)),
    ("Hardtanh", {}, (40, 6)),
    ("Hardtanh", {"min_val": -0.3, "max_val": 2.5}, (40, 6)),
    ("LeakyReLU", {}, (40, 6)),
    ("LeakyReLU", {"negative_slope": 0.3}, (40, 6)),
    ("LogSigmoid", {}, (40, 6)),
    ("LogSoftmax", {"dim": -1}, (40, 6)),
    ("LogSoftmax", {"dim": 1}, (3, 4, 5, 2)),
    ("Mish", {}, (40, 6)),
    ("PReLU", {}, (40, 6)),
    ("PReLU", {"num_parameters": 4, "init": 0.1}, (3, 4, 5)),
    ("ReLU", {}, (40, 6)),
    ("ReLU6", {}, (40, 6)),
    ("SELU", {}, (40, 6)),
    ("SiLU", {}, (40, 6)),
    ("Sigmoid", {}, (40, 6)),
    ("Softmax", {"dim": -1}, (40, 6)),
    ("Softmax", {"dim": 0}, (3, 4, 5)),
    ("Softplus", {}, (40, 6)),
    ("Softplus", {"beta": 3.0, "threshold": 2.0}, (40, 6)),
    ("Softsign", {}, (40, 6)),
    ("Tanh", {}, (40, 6)),
]

every_setting = pytest.mark.parametrize(("name", "named", "shape"), SETTINGS)


def test_every_activation_has_a_setting():
    classes = {name for name in activation.__all__ if inspect.isclass(getattr(activation, name))}
    assert {name for name, _, _ in SETTINGS} == classes


@every_setting
def test_arguments_and_defaults_are_those_of_pytorch(name, named, shape):
    ours = inspect.signature(getattr(nn, name)).parameters
    theirs = inspect.signature(getattr(torch.nn, name)).parameters
    # Device and dtype are said elsewhere (`to`), the last four are deprecated or take nothing.
    left_out = {"device", "dtype", "min_value", "max_value", "args", "kwargs"}
    known = {n: p.default for n, p in theirs.items() if n not in left_out}
    assert {n: p.default for n, p in ours.items()} == known


@every_setting
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1, 30])
def test_values_and_gradients_agree(name, named, shape, dtype, scale, rng):
    numbers = (rng.standard_normal(shape) * scale).astype(dtype)
    ours = getattr(nn, name)(**named).to(dtype)
    theirs = getattr(torch.nn, name)(**named).to(getattr(torch, dtype))
    x = lz.tensor(numbers, requires_grad=True)
    z = torch.tensor(numbers, requires_grad=True)
    y, expected = ours(x), theirs(z)
    dy = rng.standard_normal(y.shape).astype(dtype)
    y.backward(dy)
    expected.backward(torch.tensor(dy))
    # A few roundings of numbers up to `scale`; 1 + erf near -1 loses relative digits in both.
    rtol, atol = (1e-5, 2e-6 * scale) if dtype == "float32" else (1e-12, 4e-15 * scale)
    if name in ("Softplus", "Hardsigmoid") and dtype == "float64":
        # Softplus leaves out e^-20 beyond its threshold; PyTorch's gradient of Hardsigmoid is 1/6
        # rounded to float32.
        rtol = 4e-8
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=rtol, atol=atol)
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=rtol, atol=atol)
    for ours_parameter, their_parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(ours_parameter.grad, their_parameter.grad.numpy(), rtol=1e-4)


@every_setting
@pytest.mark.parametrize("number", [0.0, -0.0, np.nan, 88.8, -88.8, 1e30, -1e30])
def test_special_numbers_give_what_they_give_in_pytorch(name, named, shape, number):
    x = np.full(shape, number, np.float32)
    y = getattr(nn, name)(**named)(x)
    expected = getattr(torch.nn, name)(**named)(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-37)  # the last: float32 ends there


@pytest.mark.parametrize(
    "name",
    ["relu", "leaky_relu", "elu", "selu", "celu", "relu6", "hardtanh", "hardsigmoid", "softplus"],
)
def test_gradients_where_pieces_meet_are_those_of_pytorch(name):
    corners = np.array([-3.0, -1.0, 0.0, 1.0, 3.0, 6.0], np.float32)
    x = lz.tensor(corners, requires_grad=True)
    z = torch.tensor(corners, requires_grad=True)
    getattr(nn.functional, name)(x).sum().backward()
    getattr(torch.nn.functional, name)(z).sum().backward()
    np.testing.assert_allclose(x.grad, z.grad.numpy(), rtol=1e-6)
