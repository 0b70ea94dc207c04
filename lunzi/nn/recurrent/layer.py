"""Recurrent layers: a cell run over a sequence, in one direction or both, in several layers."""

from __future__ import annotations

import math
from typing import Any

from lunzi.core.advice import advise
from lunzi.core.arguments import choice, real_number, whole_number
from lunzi.core.errors import ShapeError
from lunzi.core.functions import concat, stack
from lunzi.core.scan import scan
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor
from lunzi.nn import init
from lunzi.nn.arguments import number_of_layers
from lunzi.nn.dropout import dropout
from lunzi.nn.linear import features_error
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory
from lunzi.nn.recurrent.cell import state_of
from lunzi.nn.recurrent.kind import Elman, Gated, Kind, LongShortTerm, State, Weights

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(Module):
    """What RNN, GRU and LSTM share. Packed sequences and projections are not offered."""

    kind: Kind

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
    ) -> None:
        self.input_size = whole_number("input_size", input_size)
        self.hidden_size = whole_number("hidden_size", hidden_size)
        self.num_layers = number_of_layers(num_layers)
        self.bias = as_flag(bias, "bias")
        self.batch_first = as_flag(batch_first, "batch_first")
        self.dropout = real_number("dropout", dropout, 0, 1)
        self.bidirectional = as_flag(bidirectional, "bidirectional")
        if self.dropout and self.num_layers == 1:
            advise(
                f"dropout={dropout} stands between layers and has no effect with num_layers=1: "
                f"put an nn.Dropout behind the layer"
            )
        rows = self.kind.gates * self.hidden_size
        for layer in range(self.num_layers):
            features = self.input_size if layer == 0 else self.directions * self.hidden_size
            for direction in range(self.directions):
                own = (memory(features, rows).T, memory(self.hidden_size, rows).T)
                biases = (memory(rows), memory(rows)) if self.bias else ()
                for name, array in zip(NAMES, (*own, *biases), strict=False):
                    setattr(self, name + place(layer, direction), Parameter(array))
        self.reset_parameters()

    @property
    def directions(self) -> int:
        """1, or 2 where the layer also runs from the end to the beginning."""
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def weights(self, layer: int, direction: int) -> Weights:
        """The weights of one layer in one direction; 1 is the reverse one."""
        found: list[Any] = [getattr(self, name + place(layer, direction), None) for name in NAMES]
        return Weights(*found)

    def run(self, input: Any, given: tuple[Any, ...] | None) -> tuple[Tensor, State]:
        """The outputs of the last layer at all steps, and the last states of all layers."""
        x = as_input(input, self.weights(0, 0).ih)
        if x.ndim not in (2, 3):
            order = "B, T" if self.batch_first else "T, B"
            raise ShapeError(
                f"expects a batch of sequences ({order}, {self.input_size}) or one sequence "
                f"(T, {self.input_size}), got {x.shape}"
            )
        if x.shape[-1] != self.input_size:
            raise features_error(x, self.input_size)
        is_batch = x.ndim == 3
        if not is_batch:
            x = x.expand_dims(1)  # (T, 1, I)
        elif self.batch_first:
            x = x.swapaxes(0, 1)  # (T, B, I)
        first = self.first_states(given, x.shape[1], is_batch)
        y, last = self.through_layers(x, first)
        if not is_batch:
            return y.squeeze(1), tuple(s.squeeze(1) for s in last)
        return (y.swapaxes(0, 1) if self.batch_first else y), last

    def first_states(self, given: tuple[Any, ...] | None, batch: int, is_batch: bool) -> State:
        """Each kind of state of all layers and directions.

        Shapes:
            -> (directions num_layers, B, H) each
        """
        count = self.directions * self.num_layers
        shape = (count, batch, self.hidden_size) if is_batch else (count, self.hidden_size)
        states = state_of(given, shape, self.kind.states, self.weights(0, 0).hh)
        return states if is_batch else tuple(s.expand_dims(1) for s in states)

    def through_layers(self, x: Tensor, first: State) -> tuple[Tensor, State]:
        last: list[State] = []
        for layer in range(self.num_layers):
            if layer:
                x = dropout(x, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                begin = tuple(s[len(last)] for s in first)
                y, end = self.over_time(x, begin, self.weights(layer, direction), direction == 1)
                outputs.append(y)
                last.append(end)
            x = concat(outputs, -1) if self.bidirectional else outputs[0]
        return x, tuple(stack(each) for each in zip(*last, strict=True))

    def over_time(
        self, x: Tensor, begin: State, weights: Weights, reverse: bool
    ) -> tuple[Tensor, State]:
        """One layer in one direction.

        Shapes:
            x (T, B, F), begin (B, H) each -> (T, B, H), (B, H) each
        """

        def step(state: State, parts: tuple[Tensor, ...]) -> tuple[State, Tensor]:
            after = self.kind.step(state, parts, weights)
            return after, after[0]

        last, y = scan(step, begin, self.kind.parts(x, weights), reverse=reverse)
        return y, last

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        steps = int(output[0].size) // (self.directions * self.hidden_size)
        numbers = sum(
            int(w.ih.size) + int(w.hh.size)
            for layer in range(self.num_layers)
            for w in (self.weights(layer, direction) for direction in range(self.directions))
        )
        return steps * numbers


def place(layer: int, direction: int) -> str:
    return f"_l{layer}" + ("_reverse" if direction else "")


class RNN(Recurrent):
    """A recurrent layer over a sequence; see `RNNCell` for its step.

        h[t] = tanh(x[t] W_ih^T + b_ih + h[t - 1] W_hh^T + b_hh)

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of the state.
        num_layers: how many layers stand on each other, each fed with the outputs of the last.
        nonlinearity: "tanh" or "relu".
        bias: whether the biases are there.
        batch_first: whether the batch is the first axis of input and output, before time.
        dropout: the probability with which numbers between layers are left out in training.
        bidirectional: whether each layer also runs from the end to the beginning; its outputs
            stand behind those of the other direction.

    Shapes:
        x (T, B, I), (B, T, I) with batch_first, or (T, I);
        h0 (D num_layers, B, H), or (D num_layers, H), 0 where it is not given;
        -> output (T, B, D H) in the order of x, last h as h0; D = 2 if bidirectional else 1

    Raises:
        ShapeError: when the input or the state has another shape.

    Source: Elman 1990; Schuster and Paliwal 1997 for two directions.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        self.nonlinearity = choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        self.kind = Elman(self.nonlinearity)
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        y, last = self.run(input, None if hx is None else (hx,))
        return y, last[0]


class GRU(Recurrent):
    """A layer of gated recurrent units over a sequence; see `GRUCell` for its step.

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of the state.
        num_layers: how many layers stand on each other, each fed with the outputs of the last.
        bias: whether the biases are there.
        batch_first: whether the batch is the first axis of input and output, before time.
        dropout: the probability with which numbers between layers are left out in training.
        bidirectional: whether each layer also runs from the end to the beginning; its outputs
            stand behind those of the other direction.

    Shapes:
        x (T, B, I), (B, T, I) with batch_first, or (T, I);
        h0 (D num_layers, B, H), or (D num_layers, H), 0 where it is not given;
        -> output (T, B, D H) in the order of x, last h as h0; D = 2 if bidirectional else 1

    Raises:
        ShapeError: when the input or the state has another shape.

    Source: Cho et al. 2014, arXiv:1406.1078, with the reset gate behind the product.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        self.kind = Gated()
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )

    def forward(self, input: Any, hx: Any = None) -> tuple[Tensor, Tensor]:
        y, last = self.run(input, None if hx is None else (hx,))
        return y, last[0]


class LSTM(Recurrent):
    """A layer of long short-term memory over a sequence; see `LSTMCell` for its step.

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the numbers of h and of c.
        num_layers: how many layers stand on each other, each fed with the outputs of the last.
        bias: whether the biases are there.
        batch_first: whether the batch is the first axis of input and output, before time.
        dropout: the probability with which numbers between layers are left out in training.
        bidirectional: whether each layer also runs from the end to the beginning; its outputs
            stand behind those of the other direction.

    Shapes:
        x (T, B, I), (B, T, I) with batch_first, or (T, I);
        hx = (h0, c0), each (D num_layers, B, H), or (D num_layers, H), 0 where it is not given;
        -> output (T, B, D H) in the order of x, (last h, last c); D = 2 if bidirectional else 1

    Raises:
        ShapeError: when the input or the state has another shape.
        KindError: when hx is no pair.

    Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        self.kind = LongShortTerm()
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )

    def forward(
        self, input: Any, hx: tuple[Any, Any] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y, (h, c) = self.run(input, hx)
        return y, (h, c)
