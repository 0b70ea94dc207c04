"""Clipping of gradients against PyTorch's."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn

torch = pytest.importorskip("torch")


def parameters(rng, dtype):
    ours, theirs = [], []
    for shape in ((3, 4), (5,), (2, 1, 3)):
        gradient = rng.standard_normal(shape).astype(dtype)
        ours.append(nn.Parameter(np.zeros(shape, dtype)))
        ours[-1].grad = lz.tensor(gradient)
        theirs.append(torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype))))
        theirs[-1].grad = torch.tensor(gradient)
    return ours, theirs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1000.0])
def test_norms_and_clipped_gradients_agree(dtype, norm_type, max_norm, rng):
    ours, theirs = parameters(rng, dtype)
    norm = nn.utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    rtol = 1e-6 if dtype == "float32" else 1e-14  # a few roundings
    np.testing.assert_allclose(norm, expected.numpy(), rtol=rtol)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, other.grad.numpy(), rtol=rtol)


def test_clipped_values_are_equal(rng):
    ours, theirs = parameters(rng, "float32")
    nn.utils.clip_grad_value_(ours, 0.5)
    torch.nn.utils.clip_grad_value_(theirs, 0.5)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine.grad, other.grad.numpy())


def test_the_vector_of_parameters_is_equal():
    layer = nn.Linear(4, 3)
    other = torch.nn.Linear(4, 3)
    with torch.no_grad():
        for mine, parameter in zip(layer.parameters(), other.parameters(), strict=True):
            parameter.copy_(torch.tensor(mine.numpy().copy()))
    np.testing.assert_array_equal(
        nn.utils.parameters_to_vector(layer.parameters()),
        torch.nn.utils.parameters_to_vector(other.parameters()).detach().numpy(),
    )
