"""Recurrent layers: the cell over time, in both directions, traced, trained, refused."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.core.loop import Scan

LAYERS = [nn.RNN, nn.GRU, nn.LSTM]
CELL_OF = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}
every_kind = pytest.mark.parametrize("kind", LAYERS)


def hidden(state):
    return state[0] if isinstance(state, tuple) else state


@every_kind
def test_a_layer_is_its_cell_over_time(kind, rng):
    layer, cell = kind(3, 4), CELL_OF[kind](3, 4)
    cell.load_state_dict(
        {name.removesuffix("_l0"): value for name, value in layer.state_dict().items()}
    )
    x, state, rows = rng.standard_normal((5, 2, 3)), None, []
    for step in x:
        state = cell(step, state)
        rows.append(hidden(state))
    y, last = layer(x)
    # float32: products of one step and of all may round differently
    np.testing.assert_allclose(y, lz.stack(rows), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(hidden(last)[0], y[-1])


@every_kind
def test_the_reverse_direction_reads_from_the_end(kind, rng):
    both, x = kind(3, 4, bidirectional=True), rng.standard_normal((5, 2, 3))
    y, last = both(x)
    assert y.shape == (5, 2, 8)
    assert hidden(last).shape == (2, 2, 4)
    one = kind(3, 4)
    one.load_state_dict(
        {
            name.removesuffix("_reverse"): value
            for name, value in both.state_dict().items()
            if name.endswith("_reverse")
        }
    )
    reversed_y, reversed_last = one(x[::-1])
    np.testing.assert_array_equal(y[:, :, 4:], reversed_y[::-1])
    np.testing.assert_array_equal(hidden(last)[1], hidden(reversed_last)[0])


@every_kind
def test_batch_first_changes_the_order_of_axes_alone(kind, rng):
    layer, x = kind(3, 4, 2, batch_first=True), rng.standard_normal((2, 5, 3))
    other = kind(3, 4, 2)
    other.load_state_dict(layer.state_dict())
    y, last = layer(x)
    other_y, other_last = other(x.swapaxes(0, 1))
    np.testing.assert_array_equal(y, other_y.swapaxes(0, 1))
    np.testing.assert_array_equal(hidden(last), hidden(other_last))
    single, single_last = layer(x[1])
    np.testing.assert_allclose(single, y[1], rtol=1e-5, atol=1e-6)
    assert hidden(single_last).shape == (2, 4)


@every_kind
@pytest.mark.parametrize("shape", [(0, 2, 3), (1, 2, 3), (5, 0, 3)], ids=str)
def test_sequences_of_any_length_and_batches_of_any_size(kind, shape):
    layer = kind(3, 4, 2, bidirectional=True)
    y, last = layer(np.zeros(shape))
    assert y.shape == (*shape[:2], 8)
    assert hidden(last).shape == (4, shape[1], 4)
    (y.sum() + hidden(last).sum()).backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


@every_kind
def test_a_traced_step_gives_the_same_bits_as_an_eager_one(kind, rng):
    x = rng.standard_normal((5, 2, 3)).astype(np.float32)

    def make():
        lz.manual_seed(0)
        return kind(3, 4, 2, dropout=0.5, bidirectional=True)

    def step(layer, x):
        layer.zero_grad()
        y, last = layer(x)
        ((y * y).sum() + hidden(last).sum()).backward()
        return y

    eager, traced = make(), make()
    graph = lz.trace(lambda x: step(traced, x), x)
    assert sum(isinstance(node.op, Scan) for node in graph.nodes) == 8
    for seed in (1, 2):
        lz.manual_seed(seed)
        expected = step(eager, lz.tensor(x))
        lz.manual_seed(seed)
        np.testing.assert_array_equal(graph(x), expected)
        for a, b in zip(traced.parameters(), eager.parameters(), strict=True):
            np.testing.assert_array_equal(a.grad, b.grad)


@every_kind
def test_gradients_agree_with_differences_through_parameters_too(kind, rng, gradients_agree):
    layer = kind(2, 3, 2, bidirectional=True).double()
    names = [name for name, _ in layer.named_parameters()]

    def run(x, *parameters):
        for name, parameter in zip(names, parameters, strict=True):
            setattr(layer, name, parameter)
        return layer(x)[0]

    arrays = [rng.uniform(-0.5, 0.5, p.shape) for p in layer.parameters()]
    gradients_agree(run, rng.standard_normal((3, 2, 2)), *arrays)


def test_dropout_stands_between_layers_in_training(rng):
    lz.manual_seed(0)
    layer, x = nn.GRU(3, 4, 2, dropout=0.5), rng.standard_normal((5, 2, 3))
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0], layer(x)[0])


@every_kind
def test_converted_layers_compute_in_their_dtype(kind, rng):
    for dtype in ("float16", "float64"):
        y, last = kind(3, 4).to(dtype)(rng.standard_normal((5, 2, 3)))
        assert y.dtype == hidden(last).dtype == dtype


@every_kind
def test_a_layer_is_made_again_from_its_configuration(kind):
    layer = kind(3, 4, num_layers=2, bidirectional=True, bias=False)
    assert kind(**layer.config()).config() == layer.config()
    assert "num_layers=2" in repr(layer)
    assert list(layer.state_dict())[1::2] == [
        f"weight_hh_l{n}{end}" for n in (0, 1) for end in ("", "_reverse")
    ]


def test_multiply_adds_are_those_of_all_steps():
    layer = nn.GRU(3, 4, 2, batch_first=True, bidirectional=True)
    one_step = 2 * 3 * 4 * (3 + 4) + 2 * 3 * 4 * (8 + 4)
    assert layer.summary((2, 5, 3)).multiply_adds == 10 * one_step
    assert nn.RNN(3, 4).summary((5, 3)).multiply_adds == 5 * 4 * 7


def test_a_small_network_learns_to_remember(rng):
    lz.manual_seed(0)
    layer, output = nn.GRU(1, 8, batch_first=True), nn.Linear(8, 1)
    optimizer = optim.Adam([*layer.parameters(), *output.parameters()], lr=0.02)
    losses = []
    for _ in range(120):
        x = rng.choice([-1.0, 1.0], (32, 6, 1)).astype(np.float32)
        loss = (output(layer(x)[0][:, -1]) - x[:, 0]).square().mean()  # what came first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.8
    assert np.mean(losses[-10:]) < 0.05


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.GRU(3, 4)(np.zeros((5, 2, 4))), lz.ShapeError, "expects 3 features"),
        (lambda: nn.GRU(3, 4)(np.zeros(3)), lz.ShapeError,
         r"a batch of sequences \(T, B, 3\) or one sequence \(T, 3\), got \(3,\)"),
        (lambda: nn.GRU(3, 4, batch_first=True)(np.zeros((1, 1, 1, 3))), lz.ShapeError,
         r"a batch of sequences \(B, T, 3\)"),
        (lambda: nn.GRU(3, 4, 2)(np.zeros((5, 2, 3)), np.zeros((1, 2, 4))), lz.ShapeError,
         r"the state hx is \(2, 2, 4\) here, got \(1, 2, 4\)"),
        (lambda: nn.LSTM(3, 4)(np.zeros((5, 2, 3)), np.zeros((1, 2, 4))), lz.KindError, "a pair"),
        (lambda: nn.GRU(3, 4, 10**9), lz.RangeError, "num_layers is 10,000 at most"),
        (lambda: nn.GRU(3, 4, 2, dropout=1.5), lz.RangeError, r"dropout must be in \[0, 1\]"),
        (lambda: nn.RNN(3, 4, nonlinearity="gelu"), lz.RangeError, "one of 'tanh', 'relu'"),
        (lambda: nn.GRU(3, 4, dropout=0.5), lz.LunziWarning, "has no effect with num_layers=1"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
