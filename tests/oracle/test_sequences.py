"""Layers for sequences against PyTorch's: outputs, gradients, states, training steps."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn, optim
from lunzi.nn import functional

torch = pytest.importorskip("torch")

EXACT = {"rtol": 1e-9, "atol": 1e-11}  # float64: roundings of sums of some 100, over some steps

CELLS = ["RNNCell", "GRUCell", "LSTMCell"]
# name, arguments, named arguments
LAYERS = [
    *((name, (3, 4), {}) for name in ("RNN", "GRU", "LSTM")),
    *((name, (3, 4, 2), {"bidirectional": True}) for name in ("RNN", "GRU", "LSTM")),
    ("RNN", (3, 4), {"nonlinearity": "relu", "bias": False}),
    ("GRU", (3, 4, 3), {"batch_first": True, "bias": False}),
    ("LSTM", (3, 1), {"batch_first": True, "bidirectional": True}),
]


def twins(name, arguments, named, rng):
    """The layer of both libraries in float64, with the same random state."""
    ours = getattr(nn, name)(*arguments, **named).double()
    theirs = getattr(torch.nn, name)(*arguments, **named).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for x in theirs.parameters():
        x.data.copy_(torch.tensor(rng.uniform(-0.8, 0.8, tuple(x.shape))))
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def leaves(value):
    """The tensors in nested tuples, without None."""
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None else [value]


def assert_alike(ours, theirs, inputs, call):
    """Outputs and all gradients of `call(layer, *inputs)` for arrays as inputs."""
    own = [lz.tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    found, expected = leaves(call(ours, *own)), leaves(call(theirs, *other))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), **EXACT)
    sum((y * y * (place + 1)).sum() for place, y in enumerate(found)).backward()
    sum((y * y * (place + 1)).sum() for place, y in enumerate(expected)).backward()
    for a, b in zip([*own, *ours.parameters()], [*other, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), **EXACT)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(2, 3), (3,)], ids=str)
@pytest.mark.parametrize("has_state", [True, False])
def test_cells(name, bias, shape, has_state, rng):
    ours, theirs = twins(name, (3, 4), {"bias": bias}, rng)
    state = [rng.standard_normal((*shape[:-1], 4)) for _ in range(1 + (name == "LSTMCell"))]

    def call(layer, x, *state):
        return layer(x, tuple(state) if len(state) > 1 else state[0]) if state else layer(x)

    assert_alike(ours, theirs, [rng.standard_normal(shape), *(state if has_state else [])], call)


@pytest.mark.parametrize(("name", "arguments", "named"), LAYERS, ids=str)
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3), (1, 1, 3)], ids=str)
@pytest.mark.parametrize("has_state", [True, False])
def test_recurrent_layers(name, arguments, named, shape, has_state, rng):
    ours, theirs = twins(name, arguments, named, rng)
    count = theirs.num_layers * (1 + theirs.bidirectional)
    batch = () if len(shape) == 2 else (shape[0 if theirs.batch_first else 1],)
    one = (count, *batch, theirs.hidden_size)
    state = [rng.standard_normal(one) for _ in range(1 + (name == "LSTM"))]

    def call(layer, x, *state):
        return layer(x, tuple(state) if len(state) > 1 else state[0]) if state else layer(x)

    assert_alike(ours, theirs, [rng.standard_normal(shape), *(state if has_state else [])], call)


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell", "RNN", "GRU", "LSTM"])
def test_initial_values_are_drawn_from_the_same_distribution(name):
    lz.manual_seed(0)
    ours, theirs = getattr(nn, name)(60, 50), getattr(torch.nn, name)(60, 50)
    bound = 1 / math.sqrt(50)
    for (key, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        for x in (a.numpy(), b.detach().numpy()):
            assert np.abs(x).max() <= bound * (1 + 1e-6)
            if key.startswith("weight"):
                # 5 standard errors of the variance of even numbers
                assert x.var() == pytest.approx(bound**2 / 3, rel=5 * math.sqrt(0.8 / x.size))


def masks(rng, queries, keys):
    seen = np.arange(keys) <= np.arange(queries)[:, None]
    return [
        {},
        {"is_causal": True},
        {"attn_mask": seen},
        {"attn_mask": rng.standard_normal((queries, keys))},
        {"attn_mask": rng.standard_normal((2, 1, 1, keys)), "scale": 0.3},
        {"attn_mask": np.where(np.arange(queries)[:, None] == 1, -np.inf, np.zeros(keys))},
        {"attn_mask": np.arange(queries)[:, None] != 1},  # query 1 may look at nothing
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize(("queries", "keys"), [(4, 4), (3, 5), (5, 3)])
def test_scaled_dot_product_attention(number, queries, keys, rng):
    named = masks(rng, queries, keys)[number]
    if "attn_mask" in named and named["attn_mask"].shape == (queries, 1):
        named["attn_mask"] = np.broadcast_to(named["attn_mask"], (queries, keys)).copy()
    inputs = [
        rng.standard_normal((2, 3, length, size))
        for length, size in [(queries, 6), (keys, 6), (keys, 5)]
    ]
    own = [lz.tensor(x, requires_grad=True) for x in inputs]
    other = [torch.tensor(x, requires_grad=True) for x in inputs]
    theirs_named = {
        key: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for key, value in named.items()
    }
    y = functional.scaled_dot_product_attention(*own, **named)
    their_y = torch.nn.functional.scaled_dot_product_attention(*other, **theirs_named)
    np.testing.assert_allclose(y, their_y.detach().numpy(), **EXACT)
    dy = rng.standard_normal(y.shape)
    y.backward(dy)
    their_y.backward(torch.tensor(dy))
    for a, b in zip(own, other, strict=True):
        if number < 5:  # theirs has gradients of NaN for a query that may look at nothing
            np.testing.assert_allclose(a.grad, b.grad.numpy(), **EXACT)
        assert np.isfinite(a.grad.numpy()).all()


def attention_masks(rng):
    barred = np.arange(5) > np.arange(4)[:, None]
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    return [
        {},
        {"attn_mask": barred},
        {"attn_mask": rng.standard_normal((4, 5))},
        {"attn_mask": rng.standard_normal((4, 4, 5))},
        {"key_padding_mask": padding},
        {"key_padding_mask": padding, "attn_mask": barred},
        {"key_padding_mask": padding * -3.0, "attn_mask": rng.standard_normal((4, 5))},
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "named",
    [{}, {"batch_first": True}, {"bias": False}, {"kdim": 6, "vdim": 3}, {"kdim": 4, "vdim": 3}],
    ids=str,
)
def test_multihead_attention(number, need_weights, named, rng):
    ours, theirs = twins("MultiheadAttention", (4, 2), named, rng)
    masks = attention_masks(rng)[number]
    shapes = [(4, 2, 4), (5, 2, ours.kdim), (5, 2, ours.vdim)]
    inputs = [rng.standard_normal(shape) for shape in shapes]
    if theirs.batch_first:
        inputs = [x.swapaxes(0, 1) for x in inputs]

    def call(layer, *inputs):
        wrap = torch.tensor if layer is theirs else lz.tensor
        own = {key: wrap(value) for key, value in masks.items()}
        average = number % 2 == 0
        return layer(*inputs, need_weights=need_weights, average_attn_weights=average, **own)

    assert_alike(ours, theirs, inputs, call)


def test_multihead_attention_of_one_sequence(rng):
    ours, theirs = twins("MultiheadAttention", (4, 2), {}, rng)
    mask = np.arange(5) > np.arange(5)[:, None]

    def call(layer, x):
        wrapped = torch.tensor(mask) if layer is theirs else mask
        return layer(x, x, x, attn_mask=wrapped, is_causal=True)

    assert_alike(ours, theirs, [rng.standard_normal((5, 4))], call)


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"norm_first": True},
        {"activation": "gelu", "batch_first": True},
        {"bias": False, "layer_norm_eps": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # theirs is slower there
def test_transformer_encoder(named, masked, rng):
    def build(library):
        layer = library.TransformerEncoderLayer(4, 2, 6, dropout=0.0, **named)
        return library.TransformerEncoder(layer, 2, library.LayerNorm(4)).double()

    ours, theirs = build(nn), build(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    mask = np.arange(5) > np.arange(5)[:, None]
    padding = np.array([[False] * 5, [False, False, False, False, True]])

    def call(layer, x):
        if not masked:
            return layer(x)
        wrap = torch.tensor if layer is theirs else lz.tensor
        return layer(x, wrap(mask), wrap(padding))

    shape = (2, 5, 4) if named.get("batch_first") else (5, 2, 4)
    assert_alike(ours, theirs, [rng.standard_normal(shape)], call)


def test_initial_values_of_attention_are_drawn_from_the_same_distribution():
    lz.manual_seed(0)
    ours, theirs = nn.MultiheadAttention(60, 3), torch.nn.MultiheadAttention(60, 3)
    bound = math.sqrt(6 / (60 + 180))
    for x in (ours.in_proj_weight.numpy(), theirs.in_proj_weight.detach().numpy()):
        assert np.abs(x).max() <= bound * (1 + 1e-6)
        assert x.var() == pytest.approx(bound**2 / 3, rel=5 * math.sqrt(0.8 / x.size))
    for layer in (ours, theirs):
        assert not np.asarray(layer.in_proj_bias.detach()).any()
        assert not np.asarray(layer.out_proj.bias.detach()).any()


def classifier(library, kind):
    class Classifier(library.Module):
        def __init__(self):
            super().__init__()
            self.embedding = library.Embedding(7, 6)
            if kind == "TransformerEncoderLayer":
                self.layer = library.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True)
            else:
                self.layer = getattr(library, kind)(6, 5, 2, batch_first=True, bidirectional=True)
            self.output = library.Linear(6 if kind == "TransformerEncoderLayer" else 10, 3)

        def forward(self, x):
            y = self.layer(self.embedding(x))
            y = y[0] if isinstance(y, tuple) else y
            return self.output(y.mean(1))

    return Classifier()


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM", "TransformerEncoderLayer"])
def test_training_steps(kind, rng):
    ours, theirs = classifier(nn, kind), classifier(torch.nn, kind)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    own, other = (
        library.Adam(model.parameters(), lr=0.01)
        for library, model in ((optim, ours), (torch.optim, theirs))
    )
    for _ in range(5):
        x, target = rng.integers(0, 7, (8, 6)), rng.integers(0, 3, 8)
        loss = functional.cross_entropy(ours(x), target)
        their_loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(x)), torch.tensor(target)
        )
        # float32: roundings of 5 steps, which Adam enlarges where gradients are small
        assert loss.item() == pytest.approx(their_loss.item(), rel=1e-4)
        for optimizer, value in ((own, loss), (other, their_loss)):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
