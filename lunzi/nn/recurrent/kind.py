"""The three kinds of recurrence: what one step computes, and what is known before it.

The products of the inputs do not depend on the state, so that a layer takes them for all steps
together, and a step takes those of the state alone. Each gate has a product of its own: the
result of one with all gates would have to be cut apart at each step, and its gradient put
together again, which costs more than the larger product saves.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from lunzi.core.tensor import Tensor

State = tuple[Tensor, ...]  # the hidden state, and whatever else goes on to the next step


class Weights(NamedTuple):
    """The weights of one layer in one direction; its gates stand side by side on the first axis.

    Shapes:
        ih (G H, I), hh (G H, H), biases (G H,), for G gates and H hidden numbers
    """

    ih: Tensor
    hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def of_gates(self, count: int) -> list[Weights]:
        """The weights of each gate: views, which cost nothing."""
        size = self.hh.shape[0] // count
        gates = [slice(n * size, (n + 1) * size) for n in range(count)]
        biases = self.bias_ih, self.bias_hh
        return [
            Weights(self.ih[gate], self.hh[gate], *(x if x is None else x[gate] for x in biases))
            for gate in gates
        ]

    def from_input(self, x: Tensor, with_hidden_bias: bool = True) -> Tensor:
        """The part of a gate that the state has nothing to do with: x ih^T, and the biases."""
        y = x.matmul(self.ih.mT)
        if self.bias_ih is None or self.bias_hh is None:
            return y
        return y + (self.bias_ih + self.bias_hh if with_hidden_bias else self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """h hh^T."""
        return h.matmul(self.hh.mT)


class Kind(Protocol):
    """A kind of recurrence."""

    gates: int
    states: int

    def parts(self, x: Tensor, weights: Weights) -> tuple[Tensor, ...]:
        """What each gate gets from the input: of one step, or of all of them."""

    def step(self, state: State, parts: tuple[Tensor, ...], weights: Weights) -> State:
        """The next state."""


class Elman:
    """h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), or with ReLU.

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14, 179-211.
    """

    gates = 1
    states = 1

    def __init__(self, nonlinearity: str) -> None:
        self.nonlinearity = nonlinearity

    def parts(self, x: Tensor, weights: Weights) -> tuple[Tensor, ...]:
        return (weights.from_input(x),)

    def step(self, state: State, parts: tuple[Tensor, ...], weights: Weights) -> State:
        total = parts[0] + weights.from_state(state[0])
        return (total.tanh() if self.nonlinearity == "tanh" else total.maximum(0),)


class Gated:
    """A gated recurrent unit.

        r = sigmoid(x W_ir^T + b_ir + h W_hr^T + b_hr)      how much of h the candidate sees
        z = sigmoid(x W_iz^T + b_iz + h W_hz^T + b_hz)      how much of h stays
        n = tanh(x W_in^T + b_in + r (h W_hn^T + b_hn))     the candidate
        h' = (1 - z) n + z h

    Source: Cho et al. 2014, arXiv:1406.1078, equations 5 to 8, with the reset gate applied
    behind the product, as in PyTorch and cuDNN.
    """

    gates = 3
    states = 1

    def parts(self, x: Tensor, weights: Weights) -> tuple[Tensor, ...]:
        reset, update, candidate = weights.of_gates(3)
        return (
            reset.from_input(x),
            update.from_input(x),
            candidate.from_input(x, with_hidden_bias=False),
        )

    def step(self, state: State, parts: tuple[Tensor, ...], weights: Weights) -> State:
        (h,) = state
        reset, update, candidate = weights.of_gates(3)
        r = (parts[0] + reset.from_state(h)).sigmoid()
        z = (parts[1] + update.from_state(h)).sigmoid()
        seen = candidate.from_state(h)
        if candidate.bias_hh is not None:
            seen = seen + candidate.bias_hh
        n = (parts[2] + r * seen).tanh()
        return (n + z * (h - n),)


class LongShortTerm:
    """A long short-term memory with a forget gate.

        i, f, o = sigmoid(x W_i.^T + b_i. + h W_h.^T + b_h.)    input, forget, output gate
        g = tanh(x W_ig^T + b_ig + h W_hg^T + b_hg)             the candidate
        c' = f c + i g
        h' = o tanh(c')

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", Neural Computation 9;
    Gers, Schmidhuber and Cummins 2000, "Learning to forget", for the forget gate.
    """

    gates = 4
    states = 2

    def parts(self, x: Tensor, weights: Weights) -> tuple[Tensor, ...]:
        return tuple(gate.from_input(x) for gate in weights.of_gates(4))

    def step(self, state: State, parts: tuple[Tensor, ...], weights: Weights) -> State:
        h, c = state
        totals = [
            part + gate.from_state(h) for part, gate in zip(parts, weights.of_gates(4), strict=True)
        ]
        kept = totals[1].sigmoid() * c + totals[0].sigmoid() * totals[2].tanh()
        return totals[3].sigmoid() * kept.tanh(), kept
