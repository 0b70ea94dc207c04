"""What eager code costs: one operation on few numbers, and whole training steps beside PyTorch.

    python benchmarks/eager.py [ROUNDS]

The bar: `x + y` on 4 numbers, with gradient tracking, in under 4 us. The training steps have no
bar here: eager code runs one NumPy call after another. Everything runs on one thread and is timed
by that thread's clock, so that other processes count little, and two thread pools in one process
do not stand in each other's way; on two threads each, `lunzi_peer.py` compares.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # before NumPy loads

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rounds import by_turns, median_ratio, table, verdict

import lunzi as lz

try:
    import torch
except ImportError:
    torch = None

MOST_PER_ADDITION = 4e-6
Step = Callable[[], object]


def additions() -> dict[str, Step]:
    """`x + y` on 4 numbers, remembered for backward."""
    numbers = np.arange(4, dtype=np.float32)
    x, y = lz.tensor(numbers, requires_grad=True), lz.tensor(numbers)
    contestants: dict[str, Step] = {"lunzi": lambda: x + y, "numpy": lambda: numbers + numbers}
    if torch is not None:
        tx, ty = torch.tensor(numbers, requires_grad=True), torch.tensor(numbers)
        contestants["torch"] = lambda: tx + ty
    return contestants


def perceptron(nn: Any) -> Any:
    """784-256-128-10 with ReLU. `nn` is lunzi's or PyTorch's: the names are the same."""
    return nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def digits_network(nn: Any) -> Any:
    """The network of `lunzi train digits`."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


def step_of(framework: Any, build: Callable[[Any], Any], x: Any, y: Any) -> Step:
    """A whole step of training with Adam."""
    model = build(framework.nn)
    optimizer = framework.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        loss = framework.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def steps(build: Callable[[Any], Any], shape: tuple[int, ...]) -> dict[str, Step]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    y = rng.integers(0, 10, shape[0])
    contestants = {"lunzi": step_of(lz, build, lz.tensor(x), lz.tensor(y))}
    if torch is not None:
        contestants["torch"] = step_of(torch, build, torch.from_numpy(x), torch.from_numpy(y))
    return contestants


def compare(title: str, contestants: dict[str, Step], rounds: int, chunk_s: float) -> None:
    times = by_turns(contestants, rounds, chunk_s, time.thread_time)
    print(f"\n{title}\n\n{table(times)}")
    if "torch" in times:
        print(f"lunzi / torch: {median_ratio(times, 'lunzi', 'torch'):.2f}")


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    if torch is not None:
        torch.set_num_threads(1)
    print(f"{rounds} rounds, 1 thread, CPU time")
    times = by_turns(additions(), rounds, 0.02, time.thread_time)
    print(f"\nx + y on 4 numbers, with gradient tracking\n\n{table(times)}")
    median = statistics.median(times["lunzi"])
    holds = verdict("under 4 us", f"{median * 1e6:.2f} us", median < MOST_PER_ADDITION)
    if "torch" in times:
        print(f"lunzi / torch: {median_ratio(times, 'lunzi', 'torch'):.2f}")
    title = "A step of the network of `lunzi train digits`, batch 32, Adam"
    compare(title, steps(digits_network, (32, 1, 8, 8)), rounds, 0.05)
    title = "A step of 784-256-128-10 with ReLU, batch 64, Adam"
    compare(title, steps(perceptron, (64, 784)), rounds, 0.05)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
