"""Transformer layers: their parts in order, copies, masks, and what is refused."""

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.functional import silu


@pytest.fixture
def x(rng):
    return lz.tensor(rng.standard_normal((5, 2, 4)).astype(np.float32))


def attended(layer, x):
    return layer.self_attn(x, x, x)[0]


def transformed(layer, x):
    return layer.linear2(layer.linear1(x).maximum(0))


def test_the_norms_stand_behind_each_part(x):
    layer = nn.TransformerEncoderLayer(4, 2, 6).eval()
    middle = layer.norm1(x + attended(layer, x))
    np.testing.assert_array_equal(layer(x), layer.norm2(middle + transformed(layer, middle)))


def test_the_norms_stand_before_each_part_with_norm_first(x):
    layer = nn.TransformerEncoderLayer(4, 2, 6, norm_first=True).eval()
    middle = x + attended(layer, layer.norm1(x))
    np.testing.assert_array_equal(layer(x), middle + transformed(layer, layer.norm2(middle)))


def test_the_activation_may_be_a_word_or_a_function(x):
    lz.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 6, activation="gelu").eval()
    other = nn.TransformerEncoderLayer(4, 2, 6, activation=nn.GELU()).eval()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(layer(x), other(x))
    assert nn.TransformerEncoderLayer(4, 2, 6, activation=silu)(x).shape == x.shape


def test_a_causal_encoder_sees_no_later_place(x):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2).eval()
    changed = lz.where(lz.arange(5).reshape(5, 1, 1) < 3, x, x + 1)
    before, after = encoder(x, is_causal=True), encoder(changed, is_causal=True)
    np.testing.assert_array_equal(before[:3], after[:3])
    assert before[3].tolist() != after[3].tolist()
    mask = np.arange(5) > np.arange(5)[:, None]
    np.testing.assert_array_equal(encoder(x, mask), before)


def test_padding_has_no_effect_on_the_rest(x):
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 1).eval()
    padding = np.array([[False] * 3 + [True] * 2] * 2)
    short = encoder(x[:3])
    # float32: sums over 3 and over 5 keys may round differently
    np.testing.assert_allclose(encoder(x, None, padding)[:3], short, rtol=1e-5, atol=1e-6)


def test_an_encoder_holds_copies_that_learn_apart():
    layer, norm = nn.TransformerEncoderLayer(4, 2, 6), nn.LayerNorm(4)
    encoder = nn.TransformerEncoder(layer, 3, norm)
    copies = [each.linear1.weight for each in encoder.layers]
    for weight in copies:
        np.testing.assert_array_equal(weight, layer.linear1.weight)
    assert len({id(weight) for weight in (*copies, layer.linear1.weight)}) == 4
    assert encoder.norm is norm
    assert encoder.encoder_layer is encoder.layers[0]
    assert len(list(encoder.parameters())) == 3 * 12 + 2


def test_dropout_draws_in_training_alone(x):
    layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.5)
    assert layer(x).tolist() != layer(x).tolist()
    layer.eval()
    assert layer(x).tolist() == layer(x).tolist()


def test_a_traced_step_gives_the_same_bits_as_an_eager_one(x):
    layer = nn.TransformerEncoderLayer(4, 2, 6)

    def step(x):
        layer.zero_grad()
        y = layer(x, is_causal=True)
        (y * y).sum().backward()
        return [y, *(p.grad for p in layer.parameters())]

    graph = lz.trace(step, x)
    lz.manual_seed(1)
    expected = [y.numpy() for y in step(x)]
    lz.manual_seed(1)
    for a, b in zip(graph(x), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_layer_is_made_again_from_its_configuration():
    layer = nn.TransformerEncoderLayer(4, 2, 6, 0.3, "gelu", 0.1, True, True, False)
    other = nn.TransformerEncoderLayer(**layer.config())
    assert other.config() == layer.config()
    assert repr(other) == repr(layer)
    assert list(other.state_dict()) == list(layer.state_dict())


def test_lists_and_arrays_of_any_dtype_are_accepted(x):
    layer = nn.TransformerEncoderLayer(4, 2, 6).eval()
    np.testing.assert_array_equal(layer(x.tolist()), layer(x.numpy().astype(np.float64)))
    assert layer.double()(x).dtype == "float64"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: nn.TransformerEncoderLayer(5, 2), lz.RangeError, "must be a multiple of"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanhh"), lz.RangeError,
         "activation is one of 'relu', 'gelu'; got 'tanhh'"),
        (lambda: nn.TransformerEncoderLayer(4, 2)(np.ones((5, 2, 3))), lz.ShapeError,
         r"self_attn \(MultiheadAttention\): query is \(L, N, 4\)"),
        (lambda: nn.TransformerEncoder(nn.Linear, 2), lz.KindError, "encoder_layer is a module"),
        (lambda: nn.TransformerEncoder(nn.Linear(2, 2), 2, 3), lz.KindError, "norm is a module"),
        (lambda: nn.TransformerEncoder(nn.Linear(2, 2), 0), lz.RangeError, "num_layers must be 1"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
