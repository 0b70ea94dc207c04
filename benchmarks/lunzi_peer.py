"""Lunzi in the peer benchmarks: `python lunzi_peer.py WORKLOAD MODE [BATCH]`.

The workloads, their data, initial weights and the timing loop come from a module `common`, found
through PYTHONPATH and shared by all frameworks that are compared; README.md says how to call it.
Modes: `eager`, one call from Python per step; `step`, the same compiled; `loop`, many compiled
steps in one call, over the batches in turn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ.get("BENCH_THREADS", "2"))

from collections.abc import Callable
from itertools import cycle

import common
import numpy as np

import lunzi as lz
from lunzi import Tensor, nn, optim
from lunzi.nn.functional import cross_entropy, gelu, max_pool2d, relu, scaled_dot_product_attention

Weights = dict[str, np.ndarray]


def linear(weight: np.ndarray, bias: np.ndarray | None = None) -> nn.Linear:
    """A layer with given numbers; `weight` is (inputs, outputs)."""
    layer = nn.Linear(*weight.shape, bias=bias is not None)
    layer.weight.assign(weight.T)
    if bias is not None:
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


class Recurrent(nn.Module):
    """A GRU of 128 over 100 steps of 40 features; its last state is classified."""

    def __init__(self, p: Weights) -> None:
        self.gru = nn.GRU(*p["wi"].shape[:1], p["wh"].shape[0], batch_first=True)
        self.gru.weight_ih_l0.assign(p["wi"].T)
        self.gru.weight_hh_l0.assign(p["wh"].T)
        self.gru.bias_ih_l0.assign(p["bi"])
        self.gru.bias_hh_l0.assign(p["bh"])
        self.output = linear(p["w"], p["b"])

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.gru(x)
        return self.output(outputs[:, -1])


class GPTBlock(nn.Module):
    """Causal attention in 4 heads and a small network, each behind a norm."""

    def __init__(self, p: Weights, n: int) -> None:
        self.norm1, self.norm2 = (nn.LayerNorm(128, bias=False) for _ in range(2))
        self.projections, self.joined = linear(p[f"qkv_{n}"]), linear(p[f"proj_{n}"])
        self.hidden, self.output = linear(p[f"fc_{n}"]), linear(p[f"out_{n}"])

    def forward(self, x: Tensor) -> Tensor:
        batch, length, features = x.shape
        heads = self.projections(self.norm1(x)).reshape(batch, length, 12, 32).swapaxes(1, 2)
        q, k, v = heads[:, :4], heads[:, 4:8], heads[:, 8:]
        y = scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.joined(y.swapaxes(1, 2).reshape(batch, length, features))
        return x + self.output(gelu(self.hidden(self.norm2(x))))


class GPT(nn.Module):
    """A language model of 65 characters: 4 blocks, 128 wide, the embedding used at both ends."""

    def __init__(self, p: Weights) -> None:
        self.characters, self.places = (nn.Embedding(*p[key].shape) for key in ("wte", "wpe"))
        self.characters.weight.assign(p["wte"])
        self.places.weight.assign(p["wpe"])
        self.blocks = [GPTBlock(p, n) for n in range(4)]
        self.norm = nn.LayerNorm(128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.characters(x) + self.places.weight[: x.shape[1]]
        for block in self.blocks:
            h = block(h)
        return self.norm(h) @ self.characters.weight.T


MODELS: dict[str, Callable[[Weights], nn.Module]] = {
    "w1online": Seed,
    "w1xor": Seed,
    "w2": Perceptron,
    "w3": LeNet,
    "w4": ResNet20,
    "w5": Recurrent,
    "w6": GPT,
}


def half_squared_error(output: Tensor, target: Tensor) -> Tensor:
    return ((target - output) ** 2).sum() * 0.5


def mean_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return cross_entropy(output.reshape(-1, output.shape[-1]), target.reshape(-1))


def optimizer_for(workload: str, model: nn.Module) -> optim.Optimizer:
    lr = common.LR[workload]
    if workload.startswith("w1"):
        return optim.SGD(model.parameters(), lr=lr)
    if workload == "w4":
        return optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    if workload == "w6":
        groups = [
            {
                "params": [p for p in model.parameters() if (p.ndim >= 2) is is_matrix],
                "weight_decay": 0.1 if is_matrix else 0.0,
            }
            for is_matrix in (True, False)
        ]
        return optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))
    return optim.Adam(model.parameters(), lr=lr)


def training_step(workload: str, mode: str, batch: int) -> Callable[[], Tensor]:
    """Forward, loss, backward and optimiser, over the batches in turn."""
    model = MODELS[workload](common.init(workload))
    optimizer = optimizer_for(workload, model)
    loss_of = half_squared_error if workload.startswith("w1") else mean_cross_entropy
    data = [(lz.tensor(x), lz.tensor(y)) for x, y in common.batches(workload, batch)]
    batches = cycle(data)

    def update(x: Tensor, y: Tensor) -> Tensor:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if mode == "loop":
        stacks = stacked(data, steps_in_a_call(workload, mode))
        repeat = lz.compile(update).repeat
        return lambda: repeat(*stacks)
    if mode == "step":
        update = lz.compile(update)
    return lambda: update(*next(batches))


def steps_in_a_call(workload: str, mode: str) -> int:
    if mode != "loop":
        return 1
    return 1000 if workload.startswith("w1") else common.POOL


def stacked(data: list[tuple[Tensor, Tensor]], steps: int) -> list[np.ndarray]:
    """The batches in turn, with an axis of steps before theirs."""
    columns = [[x.numpy() for x in column] for column in zip(*data, strict=True)]
    if len(data) == 1:  # the same at each step takes no memory
        return [np.broadcast_to(x, (steps, *x.shape)) for (x,) in columns]
    return [np.stack([column[step % len(data)] for step in range(steps)]) for column in columns]


def last_loss(losses: Tensor) -> float:
    return float(losses.reshape(-1)[-1])


def inference(workload: str, mode: str) -> None:
    """One sample through a network that is not trained here."""
    base = workload.removeprefix("infer-")
    model = MODELS[base](common.init(base)).eval()
    x = lz.tensor(common.batches(base, 1)[0][0])
    predict = lz.compile(model) if mode == "step" else model
    with lz.no_grad():
        common.bench_infer(
            workload, f"lunzi-{mode}", lambda: predict(x), lambda _: None, Tensor.numpy,
            extra={"version": lz.__version__},
        )  # fmt: skip


def main() -> None:
    workload, mode, batch = common.args(["eager", "step", "loop"])
    if workload.removeprefix("infer-") not in MODELS:
        raise SystemExit(f"lunzi has no workload {workload}; it has {', '.join(MODELS)}")
    if workload.startswith("infer-"):
        inference(workload, mode)
    else:
        common.bench(
            workload, batch, f"lunzi-{mode}", training_step(workload, mode, batch),
            lambda _: None, last_loss, per_call=steps_in_a_call(workload, mode),
            extra={"version": lz.__version__},
        )  # fmt: skip


if __name__ == "__main__":
    main()
