"""Training steps at each level of the processor, and the code that AArch64 would get."""

import re

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.compiler import executable
from lunzi.compiler.native import assembly, object_code
from lunzi.compiler.target import cross, host_at, host_levels

STEPS = 3
SEVEN_CLASSES = np.arange(12) % 7


class Pictures(nn.Module):
    """A convolution with batch norm and pooling, and a linear layer; of ragged sizes."""

    def __init__(self):
        self.filters, self.norm = nn.Conv2d(3, 5, 3, padding=1), nn.BatchNorm2d(5)
        self.output = nn.Linear(5 * 4 * 4, 7)

    def forward(self, x):
        x = nn.functional.max_pool2d(nn.functional.relu(self.norm(self.filters(x))), 2)
        return self.output(x.flatten(1))


class Recurrent(nn.Module):
    """The last state of a GRU is classified."""

    def __init__(self):
        self.gru, self.output = nn.GRU(6, 11, batch_first=True), nn.Linear(11, 7)

    def forward(self, x):
        return self.output(self.gru(x)[0][:, -1])


class Attentive(nn.Module):
    """A Transformer layer in which each place sees those before it."""

    def __init__(self):
        self.layer = nn.TransformerEncoderLayer(18, 3, 29, dropout=0.0, batch_first=True)
        self.output = nn.Linear(18, 7)

    def forward(self, x):
        return self.output(self.layer(x, is_causal=True).mean(axis=1))


def perceptron():
    return nn.Sequential(nn.Linear(37, 50), nn.ReLU(), nn.Linear(50, 7))


NETWORKS = {
    "perceptron": (perceptron, (37,)),
    "pictures": (Pictures, (3, 9, 9)),
    "recurrent": (Recurrent, (9, 6)),
    "attentive": (Attentive, (13, 18)),
}


def training(name, is_compiled):
    """A training step of a fresh network, and its input."""
    lz.manual_seed(0)
    make, shape = NETWORKS[name]
    model = make()
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x = np.random.default_rng(1).normal(size=(12, *shape)).astype(np.float32)
    return lz.compile(step) if is_compiled else step, x


def losses(name, is_compiled):
    step, x = training(name, is_compiled)
    return [float(step(x, SEVEN_CLASSES)) for _ in range(STEPS)]


@pytest.mark.parametrize("level", host_levels())
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_learn_the_same_at_each_level_of_the_host(name, level, monkeypatch):
    expected = losses(name, is_compiled=False)
    used = []

    def target():
        used.append(level)
        return host_at(level)

    monkeypatch.setattr(executable, "host", target)
    found = losses(name, is_compiled=True)
    assert used
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert found[-1] != found[0]


@pytest.fixture
def arm(monkeypatch):
    """The text of a training step written for AArch64, and the target."""
    target = cross("aarch64-linux-gnu")
    made = []
    build = executable.Native.compiled

    def compiled(self, host):
        _, emitted = self.emitted(target)
        made.append(str(emitted.module))
        return build(self, host)

    monkeypatch.setattr(executable.Native, "compiled", compiled)
    monkeypatch.setattr(executable.cache, "load", lambda key, host, make: make())
    step, x = training("perceptron", is_compiled=True)
    step(x, SEVEN_CLASSES)
    return made[0], target


def test_arm_gets_code_that_multiplies_and_adds_vectors_at_once(arm):
    text, target = arm
    assert re.search(r"\bfmla\s+v\d+\.4s", assembly(text, target))
    assert object_code(text, target).startswith(b"\x7fELF")
