"""Every layer with every optimiser: a compiled step gives the bits of the eager one."""

import inspect

import numpy as np
import pytest
from compiled_training import OPTIMIZERS

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import compile as front

pytestmark = pytest.mark.usefixtures("built")

# arguments, and the shape of one sample
LAYERS = {
    "AdaptiveAvgPool2d": (((2, 3),), (2, 4, 5)),
    "AvgPool1d": ((2,), (2, 5)),
    "AvgPool2d": ((2,), (2, 4, 4)),
    "BatchNorm1d": ((3,), (3, 2)),
    "BatchNorm2d": ((3,), (3, 2, 2)),
    "Conv1d": ((4, 2, 3, 2, 1, 1, 2), (4, 5)),
    "Conv2d": ((2, 3, 3, 1, "same"), (2, 4, 3)),
    "ConvTranspose2d": ((2, 3, 3, 2, 1, 1), (2, 2, 3)),
    "Dropout": ((), (5,)),
    "Dropout1d": ((), (3, 4)),
    "Dropout2d": ((), (3, 2, 2)),
    "Embedding": ((5, 3, 1), (4,)),
    "Flatten": ((), (2, 3)),
    "GRU": ((3, 2), (4, 3)),
    "GRUCell": ((3, 2), (3,)),
    "GroupNorm": ((2, 4), (4, 3)),
    "Identity": ((), (3,)),
    "LayerNorm": (((2, 3),), (2, 3)),
    "LSTM": ((3, 2), (4, 3)),
    "LSTMCell": ((3, 2), (3,)),
    "Linear": ((4, 3), (2, 4)),
    "MaxPool1d": ((3, 2, 1), (2, 5)),
    "MaxPool2d": ((2,), (2, 4, 4)),
    "MultiheadAttention": ((4, 2), (2, 4)),
    "RMSNorm": ((3,), (2, 3)),
    "RNN": ((3, 2), (4, 3)),
    "RNNCell": ((3, 2), (3,)),
    "TransformerEncoderLayer": ((4, 2, 5), (2, 4)),
    "Unflatten": ((1, (2, -1)), (4,)),
}

CONTAINERS = {"Module", "ModuleDict", "ModuleList", "Sequential"}


def exported(module, base):
    members = {name: getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in members.items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    }


MODULES = exported(nn, nn.Module)
ACTIVATIONS = sorted(
    name for name, cls in MODULES.items() if cls.__module__.startswith("lunzi.nn.activation")
)
LOSSES = sorted(name for name, cls in MODULES.items() if cls.__module__.startswith("lunzi.nn.loss"))


def test_every_layer_and_every_optimiser_is_tried():
    layers = MODULES.keys() - set(ACTIVATIONS) - set(LOSSES) - CONTAINERS
    assert layers <= {*LAYERS, "TransformerEncoder"}  # which is made of the layer above
    assert exported(optim, optim.Optimizer).keys() == OPTIMIZERS.keys()


THREE = tuple(MODULES[name] for name in ("MultiheadAttention",) if name in MODULES)


class Scaled(nn.Module):
    """A layer between parameters of all kinds, so that gradients go through it."""

    def __init__(self, layer, shape):
        self.layer = layer
        self.scale = nn.Parameter(np.full(shape[-1:], 0.9, np.float32))
        self.mix = nn.Parameter(np.eye(2, dtype=np.float32)[::-1].copy())

    def forward(self, x):
        if x.dtype == np.float32:
            x = x * self.scale
        takes_three = isinstance(self.layer, THREE)
        y = self.layer(x, x, x) if takes_three else self.layer(x)
        while isinstance(y, tuple):
            y = y[0]
        return (y * y).mean() * self.mix.sum()


def optimizer_for(name, model):
    parameters = list(model.parameters())
    if name == "Muon":
        parameters = [x for x in parameters if x.ndim == 2]
    return getattr(optim, name)(parameters, **OPTIMIZERS[name])


def bits(model, optimizer):
    """All numbers of a training run, as bytes."""
    state = [x for group in optimizer.state.values() for x in group.values()]
    tensors = [*model.parameters(), *model.buffers(), *state, lz.random.default_generator.counter]
    return [np.ascontiguousarray(x.numpy()).tobytes() for x in tensors]


def runs_agree(make, name, batches, wrap):
    """Whether steps leave the same bits, eager and as one program."""
    found = []
    for way in (wrap, lambda function: function):
        lz.manual_seed(1)
        model = make()
        optimizer = optimizer_for(name, model)

        def step(*batch, model=model, optimizer=optimizer):
            loss = model(*batch)
            model.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = way(step)
        losses = [run(*batch).item() for batch in batches]
        if isinstance(run, front.Compiled):
            assert len(run.programs) == 1
        found.append((losses, bits(model, optimizer)))
    return found[0] == found[1]


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("layer", sorted(LAYERS.keys() & MODULES.keys()))
def test_a_layer_with_an_optimiser(layer, optimizer, rng):
    arguments, shape = LAYERS[layer]

    def make():
        return Scaled(getattr(nn, layer)(*arguments), shape)

    if layer == "Embedding":
        batches = [(rng.integers(0, 5, (3, *shape)),) for _ in range(3)]
    else:
        batches = [(rng.standard_normal((3, *shape)).astype(np.float32),) for _ in range(3)]
    assert runs_agree(make, optimizer, batches, lz.compile)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation(activation, rng):
    batches = [(rng.standard_normal((3, 4)).astype(np.float32) * 3,) for _ in range(3)]
    assert runs_agree(lambda: Scaled(MODULES[activation](), (4,)), "SGD", batches, lz.compile)


class Compared(nn.Module):
    """A loss of what a linear layer gives."""

    def __init__(self, loss, is_probability):
        self.linear = nn.Linear(3, 4)
        self.loss = loss
        self.is_probability = is_probability

    def forward(self, x, target):
        y = self.linear(x)
        return self.loss(y.sigmoid() if self.is_probability else y, target)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss(loss, rng):
    labels = loss in ("CrossEntropyLoss", "NLLLoss")
    batches = []
    for _ in range(3):
        x = rng.standard_normal((3, 3)).astype(np.float32)
        target = rng.integers(0, 4, 3) if labels else rng.uniform(0.1, 0.9, (3, 4))
        batches.append((x, target if labels else target.astype(np.float32)))

    def make():
        reduction = {"reduction": "batchmean"} if loss == "KLDivLoss" else {}
        return Compared(MODULES[loss](**reduction), loss == "BCELoss")

    assert runs_agree(make, "Adam", batches, lz.compile)
