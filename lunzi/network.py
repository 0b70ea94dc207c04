"""NeuralNetwork, the front door: a network of fully connected layers in a few lines."""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lunzi.compiler.backend import is_eager
from lunzi.compiler.compile import Compiled, compile
from lunzi.compiler.program import MISFIT
from lunzi.core.arrays import as_array
from lunzi.core.autograd import gradients_of
from lunzi.core.creation import allocated
from lunzi.core.errors import (
    FileFormatError,
    KindError,
    MissingAttributeError,
    RangeError,
    ShapeError,
)
from lunzi.core.memory import zeros_apart
from lunzi.core.mode import MODE, no_grad
from lunzi.core.random import Generator
from lunzi.core.spec import Array, Shape, as_dtype, as_flag, float64, is_floating
from lunzi.core.tensor import Tensor
from lunzi.files.network_file import read_network, write_network
from lunzi.nn.functional import relu, softmax
from lunzi.optim.ranges import check_choice, check_count, check_number

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": Tensor.sigmoid,
    "tanh": Tensor.tanh,
    "relu": relu,
    "linear": lambda z: z,
    "softmax": lambda z: softmax(z, dim=1),
}
HIDDEN_ACTIVATIONS = [name for name in ACTIVATIONS if name != "softmax"]

# Seconds on a usual core. Only their relation matters, and that only by its magnitude.
EAGER_TENSOR = 3e-5  # what a parameter costs in a step, however small it is
EAGER_MULTIPLY_ADD = 1e-9  # for each weight and sample, forward and backward
COMPILING = 0.2

# Steps of `fit` after which it looks whether it is there: at first, and later on.
AT_FIRST, LATER = 64, 2**14

LOG = logging.getLogger("lunzi")


def tutorial_numbers(rows: int, columns: int) -> Array:
    """The numbers of `np.random.randn`, or an error of ours where no machine has room for them."""
    return allocated(lambda: np.random.randn(rows, columns), f"weights of shape {(rows, columns)}")


@dataclass(frozen=True)
class Fit:
    """How `fit` ended.

    Args:
        reached: whether every output came within `until` of its target.
        steps: how many steps of training were made.
        error: the largest |target - output| that is left.
        until: what was asked for.
    """

    reached: bool
    steps: int
    error: float
    until: float

    def __str__(self) -> str:
        if self.reached:
            return f"reached: every output within {self.until:g} after {self.steps:,} steps"
        return (
            f"not reached after {self.steps:,} steps: an output is still {self.error:.3g} from its "
            f"target, {self.until:g} was asked for. Try another seed (new initial weights), more "
            f"hidden neurons, another learning_rate, or a larger at_most"
        )


class NeuralNetwork:
    """A network of fully connected layers, trained by gradient descent.

        z1 = x weights1 + bias1,  hidden = f(z1),  z2 = hidden weights2 + bias2,  output = g(z2)

    and so on for more layers. f and g are the sigmoid 1 / (1 + e^-z) unless said otherwise. The
    loss is half the squared error, summed over outputs and batch; with `output="softmax"` it is
    the cross-entropy, -sum(target ln(output)).

    Args:
        sizes: neurons of each layer, the input first: `NeuralNetwork(2, 3, 1)`.
        activation: of the hidden layers: "sigmoid", "tanh", "relu" or "linear".
        output: of the last layer: one of these or "softmax".
        seed: for the initial weights; without it they are drawn by `np.random.randn`, weights1
            first, so that `np.random.seed` decides.
        dtype: float64 or float32.
        input_size, hidden_size, output_size: the three sizes by name.
        compile: run steps of training as native code, compiled for each shape of a batch when
            it comes first. If None, `train` does, and `fit` where its size says that it pays.

    Initial weights are N(0, 1) before a sigmoid. Before the others that would saturate or
    explode, so that they are N(0, 2 / inputs) before "relu" and N(0, 1 / inputs) before
    "tanh", "linear" and "softmax". Biases are 0.

    Attributes:
        weights1, bias1, weights2, ...: NumPy arrays of shapes (inputs, outputs) and (outputs,),
            which may be read, changed in place and set.
        hidden: what the hidden layer gave in the last `forward`; hidden1, hidden2, ... in a
            network with several.

    >>> network = NeuralNetwork(2, 3, 1, seed=0)
    >>> network.forward([0.5, 0.8]).shape
    (1,)
    """

    def __init__(
        self,
        *sizes: int,
        activation: str = "sigmoid",
        output: str = "sigmoid",
        seed: int | None = None,
        dtype: DTypeLike = "float64",
        input_size: int | None = None,
        hidden_size: int | None = None,
        output_size: int | None = None,
        compile: bool | None = None,
    ) -> None:
        named = [size for size in (input_size, hidden_size, output_size) if size is not None]
        self.sizes = (*sizes, *named)
        if len(self.sizes) < 2:
            raise RangeError(f"give the sizes of two layers or more, as in (2, 3, 1); got {sizes}")
        for size in self.sizes:
            check_count("the size of a layer", size)
        check_choice("activation", activation, *HIDDEN_ACTIVATIONS)
        check_choice("output", output, *ACTIVATIONS)
        self.activation, self.output = activation, output
        self.dtype = as_dtype(dtype)
        if not is_floating(self.dtype):
            raise KindError(f"a network computes in float64 or float32, got {self.dtype.name}")
        generator = None if seed is None else Generator(seed)
        self._layers: list[tuple[Tensor, Tensor]] = []  # weights and bias
        self._tensors: dict[str, Tensor] = {}  # the same as weights1, bias1, weights2, ...
        self._hidden: dict[str, Tensor] = {}  # of the last forward
        self._single = False  # whether that was one sample
        self.compile = None if compile is None else as_flag(compile, "compile")
        self._share = 1.0 if output == "softmax" else 0.5  # of L in what `_forward` adds up
        for place, (inputs, outputs) in enumerate(pairwise(self.sizes), 1):
            kind = self.output if place == len(self.sizes) - 1 else self.activation
            scale = {"sigmoid": 1.0, "relu": (2 / inputs) ** 0.5}.get(kind, (1 / inputs) ** 0.5)
            if generator is None:
                drawn = tutorial_numbers(inputs, outputs)
            else:
                drawn = generator.normal((inputs, outputs), dtype="float64").numpy()
            weights = zeros_apart((inputs, outputs), self.dtype)
            weights[...] = drawn * scale
            bias = np.zeros(outputs, self.dtype)
            layer = Tensor(weights, requires_grad=True), Tensor(bias, requires_grad=True)
            self._layers.append(layer)
            self._tensors |= {f"weights{place}": layer[0], f"bias{place}": layer[1]}
        self._native = NativeSteps(self)

    def parameters(self) -> list[Tensor]:
        """weights1, bias1, weights2, bias2, ... as tensors."""
        return list(self._tensors.values())

    def forward(self, input: Any) -> Array:
        """The outputs: (inputs,) -> (outputs,) for one sample, (N, inputs) -> (N, outputs).

        Raises:
            ShapeError: when the last axis is not as long as the input layer.
        """
        x = self._rows("input", input, self.sizes[0])
        self._single = np.ndim(input) == 1
        with no_grad():
            output = self(Tensor(x)).checked()
        return output[0] if self._single else output

    def __call__(self, x: Tensor) -> Tensor:
        """The outputs of a batch as a tensor with its tape. Shapes: (N, inputs) -> (N, outputs)."""
        *hidden, (weights, bias) = self._layers
        self._hidden.clear()
        self._native.trained = None
        for place, (w, b) in enumerate(hidden, 1):
            x = ACTIVATIONS[self.activation](x @ w + b)
            self._hidden[f"hidden{place}"] = x
        return ACTIVATIONS[self.output](x @ weights + bias)

    predict = forward

    def train(self, input: Any, target: Any, learning_rate: float) -> float:
        """One step of gradient descent: every parameter p becomes p - learning_rate dL/dp.

        Args:
            input: one sample (inputs,) or a batch (N, inputs).
            target: one target (outputs,) or (N, outputs). With "softmax", probabilities.
            learning_rate: above 0, in units of the parameters over those of their gradients.

        Returns:
            The loss L before the step, summed over the batch.

        Raises:
            ShapeError: when input and target do not fit the network or each other.
            RangeError: when the learning rate is not above 0, or a number is not finite.
        """
        native = self._native
        if learning_rate is not native.learning_rate:
            native.set_rate(learning_rate)
        # What the last call was for goes without further ado: the program looks itself whether
        # the numbers are finite, and gives NaN where they are not.
        total = native.learn.at_once((input, target))
        if total is MISFIT:
            return self._train(input, target, learning_rate)
        loss: float = total.payload.item() * self._share
        if math.isnan(loss):
            self._pair(input, target)
        native.trained = input.shape
        return loss

    def fit(
        self, x: Any, y: Any, learning_rate: float, until: float = 0.05, at_most: int = 100_000
    ) -> Fit:
        """Repeat `train` on the batch until the outputs are near the targets.

        Args:
            x, y: inputs and targets, as for `train`.
            learning_rate: as for `train`.
            until: the largest |target - output| that is near enough.
            at_most: steps after which it gives up, with a warning that says what to try.

        Returns:
            Whether it got there, after how many steps, and the error that is left.
        """
        check_number("learning_rate", learning_rate, above=0.0)
        check_number("until", until, above=0.0)
        check_count("at_most", at_most)
        batch, targets = self._pair(x, y)
        if self._compiles(at_most, len(batch)):
            self._native.set_rate(learning_rate)
            result = self._native.fit(batch, targets, until, at_most)
        else:
            result = self._fit(batch, targets, learning_rate, until, at_most)
        if not result.reached:
            warnings.warn(str(result), stacklevel=2)
        return result

    def score(self, x: Any, y: Any) -> float:
        """The share of samples whose prediction is right, in [0, 1].

        With several outputs the largest one is the prediction; with one, it is right when it
        lies on the target's side of 0.5. `y` is like the targets of `train`, or class numbers
        (N,) for a network of several outputs.
        """
        output = self.forward(self._rows("x", x, self.sizes[0]))
        truth = np.asarray(y)
        if self.sizes[-1] == 1 or truth.shape != (len(output),):
            truth = self._rows("y", y, self.sizes[-1])
        if len(truth) != len(output):
            raise ShapeError(f"x has {len(output)} samples, y has {len(truth)}")
        if self.sizes[-1] == 1:
            return float(((output > 0.5) == (truth > 0.5)).mean())
        classes = truth.argmax(axis=1) if truth.ndim == 2 else truth
        return float((output.argmax(axis=1) == classes).mean())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file, whole or not at all."""
        write_network(path, self.sizes, self.activation, self.output, self._tensors)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NeuralNetwork:
        """Read a network that `save` wrote.

        Raises:
            FileFormatError: when the file is damaged or holds something else.
        """
        sizes, activation, output, tensors = read_network(path)
        dtype = tensors["weights1"].dtype
        try:
            network = cls(*sizes, activation=activation, output=output, seed=0, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"{path} is not a whole NeuralNetwork: {error}") from None
        for name, parameter in network._tensors.items():
            parameter.assign(tensors[name])
        return network

    def summary(self) -> str:
        """The layers with their shapes and numbers of parameters, as a table in text."""
        line = "{:<7}{:<16}{:<10}{:>12}  {}".format
        lines = [line("layer", "weights", "bias", "parameters", "activation")]
        for place, (inputs, outputs) in enumerate(pairwise(self.sizes), 1):
            kind = self.output if place == len(self.sizes) - 1 else self.activation
            shapes = f"({inputs}, {outputs})", f"({outputs},)"
            lines.append(line(place, *shapes, f"{(inputs + 1) * outputs:,}", kind))
        lines.append(line("total", "", "", f"{sum(p.size for p in self.parameters()):,}", ""))
        return "\n".join(map(str.rstrip, lines))

    def __repr__(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        return f"NeuralNetwork({sizes}, activation={self.activation!r}, output={self.output!r})"

    # weights1, bias1, hidden, ...

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_"):  # while it is being made, or copied
            raise AttributeError(name)
        name = "hidden1" if name == "hidden" and len(self.sizes) == 3 else name
        if name in self._tensors:
            return self._tensors[name].checked()
        if self._native.trained is not None and name in self._native.hidden:
            return self._native.hidden[name]
        if name not in self._hidden:
            raise MissingAttributeError(self._missing(name))
        array = self._hidden[name].checked()
        return array[0] if self._single else array

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("_tensors", {}):
            self._tensors[name].assign(as_array(value, self.dtype))
        elif name.rstrip("0123456789") in ("weights", "bias", "hidden"):
            raise MissingAttributeError(self._missing(name))
        else:
            object.__setattr__(self, name, value)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tensors, *self._native.hidden, *self._hidden]

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or another process gets, which compiles for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_native"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._native = NativeSteps(self)

    def _missing(self, name: str) -> str:
        hidden = [f"hidden{place}" for place in range(1, len(self.sizes) - 1)]
        return (
            f"this network has no {name!r} here; it has {', '.join(self._tensors)} and, to read "
            f"after forward, {', '.join(hidden) or 'no hidden layer'}"
        )

    # One step

    def _forward(self, x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs and the sum of squared errors, or the cross-entropy; L is a share of it."""
        output = self(x)
        if self.output == "softmax":
            return output, -(output.log() * target).sum()
        return output, ((output - target) ** 2).sum()

    def _train(self, input: Any, target: Any, learning_rate: float) -> float:
        """A step with every check, native or as it stands."""
        batch, targets = self._pair(input, target)
        if not self._compiles():
            _, total = self._forward(Tensor(batch), Tensor(targets))
            self._descend(total, learning_rate)
            return float(total) * self._share
        if self._single:  # another program than a batch of one
            batch, targets = batch[0], targets[0]
        return self._native.train(batch, targets) * self._share

    def _descend(self, total: Tensor, learning_rate: float) -> None:
        for p in self._tensors.values():
            p.grad = None
        # The gradient of learning_rate L is the step itself.
        total.backward(learning_rate * self._share)
        with no_grad():
            for p in self._tensors.values():
                p.assign(p - p.grad)
                p.grad = None

    def _fit(
        self, x: Array, target: Array, learning_rate: float, until: float, at_most: int
    ) -> Fit:
        for steps in range(at_most + 1):
            output, total = self._forward(Tensor(x), Tensor(target))
            error = float(np.abs(target - output.checked()).max())
            if error <= until or steps == at_most or not np.isfinite(error):
                break
            self._descend(total, learning_rate)
        return Fit(error <= until, steps, error, until)

    def _compiles(self, steps: int | None = None, rows: int = 1) -> bool:
        """Whether to compile, for so many steps on so many samples if that is known."""
        if self.compile is False or MODE.get().trace is not None or is_eager():
            return False
        if self.compile or steps is None:
            return True
        weights = sum(inputs * outputs for inputs, outputs in pairwise(self.sizes))
        step = len(self._tensors) * EAGER_TENSOR + rows * weights * EAGER_MULTIPLY_ADD
        return steps * step > 2 * COMPILING

    def _rows(self, name: str, values: Any, width: int) -> Array:
        """Finite numbers as a batch (N, width)."""
        is_ready = type(values) is np.ndarray and values.dtype == self.dtype
        array = values if is_ready else as_array(values, self.dtype)
        if array.ndim not in (1, 2) or array.shape[-1] != width:
            raise ShapeError(
                f"{name} has shape {array.shape}; this network of sizes {self.sizes} takes "
                f"({width},) for one sample or (N, {width}) for a batch"
            )
        # To look at the sum first is 3 us quicker; it is not finite where a number is not.
        if not math.isfinite(np.add.reduce(array, None)) and not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise RangeError(f"{name} holds {array[place]} at {place}; finite numbers are needed")
        return array.reshape(-1, width)

    def _pair(self, x: Any, y: Any) -> tuple[Array, Array]:
        batch = self._rows("input", x, self.sizes[0])
        targets = self._rows("target", y, self.sizes[-1])
        if len(batch) != len(targets):
            raise ShapeError(f"input has {len(batch)} samples, target has {len(targets)}")
        self.__dict__["_single"] = np.ndim(x) == 1  # __setattr__ would take 1 us
        return batch, targets


class NativeSteps:
    """The steps of a network as compiled programs, one for each shape of a batch.

    They are those of the network with one difference: whether to move at all is asked inside.

    Args:
        network: whose steps they are.
    """

    def __init__(self, network: NeuralNetwork) -> None:
        self.network = network
        self.learning_rate: float | None = None
        self.rate = Tensor(np.zeros((), network.dtype))  # that, times the share of L
        self.learn = compile(self.learning)
        self.approach = compile(self.approaching)
        self.kept: dict[Shape, dict[str, Tensor]] = {}  # by the shape of the input
        self.trained: Shape | None = None  # that of the last step, if no other pass came later

    def set_rate(self, learning_rate: float) -> None:
        """Set the learning rate of all steps to come."""
        check_number("learning_rate", learning_rate, above=0.0)
        self.rate.assign(np.asarray(learning_rate * self.network._share, self.network.dtype))
        self.learning_rate = learning_rate

    @property
    def hidden(self) -> dict[str, Array]:
        """What the hidden layers gave in the last step of `train`; copies, for the next writes."""
        if self.trained is None:
            return {}
        arrays = {name: x.checked().copy() for name, x in self.kept[self.trained].items()}
        is_single = len(self.trained) == 1
        return {name: array[0] if is_single else array for name, array in arrays.items()}

    # The programs

    def learning(self, x: Tensor, target: Tensor) -> Tensor:
        """A step on a sample or a batch; NaN, and no step, where a number is not finite."""
        network = self.network
        rows = x.reshape(-1, network.sizes[0]), target.reshape(-1, network.sizes[-1])
        _, total = network._forward(*rows)
        is_finite = x.isfinite().all() & target.isfinite().all()
        for name, numbers in network._hidden.items():
            self.kept[x.shape][name].assign(numbers)
        self.descend(total, is_finite)
        return is_finite.where(total, math.nan)

    def approaching(self, x: Tensor, target: Tensor, until: Tensor) -> Tensor:
        """A step on a batch, unless the largest error is small enough or not finite; the error."""
        output, total = self.network._forward(x, target)
        error = (target - output).abs().max()
        self.descend(total, (error.astype(float64) > until) & error.isfinite())
        return error

    def descend(self, total: Tensor, moves: Tensor) -> None:
        parameters = self.network.parameters()
        gradients = gradients_of(total, self.rate, parameters, create_graph=False)
        with no_grad():
            for p, gradient in zip(parameters, gradients, strict=True):
                p.assign(moves.where(p - gradient, p))
        self.network._hidden.clear()  # of symbols that mean nothing later

    # Running them

    def train(self, x: Array, target: Array) -> float:
        """The sum that L is a share of, before the step."""
        if x.shape not in self.kept:
            rows = x.size // self.network.sizes[0]
            self.kept[x.shape] = {
                f"hidden{place}": Tensor(np.zeros((rows, size), self.network.dtype))
                for place, size in enumerate(self.network.sizes[1:-1], 1)
            }
        total = self.timed(self.learn, self.learn, x, target)
        self.trained = x.shape
        return float(total)

    def fit(self, x: Array, target: Array, until: float, at_most: int) -> Fit:
        """See `NeuralNetwork.fit`."""
        batch = x, target, np.asarray(until, float64)
        done, length = 0, AT_FIRST
        while done < at_most:
            count = min(length, at_most - done)
            stacks = [np.broadcast_to(array, (count, *array.shape)) for array in batch]
            errors = self.timed(self.approach, self.approach.repeat, *stacks).checked()
            is_over = ~(errors.astype(float64) > until) | ~np.isfinite(errors)
            if is_over.any():
                steps = int(is_over.argmax())
                self.error(x, target)
                error = float(errors[steps])
                return Fit(error <= until, done + steps, error, until)
            done, length = done + count, min(2 * length, LATER)
        error = self.error(x, target)
        return Fit(error <= until, at_most, error, until)

    def error(self, x: Array, target: Array) -> float:
        """The largest error as things are now, by an eager pass, which also leaves `hidden`."""
        with no_grad():
            return float(np.abs(target - self.network(Tensor(x)).checked()).max())

    def timed(self, program: Compiled, call: Callable[..., Tensor], *arrays: Array) -> Tensor:
        """A call of a program, and a word on how long it took to compile it."""
        built, start = program.built, time.monotonic()
        result = call(*arrays)
        if program.built != built:
            seconds = time.monotonic() - start
            LOG.info("%r: compiled for %s in %.2g s", self.network, arrays[0].shape, seconds)
        return result
