"""Matrix products and convolutions of the compiler beside PyTorch's (MKL, oneDNN), one thread.

    python benchmarks/contractions.py [ROUNDS]

The bar: no product takes more than 1.1 times what PyTorch takes, and the eight products of a
training step of 784-256-128-10 compile in 60 ms.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # before NumPy loads

import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from rounds import by_turns, median_ratio, shown, verdict

from lunzi.compiler.builder import INDEX, POINTER, Module, Value
from lunzi.compiler.contraction import Contraction, Dim, emit_contraction
from lunzi.compiler.native import Library, object_code
from lunzi.compiler.target import host

MOST_OF_PEER, MOST_TO_COMPILE = 1.1, 0.06
FLOAT32 = np.dtype("float32")

PRODUCTS = [
    (64, 784, 256), (512, 784, 256), (64, 256, 784), (768, 128, 512), (64, 256, 128),
    (128, 128, 128), (768, 512, 128), (64, 32, 64), (37, 53, 101), (64, 128, 10),
    (1, 784, 256), (3, 784, 256), (64, 784, 1), (512, 512, 512), (64, 1024, 1024),
]  # fmt: skip
TRANSPOSED = [(784, 64, 256), (256, 64, 128), (128, 768, 512)]

# Images, channels, filters, width of the filter, size, stride, padding.
CONVOLUTIONS = [
    (64, 1, 16, 5, 28, 1, 0), (64, 16, 32, 5, 14, 1, 0), (64, 16, 16, 3, 32, 1, 1),
    (64, 32, 32, 3, 16, 1, 1), (64, 64, 64, 3, 8, 1, 1), (64, 16, 32, 3, 32, 2, 1),
]  # fmt: skip


def native(contractions: dict[str, Contraction]) -> tuple[Library, float]:
    """Functions that can be called from outside, and the seconds from text to object code."""
    module = Module()
    names = []
    for name, contraction in contractions.items():
        emit_contraction(module, host(), contraction, f"inner_{name}")
        parameters = [Value(POINTER, f"%{operand}") for operand in "abc"]
        parameters.append(Value(INDEX, "%count"))
        f = module.function(name, parameters, internal=False)
        f.run(f"inner_{name}", *parameters)
        f.ret()
        names.append(name)
    text = str(module)
    start = time.perf_counter()
    code = object_code(text, host())
    return Library(code, names), time.perf_counter() - start


def product(rows: int, inner: int, columns: int, transposed: bool = False) -> Contraction:
    """A (rows, inner) @ (inner, columns); `transposed`: the first one is stored (inner, rows)."""
    row, step = (1, rows) if transposed else (inner, 1)
    return Contraction(
        FLOAT32,
        (Dim(rows, row, 0, columns),),
        Dim(columns, 0, 1, 1),
        (Dim(inner, step, columns, 0),),
    )


class Convolution(NamedTuple):
    images: int
    channels: int
    filters: int
    width: int
    size: int
    stride: int
    padding: int

    @property
    def padded(self) -> int:
        return self.size + 2 * self.padding

    @property
    def out(self) -> int:
        return (self.padded - self.width) // self.stride + 1

    @property
    def windows(self) -> tuple[Dim, Dim, Dim]:
        """Images, lines and columns of the result: strides in the input, 0, in the result."""
        line, filters, out = self.padded * self.channels, self.filters, self.out
        return (
            Dim(self.images, self.padded * line, 0, out * out * filters),
            Dim(out, self.stride * line, 0, out * filters),
            Dim(out, self.stride * self.channels, 0, filters),
        )

    @property
    def taps(self) -> tuple[Dim, Dim, Dim]:
        """Lines, columns and channels of a filter: strides in the input, in the filter, 0."""
        line, filters = self.channels * self.filters, self.filters
        return (
            Dim(self.width, self.padded * self.channels, self.width * line, 0),
            Dim(self.width, self.channels, line, 0),
            Dim(self.channels, 1, filters, 0),
        )

    def forward(self) -> Contraction:
        return Contraction(FLOAT32, self.windows, Dim(self.filters, 0, 1, 1), self.taps)

    def gradient(self) -> Contraction:
        """Of the filters: the sum runs over all windows."""
        rows = tuple(Dim(dim.size, dim.a, 0, dim.b) for dim in self.taps)
        inner = tuple(Dim(dim.size, dim.a, dim.c, 0) for dim in self.windows)
        never_divided = Dim(1, 0, 0, 0)
        return Contraction(FLOAT32, (never_divided, *rows), Dim(self.filters, 0, 1, 1), inner)


def aligned(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers from an address that a vector's length divides."""
    size = int(np.prod(shape))
    memory = np.empty(size + 32, np.float32)
    start = -memory.ctypes.data % 64 // 4
    array = memory[start : start + size].reshape(shape)
    array[...] = rng.standard_normal(shape)
    return array


def caller(contraction: Contraction, *arrays: np.ndarray) -> tuple[Callable[[], object], float]:
    library, seconds = native({"f": contraction})
    kinds = [ctypes.c_void_p] * 3 + [ctypes.c_int64]
    function = ctypes.CFUNCTYPE(None, *kinds)(library.address("f"))
    arguments = [array.ctypes.data for array in arrays] + [contraction.rows[0].size]

    def call(_keep: object = (library, arrays)) -> None:
        function(*arguments)

    return call, seconds


def compare(
    name: str,
    contraction: Contraction,
    arrays: list[np.ndarray],
    peers: dict[str, Callable[[], object]],
    products: int,
    rounds: int,
) -> float:
    """Print a line; give Lunzi's time over that of the fastest peer."""
    call, seconds = caller(contraction, *arrays)
    times = by_turns({"lunzi": call, **peers}, rounds)
    middle = statistics.median(times["lunzi"])
    ratios = {peer: median_ratio(times, peer, "lunzi") for peer in peers}
    figures = "  ".join(f"{ratio:10.2f}" for ratio in ratios.values())
    speed = 2e-9 * products / middle
    print(f"{name:28} {shown(middle):>9} {speed:6.0f} {figures}   {seconds * 1e3:5.1f}")
    return 1 / min(ratios.values())


def compare_products(rng: np.random.Generator, rounds: int) -> list[float]:
    head = f"{'M x K x N':28} {'lunzi':>9} {'GF/s':>6} {'torch/lunzi':>10}   compile, ms"
    print(head)
    worst = []
    for sizes, transposed in [(s, False) for s in PRODUCTS] + [(s, True) for s in TRANSPOSED]:
        rows, inner, columns = sizes
        a = aligned((inner, rows) if transposed else (rows, inner), rng)
        b, c, other = (
            aligned(s, rng) for s in ((inner, columns), (rows, columns), (rows, columns))
        )
        left = torch.from_numpy(a).T if transposed else torch.from_numpy(a)
        right, out = torch.from_numpy(b), torch.from_numpy(other)

        def peer(
            left: torch.Tensor = left, right: torch.Tensor = right, out: torch.Tensor = out
        ) -> object:
            return torch.matmul(left, right, out=out)

        name = f"{rows} x {inner} x {columns}{', A^T B' if transposed else ''}"
        contraction = product(*sizes, transposed=transposed)
        worst.append(
            compare(name, contraction, [a, b, c], {"mkl": peer}, rows * inner * columns, rounds)
        )
    return worst


def compare_convolutions(rng: np.random.Generator, rounds: int) -> list[float]:
    print(f"\n{'convolution':28} {'lunzi':>9} {'GF/s':>6} {'NHWC/lunzi':>10}  {'NCHW/lunzi':>10}")
    worst = []
    for sizes in CONVOLUTIONS:
        case = Convolution(*sizes)
        n, p, size, out = case.images, case.padding, case.size, case.out
        x = np.zeros((n, case.padded, case.padded, case.channels), np.float32)
        x = aligned(x.shape, rng)
        filters = aligned((case.width, case.width, case.channels, case.filters), rng)
        y = aligned((n, out, out, case.filters), rng)
        inside = torch.from_numpy(x[:, p : p + size, p : p + size].copy()).permute(0, 3, 1, 2)
        weight = torch.from_numpy(filters.copy()).permute(3, 2, 0, 1)
        gradient = torch.from_numpy(y.copy()).permute(0, 3, 1, 2)
        nhwc = torch.channels_last
        layouts = {
            "nhwc": [t.contiguous(memory_format=nhwc) for t in (inside, weight, gradient)],
            "nchw": [t.contiguous() for t in (inside, weight, gradient)],
        }
        stride, padding = [case.stride] * 2, [p] * 2

        def forward(
            t: list[torch.Tensor], stride: list[int] = stride, padding: list[int] = padding
        ) -> object:
            return torch.conv2d(t[0], t[1], None, stride, padding)

        def backward(
            t: list[torch.Tensor], stride: list[int] = stride, padding: list[int] = padding
        ) -> object:
            wanted = [False, True, False]
            return torch.ops.aten.convolution_backward(
                t[2], t[0], t[1], None, stride, padding, [1, 1], False, [0, 0], 1, wanted
            )

        shape = f"{case.width}x{case.width} {size}x{size} /{case.stride}"
        label = f"{case.channels}->{case.filters} {shape}"
        products = n * out * out * case.filters * case.width**2 * case.channels
        for kind, contraction, arrays, function in (
            ("", case.forward(), [x, filters, y], forward),
            (", filters", case.gradient(), [x, y, filters], backward),
        ):
            peers = {
                layout: (lambda t=tensors, g=function: g(t)) for layout, tensors in layouts.items()
            }
            worst.append(compare(label + kind, contraction, arrays, peers, products, rounds))
    return worst


def compile_time() -> float:
    """Seconds for the eight products of a step of 784-256-128-10, best of some."""
    step = {
        "hidden1": product(64, 784, 256),
        "hidden2": product(64, 256, 128),
        "logits": product(64, 128, 10),
        "to_hidden2": product(64, 10, 128),
        "to_hidden1": product(64, 128, 256),
        "weight3": product(128, 64, 10, transposed=True),
        "weight2": product(256, 64, 128, transposed=True),
        "weight1": product(784, 64, 256, transposed=True),
    }
    return min(native(step)[1] for _ in range(7))


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    rng = np.random.default_rng(0)
    products = compare_products(rng, rounds)
    convolutions = compare_convolutions(rng, rounds)
    print()
    seconds = compile_time()
    held = [
        verdict(
            "products at most 1.1 times PyTorch's time",
            f"{max(products):.2f}",
            max(products) <= MOST_OF_PEER,
        ),
        verdict(
            "convolutions likewise", f"{max(convolutions):.2f}", max(convolutions) <= MOST_OF_PEER
        ),
        verdict("eight products compile in 60 ms", shown(seconds), seconds <= MOST_TO_COMPILE),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
