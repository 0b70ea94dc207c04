"""What every layer promises, tried on each one that lunzi.nn exports."""

import inspect

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn

# arguments, and the shape of one sample
EXAMPLES = {
    "AdaptiveAvgPool2d": (((2, 3),), (2, 4, 5)),
    "AvgPool1d": ((2,), (2, 5)),
    "AvgPool2d": ((2,), (2, 4, 5)),
    "BatchNorm1d": ((3,), (3, 2)),
    "BatchNorm2d": ((3,), (3, 2, 2)),
    "Conv1d": ((4, 2, 3, 2, 1, 1, 2), (4, 7)),
    "Conv2d": ((2, 4, 3, 1, "same"), (2, 5, 4)),
    "ConvTranspose2d": ((2, 4, 3, 2, 1, 1), (2, 3, 4)),
    "Dropout": ((), (5,)),
    "Dropout1d": ((), (3, 4)),
    "Dropout2d": ((), (3, 4, 2)),
    "Embedding": ((7, 3, 1), (4,)),
    "Flatten": ((), (2, 3)),
    "GroupNorm": ((2, 4), (4, 3)),
    "Identity": ((), (3,)),
    "LayerNorm": (((2, 3),), (2, 3)),
    "Linear": ((4, 3), (2, 4)),
    "MaxPool1d": ((3, 2, 1), (2, 5)),
    "MaxPool2d": ((2,), (2, 5, 4)),
    "RMSNorm": ((3,), (2, 3)),
    "Unflatten": ((1, (2, -1)), (6,)),
}

# Exported modules that are no layers: the class itself, containers, losses (which take a target);
# and those that have contracts of their own.
ELSEWHERE = ("loss", "activation", "recurrent", "attention", "transformer")
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "Sequential"}


def exported_layers():
    for name in nn.__all__:
        value = getattr(nn, name)
        if not inspect.isclass(value) or not issubclass(value, nn.Module) or name in CONTAINERS:
            continue
        if not value.__module__.startswith(tuple(f"lunzi.nn.{room}" for room in ELSEWHERE)):
            yield name


every_layer = pytest.mark.parametrize("name", sorted(EXAMPLES))


def make(name):
    lz.manual_seed(0)
    return getattr(nn, name)(*EXAMPLES[name][0])


def apply(layer, x):
    return lz.as_tensor(layer(x))  # Identity gives an array back as it is


def draw(name, batch, rng):
    shape = (batch, *EXAMPLES[name][1])
    if name == "Embedding":
        return rng.integers(0, 7, shape)
    return rng.standard_normal(shape)


def test_every_exported_layer_has_an_example():
    assert sorted(exported_layers()) == sorted(EXAMPLES)


@every_layer
def test_parameters_and_buffers_are_found_under_the_names_of_their_attributes(name):
    layer = make(name)
    tensors = {key for key, value in vars(layer).items() if isinstance(value, lz.Tensor)}
    assert {key for key, _ in layer.named_tensors()} == tensors
    assert {key for key, _ in layer.named_parameters()} <= {"weight", "bias"}


@every_layer
def test_a_state_makes_a_fresh_layer_equal(name, rng):
    layer, other = make(name), make(name)
    for tensor in (*layer.parameters(), *layer.buffers()):
        tensor.assign(rng.integers(1, 9, tensor.shape))
    other.load_state_dict(layer.state_dict())
    x = draw(name, 3, rng)
    np.testing.assert_array_equal(layer.eval()(x), other.eval()(x))


@every_layer
def test_the_configuration_makes_the_same_layer_again(name):
    layer = make(name)
    other = type(layer)(**layer.config())
    assert other.config() == layer.config()
    assert repr(other) == repr(layer)
    shapes = [{key: x.shape for key, x in each.state_dict().items()} for each in (layer, other)]
    assert shapes[0] == shapes[1]
    signature = inspect.signature(type(layer)).parameters.values()
    named = {argument.name for argument in signature if "VAR" not in argument.kind.name}
    # Neither is a setting of the network: one has no effect, the other is a source of numbers.
    assert set(layer.config()) == named - {"inplace", "generator"}


@every_layer
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_batches_of_any_size_in_use(name, batch, rng):
    layer = make(name).eval()
    one = apply(layer, draw(name, 1, rng))
    y = apply(layer, draw(name, batch, rng))
    assert y.shape == (batch, *one.shape[1:])
    if y.requires_grad:
        y.sum().backward()
        assert all(np.isfinite(x.grad.numpy()).all() for x in layer.parameters())


@every_layer
def test_each_sample_of_a_batch_is_treated_alone_in_use(name, rng):
    layer = make(name).eval()
    x = draw(name, 3, rng)
    # float32: products of one row and of three may round differently
    np.testing.assert_allclose(layer(x)[1:2], layer(x[1:2]), rtol=1e-5, atol=1e-6)


@every_layer
def test_float64_input_meets_float32_parameters(name, rng):
    layer = make(name)
    y = apply(layer, draw(name, 3, rng))
    assert y.dtype == ("float32" if list(layer.parameters()) else "float64")


@every_layer
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_converted_layers_compute_in_their_dtype(name, dtype, rng):
    layer = make(name).to(dtype)
    x = draw(name, 3, rng)
    y = layer(x if name == "Embedding" else x.astype(dtype))
    assert y.dtype == dtype
    assert all(buffer.dtype in (dtype, "int64") for buffer in layer.buffers())


@every_layer
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_a_traced_step_gives_the_same_bits_as_an_eager_one(name, training, rng):
    x = lz.tensor(draw(name, 3, rng))
    dy = rng.standard_normal(make(name)(x).shape).astype(np.float32)

    def step(layer, x):
        layer.zero_grad()
        y = layer(x)
        if y.requires_grad:
            (y * dy).sum().backward()
        return y

    eager, traced = (make(name).train(training) for _ in range(2))
    graph = lz.trace(lambda x: step(traced, x), x)
    for seed in (1, 2):  # twice, for running averages and random masks
        lz.manual_seed(seed)
        expected = step(eager, x)
        lz.manual_seed(seed)
        np.testing.assert_array_equal(graph(x), expected)
        for a, b in zip(traced.parameters(), eager.parameters(), strict=True):
            np.testing.assert_array_equal(a.grad, b.grad)
        for key, value in eager.state_dict().items():
            np.testing.assert_array_equal(traced.state_dict()[key], value)


@every_layer
def test_gradients_agree_with_differences_through_parameters_too(name, rng, gradients_agree):
    layer = make(name).double()
    names = [key for key, _ in layer.named_parameters()]
    if name == "Embedding":
        indices = draw(name, 3, rng)
        # The padding's row has no gradient although it has an effect.
        indices = np.where(indices == layer.padding_idx, 0, indices)

    def run(*tensors):
        lz.manual_seed(1)
        for key, tensor in zip(names, tensors, strict=False):
            setattr(layer, key, tensor)
        return layer(indices if name == "Embedding" else tensors[-1])

    arrays = [rng.uniform(0.5, 1.5, x.shape) for x in layer.parameters()]
    gradients_agree(run, *arrays, *([] if name == "Embedding" else [draw(name, 3, rng)]))


@every_layer
def test_lists_and_arrays_are_accepted(name, rng):
    layer = make(name).eval()
    x = draw(name, 2, rng)
    x = x if name == "Embedding" else x.astype(np.float32)
    np.testing.assert_array_equal(apply(layer, x.tolist()), layer(lz.tensor(x)))
