"""Attention: each place of a sequence takes a mean of values, weighted by how keys fit a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lunzi.core.arguments import real_number, whole_number
from lunzi.core.errors import KindError, RangeError, ShapeError
from lunzi.core.spec import Spec, as_flag, bool_, broadcast_shapes, is_floating
from lunzi.core.tensor import Tensor, as_tensor
from lunzi.nn import init
from lunzi.nn.activation import softmax
from lunzi.nn.arguments import divided
from lunzi.nn.dropout import dropout
from lunzi.nn.linear import Linear, linear
from lunzi.nn.module import Module
from lunzi.nn.parameter import Parameter, as_input, memory


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
) -> Tensor:
    """For each query the mean of the values, weighted by how well their keys fit it.

        y = softmax(scale query key^T + mask) value

    A query that may look at no key gets zeros. PyTorch's argument `enable_gqa` is not offered.

    Args:
        attn_mask: bool, True where a query may look at a key; or numbers that are added.
        dropout_p: the probability with which a weight is left out, whatever the mode of a
            module: hand over 0 outside training.
        is_causal: whether query i looks at the keys 0 to i alone.
        scale: 1 / sqrt(E) where it is not given.

    Shapes:
        query (..., L, E), key (..., S, E), value (..., S, V), mask broadcast to (..., L, S)
        -> (..., L, V)

    Raises:
        ShapeError: when these do not fit together.
        RangeError: when both a mask and is_causal are given.

    Source: Vaswani et al. 2017, arXiv:1706.03762, equation 1.
    """
    q = as_tensor(query).floating()
    k, v = as_input(key, q), as_input(value, q)
    check_attention(q, k, v)
    if as_flag(is_causal, "is_causal"):
        if attn_mask is not None:
            raise RangeError("is_causal is a mask of its own: give it or attn_mask, not both")
        attn_mask = causal_mask(q.shape[-2], k.shape[-2])
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else real_number("scale", scale, -math.inf)
    shares = attention_weights(q * factor, k, attn_mask)
    return dropout(shares, dropout_p) @ v


def check_attention(q: Tensor, k: Tensor, v: Tensor) -> None:
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(
            f"query, key and value are (..., L, E), (..., S, E) and (..., S, V), got {q.shape}, "
            f"{k.shape} and {v.shape}"
        )
    if q.shape[-1] != k.shape[-1] or not q.shape[-1]:
        raise ShapeError(
            f"query and key have the same features, one at least, got {q.shape} and {k.shape}"
        )
    if k.shape[-2] != v.shape[-2] or not k.shape[-2]:
        raise ShapeError(
            f"there is a value for each key, and one at least: got {k.shape[-2]} keys and "
            f"{v.shape[-2]} values"
        )


def causal_mask(queries: int, keys: int) -> Tensor:
    """True where key j may be seen by query i: j <= i.

    Shapes:
        -> (queries, keys)
    """
    return as_tensor(np.arange(keys)) <= as_tensor(np.arange(queries)).expand_dims(1)


def attention_weights(q: Tensor, k: Tensor, mask: Any = None) -> Tensor:
    """The weight of each key for each query; they sum to 1, or to 0 where all are masked.

    Shapes:
        q (..., L, E), k (..., S, E), mask broadcast to (..., L, S) -> (..., L, S)
    """
    scores = q @ k.mT
    if mask is None:
        return softmax(scores, -1)
    allowed = checked_mask("attn_mask", mask, scores.spec)
    scores = allowed.where(scores, -math.inf) if allowed.dtype == bool_ else scores + allowed
    peak = scores.detach().max(-1, keepdims=True)
    exponentials = (scores - peak.equal(-math.inf).where(0.0, peak)).exp()
    total = exponentials.sum(-1, keepdims=True)
    return exponentials / total.equal(0).where(1.0, total)


def checked_mask(name: str, mask: Any, scores: Spec) -> Tensor:
    """A mask of truths, or of numbers in the dtype of the scores, that stretches to them."""
    x = as_tensor(mask)
    if x.dtype != bool_ and not is_floating(x.dtype):
        raise KindError(f"{name} is bool, or numbers to add, got {x.dtype.name}")
    if broadcast_shapes(x.shape, scores.shape) != scores.shape:
        raise ShapeError(f"{name} must stretch to the scores {scores.shape}, got {x.shape}")
    return x if x.dtype == bool_ else x.as_dtype(scores.dtype)


class MultiheadAttention(Module):
    """Attention in several heads, each with projections of its own.

        head i = attention(query W_qi^T + b_qi, key W_ki^T + b_ki, value W_vi^T + b_vi)
        y = concat(head 1, head 2, ...) W_out^T + b_out

    Weights of the projections are drawn by `init.xavier_uniform_`, biases are 0. PyTorch's
    arguments `add_bias_kv` and `add_zero_attn` are not offered.

    Args:
        embed_dim: E, a multiple of num_heads.
        num_heads: how many heads there are, each E / num_heads wide.
        dropout: the probability with which a weight is left out in training.
        bias: whether the biases are there.
        kdim, vdim: the features of keys and values where they are not E.
        batch_first: whether the batch is the first axis, before the places.

    Shapes:
        query (L, N, E), key (S, N, kdim), value (S, N, vdim), (N, L, E) ... with batch_first, or
        (L, E) ... without a batch -> y as query; weights (N, L, S), or (N, num_heads, L, S)
        in_proj_weight (3 E, E), or q_proj_weight (E, E), k_proj_weight (E, kdim) and
        v_proj_weight (E, vdim); in_proj_bias (3 E,); out_proj a Linear(E, E)

    Raises:
        RangeError: when embed_dim is no multiple of num_heads.
        ShapeError: when query, key, value or a mask have other shapes.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
    ) -> None:
        self.embed_dim = whole_number("embed_dim", embed_dim)
        self.num_heads = whole_number("num_heads", num_heads)
        divided("embed_dim", self.embed_dim, "num_heads", self.num_heads)
        self.kdim = self.embed_dim if kdim is None else whole_number("kdim", kdim)
        self.vdim = self.embed_dim if vdim is None else whole_number("vdim", vdim)
        self.dropout = real_number("dropout", dropout, 0, 1)
        self.bias = as_flag(bias, "bias")
        self.batch_first = as_flag(batch_first, "batch_first")
        if self.kdim == self.vdim == self.embed_dim:
            self.in_proj_weight = Parameter(memory(self.embed_dim, 3 * self.embed_dim).T)
        else:
            self.q_proj_weight = Parameter(memory(self.embed_dim, self.embed_dim).T)
            self.k_proj_weight = Parameter(memory(self.kdim, self.embed_dim).T)
            self.v_proj_weight = Parameter(memory(self.vdim, self.embed_dim).T)
        self.in_proj_bias = Parameter(memory(3 * self.embed_dim)) if self.bias else None
        self.out_proj = Linear(self.embed_dim, self.embed_dim, self.bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        self.out_proj.reset_parameters()
        for name, parameter in self.members():
            if name.endswith("proj_weight"):
                init.xavier_uniform_(parameter)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                bias.zero_()

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the weights.

        Args:
            key_padding_mask: (N, S), True for keys that no query may look at; or numbers that
                are added.
            need_weights: whether the weights are wanted; None comes in their place otherwise.
            attn_mask: (L, S) or (N num_heads, L, S), True where a query may *not* look at a
                key, the other way round than in `scaled_dot_product_attention`; or numbers.
            average_attn_weights: whether the mean of the heads' weights is wanted.
            is_causal: whether query i looks at the keys 0 to i alone; `attn_mask` overrules it.
        """
        given = [as_input(x, self.out_proj.weight) for x in (query, key, value)]
        self.check_inputs(*given)
        is_batch = given[0].ndim == 3
        batched = [self.places_behind_batch(x, is_batch) for x in given]  # (N, L or S, features)
        q, k, v = (self.heads(x, n) for n, x in enumerate(batched))  # (N, heads, L or S, E / heads)
        if as_flag(is_causal, "is_causal") and attn_mask is None:
            attn_mask = causal_mask(q.shape[-2], k.shape[-2]).logical_not()
        scores = Spec((*q.shape[:-1], k.shape[-2]), q.dtype)
        mask = self.joint_mask(attn_mask, key_padding_mask, scores)
        scale = 1 / math.sqrt(self.embed_dim // self.num_heads)
        shares = dropout(attention_weights(q * scale, k, mask), self.dropout, self.training)
        attended = (shares @ v).swapaxes(1, 2).flatten(2)  # (N, L, E)
        y = self.out_proj(attended)
        weights = None
        averaged = as_flag(average_attn_weights, "average_attn_weights")
        if as_flag(need_weights, "need_weights"):
            weights = shares.mean(1) if averaged else shares
            weights = weights if is_batch else weights.squeeze(0)
        if not is_batch:
            return y.squeeze(0), weights
        return (y if self.batch_first else y.swapaxes(0, 1)), weights

    def check_inputs(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        features = (self.embed_dim, self.kdim, self.vdim)
        for name, x, expected in zip(
            ("query", "key", "value"), (query, key, value), features, strict=True
        ):
            if x.ndim != query.ndim or x.ndim not in (2, 3) or x.shape[-1] != expected:
                order = "N, L" if self.batch_first else "L, N"
                raise ShapeError(
                    f"{name} is ({order}, {expected}), or (L, {expected}) without a batch as "
                    f"the query is, got {x.shape}"
                )
        if key.shape[:-1] != value.shape[:-1]:
            raise ShapeError(f"there is a value for each key: got {key.shape} and {value.shape}")
        batch = 0 if self.batch_first else 1
        if query.ndim == 3 and query.shape[batch] != key.shape[batch]:
            raise ShapeError(f"query and key are of one batch, got {query.shape} and {key.shape}")

    def places_behind_batch(self, x: Tensor, is_batch: bool) -> Tensor:
        if not is_batch:
            return x.expand_dims(0)
        return x if self.batch_first else x.swapaxes(0, 1)

    def heads(self, x: Tensor, number: int) -> Tensor:
        """The projection of query, key or value, in heads.

        Shapes:
            x (N, L, features) -> (N, heads, L, E / heads)
        """
        rows = slice(number * self.embed_dim, (number + 1) * self.embed_dim)
        if self.kdim == self.vdim == self.embed_dim:
            # Products of their own: the parts of a common one would be cut apart and put together.
            weight: Tensor = self.in_proj_weight[rows]
        else:
            weight = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)[number]
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        projected = linear(x, weight, bias)
        width = self.embed_dim // self.num_heads
        return projected.reshape(*x.shape[:2], self.num_heads, width).swapaxes(1, 2)

    def joint_mask(self, attn_mask: Any, key_padding_mask: Any, scores: Spec) -> Tensor | None:
        """What both masks together let through, as `attention_weights` takes it."""
        masks = []
        if attn_mask is not None:
            masks.append(mask_of_places(as_tensor(attn_mask), scores))
        if key_padding_mask is not None:
            masks.append(mask_of_padding(as_tensor(key_padding_mask), scores))
        if not masks:
            return None
        first, last = masks[0], masks[-1]
        if first.dtype == last.dtype == bool_:
            return (first | last).logical_not()
        if len(masks) == 1:
            return first
        return as_numbers(first, scores) + as_numbers(last, scores)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        query, key, value = (as_tensor(x) for x in inputs[:3])
        projections = sum(int(x.size) for x in (query, key, value)) * self.embed_dim
        queries, keys = (
            (x.shape[-2] if self.batch_first or x.ndim == 2 else x.shape[0]) for x in (query, key)
        )
        samples = int(query.size) // max(1, queries * self.embed_dim)
        return projections + 2 * samples * queries * keys * self.embed_dim


def mask_of_places(mask: Tensor, scores: Spec) -> Tensor:
    """The attn_mask of MultiheadAttention, brought to the axes of the scores."""
    batch, heads, queries, keys = scores.shape
    if mask.ndim == 3:
        if mask.shape != (batch * heads, queries, keys):
            raise ShapeError(
                f"attn_mask of 3 axes is {(batch * heads, queries, keys)} here, got {mask.shape}"
            )
        mask = mask.reshape(scores.shape)
    return checked_mask("attn_mask", mask, scores)


def mask_of_padding(mask: Tensor, scores: Spec) -> Tensor:
    """The key_padding_mask of MultiheadAttention, brought to the axes of the scores."""
    batch, keys = scores.shape[0], scores.shape[-1]
    if mask.shape != (batch, keys) and (batch, mask.shape) != (1, (keys,)):
        raise ShapeError(f"key_padding_mask is {(batch, keys)} here, got {mask.shape}")
    return checked_mask("key_padding_mask", mask.reshape(batch, 1, 1, keys), scores)


def as_numbers(barred: Tensor, scores: Spec) -> Tensor:
    """A mask of truths that bar as numbers to add; one of numbers as it is."""
    if barred.dtype != bool_:
        return barred
    zero = as_tensor(np.zeros((), scores.dtype))
    return barred.where(zero - math.inf, zero)
