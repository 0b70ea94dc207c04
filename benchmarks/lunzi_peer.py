"""Lunzi in the peer benchmarks: `python lunzi_peer.py WORKLOAD MODE [BATCH]`.

The workloads, their data, initial weights and the timing loop come from a module `common`, found
through PYTHONPATH and shared by all frameworks that are compared; README.md says how to call it.
Modes: `eager`, one call from Python per step.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ.get("BENCH_THREADS", "2"))

from collections.abc import Callable

import common
import numpy as np

import lunzi as lz
from lunzi import Tensor, nn, optim
from lunzi.nn.functional import cross_entropy, max_pool2d, relu

Weights = dict[str, np.ndarray]


def linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    """A layer with given numbers; `weight` is (inputs, outputs)."""
    layer = nn.Linear(*weight.shape)
    layer.weight.assign(weight.T)
    layer.bias.assign(bias)
    return layer


def conv(weight: np.ndarray, bias: np.ndarray | None = None, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps height and width at stride 1; `weight` is (OC, IC, KH, KW)."""
    outputs, inputs, size, _ = weight.shape
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias is not None)
    layer.weight.assign(weight)
    if bias is not None:
        layer.bias.assign(bias)
    return layer


class Seed(nn.Module):
    """2-3-1 with sigmoids."""

    def __init__(self, p: Weights) -> None:
        self.first = linear(p["w1"], p["b1"])
        self.second = linear(p["w2"], p["b2"])

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).sigmoid()).sigmoid()


class Perceptron(nn.Module):
    """784-256-128-10 with ReLU."""

    def __init__(self, p: Weights) -> None:
        self.layers = [linear(p[f"w{i}"], p[f"b{i}"]) for i in (1, 2, 3)]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = relu(layer(x))
        return self.layers[-1](x)


class LeNet(nn.Module):
    """Two convolutions with pooling, two linear layers."""

    def __init__(self, p: Weights) -> None:
        self.filters = [conv(p["c1"], p["cb1"]), conv(p["c2"], p["cb2"])]
        self.hidden = linear(p["w1"], p["b1"])
        self.output = linear(p["w2"], p["b2"])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.filters:
            x = max_pool2d(relu(layer(x)), 2)
        return self.output(relu(self.hidden(x.flatten(1))))


class Block(nn.Module):
    """Two convolutions with batch norm, and a shortcut around them."""

    def __init__(self, first: np.ndarray, second: np.ndarray, stride: int) -> None:
        outputs, inputs = first.shape[:2]
        self.first, self.second = conv(first, stride=stride), conv(second)
        self.first_norm, self.second_norm = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.stride, self.grow = stride, outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        if self.grow:  # option A of the paper: leave pixels out, and add channels of zeros
            x = x[:, :, :: self.stride, :: self.stride]
            x = x.pad([(0, 0), (0, self.grow), (0, 0), (0, 0)])
        return relu(x + y)


class ResNet20(nn.Module):
    """Nine blocks in three sizes, for pictures of 3 x 32 x 32."""

    def __init__(self, p: Weights) -> None:
        self.filters, self.norm = conv(p["conv0"]), nn.BatchNorm2d(16)
        self.blocks = [
            Block(p[f"conv{n}a"], p[f"conv{n}b"], stride)
            for n, (_, _, stride) in enumerate(common.RESNET_BLOCKS)
        ]
        self.output = linear(p["w"], p["b"])

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.norm(self.filters(x)))
        for block in self.blocks:
            x = block(x)
        return self.output(x.mean(axis=(2, 3)))


MODELS: dict[str, Callable[[Weights], nn.Module]] = {
    "w1online": Seed,
    "w1xor": Seed,
    "w2": Perceptron,
    "w3": LeNet,
    "w4": ResNet20,
}


def half_squared_error(output: Tensor, target: Tensor) -> Tensor:
    return ((target - output) ** 2).sum() * 0.5


def optimizer_for(workload: str, model: nn.Module) -> optim.Optimizer:
    lr = common.LR[workload]
    if workload.startswith("w1"):
        return optim.SGD(model.parameters(), lr=lr)
    if workload == "w4":
        return optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return optim.Adam(model.parameters(), lr=lr)


def training_step(workload: str, batch: int) -> Callable[[], Tensor]:
    """Forward, loss, backward and optimiser, over the batches in turn."""
    model = MODELS[workload](common.init(workload))
    optimizer = optimizer_for(workload, model)
    loss_of = half_squared_error if workload.startswith("w1") else cross_entropy
    data = [(lz.tensor(x), lz.tensor(y)) for x, y in common.batches(workload, batch)]
    count = 0

    def step() -> Tensor:
        nonlocal count
        x, y = data[count % len(data)]
        count += 1
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def inference(workload: str) -> None:
    """One sample through a network that is not trained here."""
    base = workload.removeprefix("infer-")
    model = MODELS[base](common.init(base)).eval()
    x = lz.tensor(common.batches(base, 1)[0][0])
    with lz.no_grad():
        common.bench_infer(
            workload, "lunzi-eager", lambda: model(x), lambda _: None, Tensor.numpy,
            extra={"version": lz.__version__},
        )  # fmt: skip


def main() -> None:
    workload, mode, batch = common.args(["eager"])
    if workload.removeprefix("infer-") not in MODELS:
        raise SystemExit(f"lunzi has no workload {workload}; it has {', '.join(MODELS)}")
    if workload.startswith("infer-"):
        inference(workload)
    else:
        common.bench(
            workload, batch, f"lunzi-{mode}", training_step(workload, batch), lambda _: None, float,
            extra={"version": lz.__version__},
        )  # fmt: skip


if __name__ == "__main__":
    main()
