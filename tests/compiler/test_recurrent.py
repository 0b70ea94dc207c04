"""Recurrent layers trained as one native program: the losses and numbers of eager training."""

import numpy as np
import pytest
from compiled_training import OPTIMIZERS
from native_programs import Program

import lunzi as lz
from lunzi import nn, optim

LAYERS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
every_layer = pytest.mark.parametrize("layer", sorted(LAYERS))


class Recurrent(nn.Module):
    """A recurrent layer and a linear one on what it gives last."""

    def __init__(self, layer: str) -> None:
        self.layer = LAYERS[layer](3, 4, batch_first=True)
        self.last = nn.Linear(4, 2)

    def forward(self, x: lz.Tensor) -> lz.Tensor:
        return self.last(self.layer(x)[0][:, -1])


def training(layer: str, optimizer: str, way) -> list[np.ndarray]:
    """The losses of some steps and the parameters behind them."""
    lz.manual_seed(3)
    model = Recurrent(layer)
    parameters = [p for p in model.parameters() if p.ndim == 2 or optimizer != "Muon"]
    chosen = getattr(optim, optimizer)(parameters, **OPTIMIZERS[optimizer])

    @way
    def step(x, y):
        loss = ((model(x) - y) ** 2).mean()
        model.zero_grad()
        loss.backward()
        chosen.step()
        return loss

    rng = np.random.default_rng(0)
    batches = rng.standard_normal((3, 5, 6, 3), np.float32)
    losses = [step(x, x[:, 0, :2]).numpy().copy() for x in batches]
    return [*losses, *(p.numpy() for p in model.parameters())]


@every_layer
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_a_recurrent_layer_is_trained_as_it_is_eagerly(layer, optimizer):
    compiled = training(layer, optimizer, lz.compile)
    eager = training(layer, optimizer, lambda function: function)
    # Lion moves by the sign of a mean and Muon divides by the size of a gradient.
    atol = 2e-4 if optimizer in ("Lion", "Muon") else 2e-5
    for a, b in zip(compiled, eager, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol)


def assert_same(function, *arguments):
    program = Program(function, *arguments, parallel=True)
    alone = program.all(*arguments)
    for a, b in zip(alone, program.all_expected(*arguments), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    for a, b in zip(program.all(*arguments, threads=3), alone, strict=True):
        assert a.tobytes() == b.tobytes()
    return alone


def test_every_step_of_a_loop_drops_other_numbers():
    dropout = nn.Dropout(0.5)
    lz.manual_seed(5)

    def dropped(x):
        return lz.scan(lambda h, x: (h, dropout(x)), x[0] * 0, x)[1]

    kept = assert_same(dropped, np.ones((8, 4, 16), np.float32))[0] != 0
    assert len({step.tobytes() for step in kept}) == 8
    assert 0.3 < kept.mean() < 0.7


def test_gradients_pass_through_what_each_step_kept():
    dropout = nn.Dropout(0.5)
    lz.manual_seed(5)

    def loss(x):
        last, _ = lz.scan(lambda h, x: ((h * 0.5 + dropout(x)).tanh(), None), x[0] * 0, x)
        return (last * last).sum()

    (gradient, *_) = assert_same(lz.grad(loss), np.ones((4, 3, 16), np.float32))
    assert 0.3 < (gradient != 0).mean() < 0.7


@pytest.mark.parametrize("reverse", [False, True])
def test_state_is_taken_apart_by_steps_and_assigned_behind_them(reverse):
    history = lz.tensor(np.arange(40.0, dtype=np.float32).reshape(5, 8) / 40)

    def step(h):
        last, seen = lz.scan(lambda h, x: ((h + x).sin(), h * x), h, history, reverse=reverse)
        history.assign(seen * 0.5 + history)
        return last, seen

    assert_same(step, np.ones(8, np.float32))


def test_a_loop_of_many_steps_is_no_longer_a_program_than_one_of_few():
    def text(steps: int) -> str:
        cell = nn.GRU(3, 4)

        def gradients_of(x):
            (cell(x)[0] ** 2).sum().backward()
            gradients = [p.grad for p in cell.parameters()]
            cell.zero_grad()  # so that the program keeps none
            return gradients

        return Program(gradients_of, np.zeros((steps, 2, 3), np.float32)).native.show("llvm")

    few, many, more = map(len, map(text, (10, 1000, 2000)))
    assert many < 2 * few  # what lies beside the loop is longer: sums over all steps, in parts
    assert more < 1.05 * many
