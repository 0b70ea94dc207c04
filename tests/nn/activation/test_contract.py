"""What holds for every activation; they are found by inspection."""

import inspect

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn import activation, functional

CLASSES = [
    member for name in activation.__all__ if inspect.isclass(member := getattr(activation, name))
]
FUNCTIONS = [name for name in activation.__all__ if not inspect.isclass(getattr(activation, name))]

every_activation = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def function_of(cls):
    """The function of a module: `leaky_relu` of LeakyReLU."""
    (name,) = (name for name in FUNCTIONS if name.replace("_", "") == cls.__name__.lower())
    return getattr(functional, name)


def test_every_module_has_its_function_and_is_exported():
    assert len({function_of(cls) for cls in CLASSES}) == len(CLASSES) == len(FUNCTIONS)
    assert all(getattr(nn, cls.__name__) is cls for cls in CLASSES)


@every_activation
def test_the_function_gives_the_same_as_the_module(cls, rng):
    x = rng.standard_normal((3, 4)).astype(np.float32)
    module = cls()
    np.testing.assert_array_equal(function_of(cls)(x, *module.parameters()), module(x))


@every_activation
def test_is_made_again_from_its_config(cls, rng):
    x = rng.standard_normal((3, 4))
    module = cls()
    np.testing.assert_array_equal(cls(**module.config())(x), module(x))


@every_activation
def test_gradients_of_first_and_second_order_agree_with_differences(cls, rng, gradients_agree):
    module = cls().double()
    x = rng.standard_normal((5, 4)) * 3
    gradients_agree(module, x)
    gradients_agree(lz.grad(lambda z: module(z).square().sum()), x)


@every_activation
def test_the_traced_function_gives_the_same_bits(cls, rng):
    module = cls()
    x = (rng.standard_normal((5, 4)) * 10).astype(np.float32)
    np.testing.assert_array_equal(lz.trace(module, x)(x), module(x))


@every_activation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(cls, dtype, rng):
    x = lz.tensor(rng.standard_normal((3, 4)), dtype=dtype, requires_grad=True)
    y = cls().to(dtype)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype


@every_activation
def test_an_empty_batch_stays_empty(cls):
    y = cls()(np.zeros((0, 4), np.float32))
    assert y.shape[0] == 0


@every_activation
def test_nan_stays_nan(cls):
    assert np.isnan(cls()(np.full((2, 4), np.nan, np.float32))).all()


@every_activation
@pytest.mark.parametrize("size", [30.0, 1e3, 1e30])
def test_large_inputs_have_finite_values_and_gradients(cls, size):
    x = lz.tensor(np.array([[-size, size, 0, 1], [size, -size, -1, 0]], "f"), requires_grad=True)
    y = cls()(x)
    y.sum().backward()
    assert np.isfinite(y).all()
    assert np.isfinite(x.grad).all()
