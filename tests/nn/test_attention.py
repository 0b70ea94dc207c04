"""Attention: means of values by hand, masks, heads, and what is refused."""

import math

import numpy as np
import pytest

import lunzi as lz
from lunzi import nn
from lunzi.nn.functional import scaled_dot_product_attention


def test_a_worked_example():
    query, key, value = [[1.0, 0.0]], [[2.0, 5.0], [0.0, 7.0]], [[10.0], [20.0]]
    first, second = math.exp(2 / math.sqrt(2)), math.exp(0)
    expected = (10 * first + 20 * second) / (first + second)
    assert scaled_dot_product_attention(query, key, value).item() == pytest.approx(expected)
    even = scaled_dot_product_attention(query, key, value, scale=0)
    assert even.item() == pytest.approx(15)


def test_a_causal_query_sees_what_came_before_it(rng):
    q, k, v = (rng.standard_normal((2, 5, 3)) for _ in range(3))
    y = scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(y[:, 0], v[:, 0])
    for place in range(5):
        seen = scaled_dot_product_attention(
            q[:, place:][:, :1], k[:, : place + 1], v[:, : place + 1]
        )
        np.testing.assert_allclose(y[:, place], seen[:, 0], rtol=1e-12)


def test_a_query_that_may_look_at_nothing_gets_zeros_and_no_gradient(rng):
    q, k, v = (lz.tensor(rng.standard_normal((3, 2)), requires_grad=True) for _ in range(3))
    for mask in (np.arange(3)[:, None] != 1, np.where(np.arange(3)[:, None] == 1, -np.inf, 0.0)):
        y = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        assert y[1].tolist() == [0, 0]
        q.grad = None
        (y * y).sum().backward()
        assert q.grad[1].tolist() == [0, 0]
        assert np.isfinite(k.grad.numpy()).all()


def test_dropout_leaves_weights_out(rng):
    lz.manual_seed(0)
    q, k = np.zeros((1, 4)), np.zeros((1000, 4))
    y = scaled_dot_product_attention(q, k, np.ones((1000, 1)), dropout_p=0.25)
    # 1000 weights of 1/750 or 0: 5 standard errors of the share that is left
    assert y.item() == pytest.approx(1, abs=5 * math.sqrt(0.25 / 0.75 / 1000))


def test_gradients_agree_with_differences(rng, gradients_agree):
    arrays = [rng.standard_normal((2, length, 3)) for length in (3, 4, 4)]
    for named in ({"is_causal": True}, {"attn_mask": rng.standard_normal((3, 4))}, {"scale": 0.3}):
        gradients_agree(
            lambda q, k, v, n=named: scaled_dot_product_attention(q, k, v, **n), *arrays
        )


def test_each_head_attends_on_its_own(rng):
    layer, x = nn.MultiheadAttention(6, 3).double(), rng.standard_normal((4, 2, 6))
    y, weights = layer(x, x, x, average_attn_weights=False)
    assert weights.shape == (2, 3, 4, 4)
    np.testing.assert_allclose(weights.sum(-1), 1)
    q, k, v = (
        x @ layer.in_proj_weight.numpy()[n * 6 : n * 6 + 6].T for n in range(3)
    )  # the biases are 0
    heads = [
        scaled_dot_product_attention(*(z.swapaxes(0, 1)[..., n : n + 2] for z in (q, k, v)))
        for n in (0, 2, 4)
    ]
    joined = np.concatenate([head.numpy() for head in heads], -1).swapaxes(0, 1)
    np.testing.assert_allclose(y, joined @ layer.out_proj.weight.numpy().T, rtol=1e-10)


def test_keys_and_values_may_have_features_of_their_own(rng):
    layer = nn.MultiheadAttention(4, 1, kdim=3, vdim=2, bias=False).double()
    q, k, v = (rng.standard_normal((5, features)) for features in (4, 3, 2))
    projections = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    projected = [x @ w.numpy().T for x, w in zip((q, k, v), projections, strict=True)]
    expected = scaled_dot_product_attention(*projected) @ layer.out_proj.weight.T
    np.testing.assert_allclose(layer(q, k, v)[0], expected, rtol=1e-10)
    assert layer.in_proj_bias is None


def test_masks_of_both_kinds_go_together(rng):
    layer, x = nn.MultiheadAttention(4, 2), rng.standard_normal((5, 2, 4))
    barred = np.arange(5) > np.arange(5)[:, None]
    padding = np.array([[False] * 4 + [True], [True] + [False] * 4])
    numbers = np.where(barred, -np.inf, 0.0)
    expected, weights = layer(x, x, x, padding, attn_mask=barred, average_attn_weights=False)
    assert not weights.detach()[0, :, :, 4].any()
    assert not weights.detach()[1, :, :, 0].any()
    for mask in (numbers, np.broadcast_to(numbers, (4, 5, 5)).copy()):
        np.testing.assert_array_equal(layer(x, x, x, padding, attn_mask=mask)[0], expected)
    np.testing.assert_array_equal(
        layer(x, x, x, attn_mask=numbers)[0], layer(x, x, x, attn_mask=barred)[0]
    )
    one, _ = layer(x[:, 1], x[:, 1], x[:, 1], padding[1], attn_mask=numbers)
    np.testing.assert_allclose(one, expected[:, 1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 0, 4), (0, 5, 4)], ids=["no sample", "no query"])
def test_nothing_gives_nothing(shape):
    layer, key = nn.MultiheadAttention(4, 2), lz.zeros((3, shape[1], 4))
    y, weights = layer(lz.zeros(shape), key, key)
    assert y.shape == shape
    assert weights.shape == (shape[1], shape[0], 3)
    y.sum().backward()
    assert not layer.in_proj_weight.grad.numpy().any()


def test_is_causal_stands_for_the_mask(rng):
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), rng.standard_normal((2, 5, 4))
    barred = np.arange(5) > np.arange(5)[:, None]
    expected, weights = layer(x, x, x, attn_mask=barred)
    found, same = layer(x, x, x, is_causal=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(same, weights)
    assert not np.triu(same.detach()[0], 1).any()
    assert layer(x, x, x, need_weights=False)[1] is None


def test_a_traced_step_gives_the_same_bits_as_an_eager_one(rng):
    x = rng.standard_normal((5, 2, 4)).astype(np.float32)
    layer = nn.MultiheadAttention(4, 2, dropout=0.5)

    def step(x):
        layer.zero_grad()
        y, _ = layer(x, x, x, is_causal=True)
        (y * y).sum().backward()
        return [y, *(p.grad for p in layer.parameters())]

    graph = lz.trace(step, x)
    lz.manual_seed(1)
    expected = [y.numpy() for y in step(lz.tensor(x))]
    lz.manual_seed(1)
    for a, b in zip(graph(x), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_dropout_ends_with_training(rng):
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.5), rng.standard_normal((5, 2, 4))
    assert layer(x, x, x)[0].tolist() != layer(x, x, x)[0].tolist()
    layer.eval()
    assert layer(x, x, x)[0].tolist() == layer(x, x, x)[0].tolist()


def test_a_layer_is_made_again_from_its_configuration():
    for named in ({}, {"kdim": 3}, {"bias": False, "batch_first": True, "dropout": 0.1}):
        layer = nn.MultiheadAttention(4, 2, **named)
        other = nn.MultiheadAttention(**layer.config())
        assert other.config() == layer.config()
        assert list(other.state_dict()) == list(layer.state_dict())


def test_multiply_adds_are_those_of_projections_scores_and_values():
    x = lz.zeros((5, 2, 4))
    attention = nn.MultiheadAttention(4, 2)
    rows = {row.class_name: row.multiply_adds for row in attention.summary(x, x, x).rows}
    assert rows == {"Linear": 10 * 16, "MultiheadAttention": 3 * 10 * 16 + 2 * 2 * 5 * 5 * 4}


ONES = np.ones((5, 2, 4))


def attend(query=ONES, key=ONES, value=ONES, named=None, **call):
    return nn.MultiheadAttention(4, 2, **(named or {}))(query, key, value, **call)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: scaled_dot_product_attention(ONES, ONES[..., :3], ONES), lz.ShapeError,
         "query and key have the same features"),
        (lambda: scaled_dot_product_attention(ONES, ONES[:, :1], ONES), lz.ShapeError,
         "got 1 keys and 2 values"),
        (lambda: scaled_dot_product_attention(ONES, ONES[:, :0], ONES[:, :0]), lz.ShapeError,
         "and one at least: got 0 keys"),
        (lambda: scaled_dot_product_attention([1.0], ONES, ONES), lz.ShapeError, r"got \(1,\)"),
        (lambda: scaled_dot_product_attention(ONES, ONES, ONES, [[True]] * 2, is_causal=True),
         lz.RangeError, "give it or attn_mask, not both"),
        (lambda: scaled_dot_product_attention(ONES, ONES, ONES, np.ones((2, 2), int)),
         lz.KindError, "attn_mask is bool, or numbers to add, got int64"),
        (lambda: scaled_dot_product_attention(ONES, ONES, ONES, np.ones((7, 5, 2, 2))),
         lz.ShapeError, r"attn_mask must stretch to the scores \(5, 2, 2\)"),
        (lambda: nn.MultiheadAttention(5, 2), lz.RangeError,
         "embed_dim must be a multiple of num_heads: 5 is not one of 2"),
        (lambda: attend(np.ones((5, 2, 3))), lz.ShapeError,
         r"query is \(L, N, 4\), or \(L, 4\) without a batch as the query is, got \(5, 2, 3\)"),
        (lambda: attend(key=ONES[0]), lz.ShapeError, r"key is \(L, N, 4\).* got \(2, 4\)"),
        (lambda: attend(value=ONES[:3]), lz.ShapeError, "there is a value for each key"),
        (lambda: attend(query=ONES[:, :1]), lz.ShapeError, "query and key are of one batch"),
        (lambda: attend(key_padding_mask=np.ones((5, 2), bool)), lz.ShapeError,
         r"key_padding_mask is \(2, 5\) here, got \(5, 2\)"),
        (lambda: attend(attn_mask=np.ones((2, 5, 5), bool)), lz.ShapeError,
         r"attn_mask of 3 axes is \(4, 5, 5\) here, got \(2, 5, 5\)"),
        (lambda: attend(attn_mask=np.ones((5, 4), bool)), lz.ShapeError, "do not fit|must stretch"),
        (lambda: attend(need_weights=1), lz.KindError, "need_weights is True or False"),
    ],
)  # fmt: skip
def test_wrong_calls_are_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
