"""What one `NeuralNetwork.train` costs, beside the same arithmetic in plain NumPy and in PyTorch.

    python benchmarks/front_door.py [ROUNDS]

One sample through a 2-3-1 network of sigmoids, one step of gradient descent, in float64. The bars:
4 times as fast as plain NumPy; as it stands (`compile=False`), at most 8 times its time, and less
than that of PyTorch eager (with `torch.optim.SGD`), where that is installed. Time is that of the
calling thread, so that other processes count little; all contestants go by turns.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from rounds import by_turns, median_ratio, table, verdict

import lunzi as lz

try:
    import torch
except ImportError:
    torch = None

MOST_TIMES_NUMPY = 8.0
LEAST_SPEED = 4.0
RATE = 0.1
SAMPLE, TARGET = np.array([0.5, 0.8]), np.array([0.2])


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


class PlainNetwork:
    """The arithmetic by hand, as a tutorial has it, for a batch (N, 2)."""

    def __init__(self, network: lz.NeuralNetwork) -> None:
        self.weights1, self.bias1 = network.weights1.copy(), network.bias1.copy()
        self.weights2, self.bias2 = network.weights2.copy(), network.bias2.copy()

    def train(self, x: np.ndarray, target: np.ndarray, rate: float) -> None:
        hidden = sigmoid(x @ self.weights1 + self.bias1)
        output = sigmoid(hidden @ self.weights2 + self.bias2)
        d_output = (target - output) * output * (1 - output)
        d_hidden = (d_output @ self.weights2.T) * hidden * (1 - hidden)
        self.weights2 += hidden.T @ d_output * rate
        self.bias2 += d_output.sum(0) * rate
        self.weights1 += x.T @ d_hidden * rate
        self.bias1 += d_hidden.sum(0) * rate


def numpy_step() -> Callable[[], object]:
    plain = PlainNetwork(lz.NeuralNetwork(2, 3, 1, seed=0))
    x, target = SAMPLE[None], TARGET[None]
    return lambda: plain.train(x, target, RATE)


def lunzi_step(compile: bool = True) -> Callable[[], object]:
    network = lz.NeuralNetwork(2, 3, 1, seed=0, compile=compile)
    return lambda: network.train(SAMPLE, TARGET, RATE)


def torch_network() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    start = lz.NeuralNetwork(2, 3, 1, seed=0)
    layers = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    model = torch.nn.Sequential(layers[0], torch.nn.Sigmoid(), layers[1], torch.nn.Sigmoid())
    model = model.double()
    pairs = (start.weights1, start.bias1), (start.weights2, start.bias2)
    with torch.no_grad():
        for layer, (weights, bias) in zip(layers, pairs, strict=True):
            layer.weight.copy_(torch.from_numpy(weights.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
    return model, torch.from_numpy(SAMPLE[None]), torch.from_numpy(TARGET[None])


def torch_step(**options: bool) -> Callable[[], object]:
    """With an optimiser, as PyTorch's own tutorials write a step."""
    model, x, target = torch_network()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, **options)

    def step() -> None:
        loss = ((target - model(x)) ** 2).sum() * 0.5
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def torch_step_by_hand() -> Callable[[], object]:
    """Without an optimiser, the least that PyTorch can do for a step."""
    model, x, target = torch_network()
    parameters = list(model.parameters())

    def step() -> None:
        loss = ((target - model(x)) ** 2).sum() * 0.5
        loss.backward()
        with torch.no_grad():
            for parameter in parameters:
                parameter -= RATE * parameter.grad
                parameter.grad = None

    return step


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    contestants = {
        "lunzi": lunzi_step(),
        "lunzi, eager": lunzi_step(compile=False),
        "numpy": numpy_step(),
    }
    if torch is not None:
        torch.set_num_threads(1)
        contestants["torch, SGD"] = torch_step()
        contestants["torch, SGD fused"] = torch_step(fused=True)
        contestants["torch, by hand"] = torch_step_by_hand()
    times = by_turns(contestants, rounds, clock=time.thread_time)
    print(f"One step of training, 2-3-1, one sample: CPU time, {rounds} rounds\n")
    print(table(times), end="\n\n")
    speed = median_ratio(times, "numpy", "lunzi")
    holds = verdict("4 times as fast as NumPy", f"{speed:.2f} times", speed >= LEAST_SPEED)
    ratio = median_ratio(times, "lunzi, eager", "numpy")
    claim = "eager at most 8 times NumPy"
    holds &= verdict(claim, f"{ratio:.2f} times", ratio <= MOST_TIMES_NUMPY)
    for name in contestants:
        if name.startswith("torch, SGD"):
            ratio = median_ratio(times, "lunzi, eager", name)
            holds &= verdict(f"eager less than {name}", f"{ratio:.2f} of it", ratio < 1)
        elif name.startswith("torch"):
            print(f"       beside {name}: {median_ratio(times, 'lunzi', name):.2f} of it")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
