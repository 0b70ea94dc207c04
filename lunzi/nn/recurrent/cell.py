"""Cells: one step of a recurrence."""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.arguments import choice, whole_number
from lunzi.core.creation import zeros
from lunzi.core.errors import KindError, ShapeError
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor
from lunzi.nn import init
from lunzi.nn.linear import features_error
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory
from lunzi.nn.recurrent.kind import Elman, Gated, Kind, LongShortTerm, State, Weights


class Cell(Module):
    """What the cells share: weights, initial values, and states that are 0 where none are given."""

    kind: Kind

    def __init__(self, input_size: int, hidden_size: int, bias: bool) -> None:
        self.input_size = whole_number("input_size", input_size)
        self.hidden_size = whole_number("hidden_size", hidden_size)
        self.bias = as_flag(bias, "bias")
        rows = self.kind.gates * self.hidden_size
        self.weight_ih = Parameter(memory(self.input_size, rows).T)
        self.weight_hh = Parameter(memory(self.hidden_size, rows).T)
        self.bias_ih = Parameter(memory(rows)) if self.bias else None
        self.bias_hh = Parameter(memory(rows)) if self.bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def next_state(self, input: Any, given: tuple[Any, ...] | None) -> State:
        """The state behind one step, from an input of one sample or a batch."""
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        x = as_input(input, self.weight_ih)
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"a cell takes one step, (B, {self.input_size}) or ({self.input_size},), got "
                f"{x.shape}: a layer such as {type(self).__name__.removesuffix('Cell')} takes a "
                f"sequence"
            )
        if x.shape[-1] != self.input_size:
            raise features_error(x, self.input_size)
        shape = (*x.shape[:-1], self.hidden_size)
        state = state_of(given, shape, self.kind.states, self.weight_hh)
        rows = x if x.ndim == 2 else x.expand_dims(0)
        before = tuple(s if s.ndim == 2 else s.expand_dims(0) for s in state)
        after = self.kind.step(before, self.kind.parts(rows, weights), weights)
        return tuple(s.reshape(shape) for s in after)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        hidden = output[0] if isinstance(output, tuple) else output
        return int(hidden.size) * self.kind.gates * (self.input_size + self.hidden_size)


def state_of(
    given: tuple[Any, ...] | None, shape: tuple[int, ...], count: int, like: Tensor
) -> State:
    """The first state: the given one in the dtype of the weights, or zeros.

    Raises:
        KindError: when a pair is expected and something else is given.
        ShapeError: when it is of another shape.
    """
    if given is None:
        return tuple(zeros(shape, like.dtype) for _ in range(count))
    if not isinstance(given, tuple | list) or len(given) != count:
        raise KindError(f"hx is a pair (h, c), each {shape}, got {type(given).__name__}")
    state = tuple(as_input(s, like) for s in given)
    for s in state:
        if s.shape != shape:
            raise ShapeError(f"the state hx is {shape} here, got {s.shape}")
    return state


class RNNCell(Cell):
    """One step of a recurrent layer.

        h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh)

    Initial values are uniform in [-1/sqrt(hidden_size), 1/sqrt(hidden_size)].

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of the state.
        bias: whether the biases are there.
        nonlinearity: "tanh" or "relu".

    Shapes:
        x (B, I) or (I,), h (B, H) or (H,), 0 where it is not given -> h' as h
        weight_ih (H, I), weight_hh (H, H), bias_ih, bias_hh (H,)

    Raises:
        ShapeError: when the input or the state has another shape.

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14, 179-211.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh"
    ) -> None:
        self.nonlinearity = choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.kind = Elman(self.nonlinearity)
        super().__init__(input_size, hidden_size, bias)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        return self.next_state(input, None if hx is None else (hx,))[0]


class GRUCell(Cell):
    """One step of a gated recurrent unit.

        r = sigmoid(x W_ir^T + b_ir + h W_hr^T + b_hr)
        z = sigmoid(x W_iz^T + b_iz + h W_hz^T + b_hz)
        n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn))
        h' = (1 - z) n + z h

    The weights of r, z and n stand side by side on the first axis. Initial values are uniform
    in [-1/sqrt(hidden_size), 1/sqrt(hidden_size)].

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of the state.
        bias: whether the biases are there.

    Shapes:
        x (B, I) or (I,), h (B, H) or (H,), 0 where it is not given -> h' as h
        weight_ih (3 H, I), weight_hh (3 H, H), bias_ih, bias_hh (3 H,)

    Raises:
        ShapeError: when the input or the state has another shape.

    Source: Cho et al. 2014, arXiv:1406.1078, with the reset gate behind the product.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self.kind = Gated()
        super().__init__(input_size, hidden_size, bias)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        return self.next_state(input, None if hx is None else (hx,))[0]


class LSTMCell(Cell):
    """One step of a long short-term memory.

        i, f, o = sigmoid(x W_i.^T + b_i. + h W_h.^T + b_h.)
        g = tanh(x W_ig^T + b_ig + h W_hg^T + b_hg)
        c' = f c + i g
        h' = o tanh(c')

    The weights of i, f, g and o stand side by side on the first axis. Initial values are
    uniform in [-1/sqrt(hidden_size), 1/sqrt(hidden_size)].

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of h and of c.
        bias: whether the biases are there.

    Shapes:
        x (B, I) or (I,), hx = (h, c), each (B, H) or (H,), 0 where it is not given -> (h', c')
        weight_ih (4 H, I), weight_hh (4 H, H), bias_ih, bias_hh (4 H,)

    Raises:
        ShapeError: when the input or the state has another shape.
        KindError: when hx is no pair.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", with the forget gate of
    Gers, Schmidhuber and Cummins 2000.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self.kind = LongShortTerm()
        super().__init__(input_size, hidden_size, bias)

    def forward(self, input: Any, hx: tuple[Any, Any] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self.next_state(input, hx)
        return h, c
