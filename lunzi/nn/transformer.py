"""Transformer: attention and a small network in turn, each beside a residual connection."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from lunzi.core.arguments import choice
from lunzi.core.errors import KindError
from lunzi.core.spec import as_flag
from lunzi.core.tensor import Tensor
from lunzi.nn.activation import gelu, relu
from lunzi.nn.arguments import number_of_layers
from lunzi.nn.attention import MultiheadAttention
from lunzi.nn.container import ModuleList
from lunzi.nn.dropout import Dropout
from lunzi.nn.linear import Linear
from lunzi.nn.module import Module
from lunzi.nn.norm import LayerNorm
from lunzi.nn.parameter import as_input

ACTIVATIONS: dict[str, Callable[[Any], Tensor]] = {"relu": relu, "gelu": gelu}


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers, each with a residual connection and a LayerNorm.

        x = norm1(x + dropout(attention(x)));  y = norm2(x + dropout(linear2(act(linear1(x)))))

    or, with norm_first, which trains more steadily in deep networks,

        x = x + dropout(attention(norm1(x)));  y = x + dropout(linear2(act(linear1(norm2(x)))))

    Args:
        d_model: E, the features of input and output.
        nhead: how many heads the attention has.
        dim_feedforward: the features between the two linear layers.
        dropout: the probability with which numbers are left out in training, also attention's
            weights, and between the linear layers.
        activation: "relu", "gelu", or a function. (PyTorch's default is the function relu.)
        layer_norm_eps: eps of the two LayerNorms.
        batch_first: whether the batch is the first axis, before the places.
        norm_first: whether each part begins with its norm, in place of ending with it.
        bias: whether linear layers and norms have biases.

    Shapes:
        src (L, N, E), (N, L, E) with batch_first, or (L, E) -> y of the same shape

    Raises:
        RangeError: when d_model is no multiple of nhead.
        ShapeError: when src or a mask has another shape.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.1; Xiong et al. 2020,
    arXiv:2002.04745, for norm_first.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Tensor] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first)
        self.linear1 = Linear(d_model, dim_feedforward, bias)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias)
        self.norm_first = as_flag(norm_first, "norm_first")
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        if not callable(activation):
            choice("activation", activation, ACTIVATIONS)
        self.activation = activation

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The output for a sequence.

        Args:
            src_mask: (L, L), True where a place may not look at another; or numbers to add.
            src_key_padding_mask: (N, L), True for places that none may look at; or numbers.
            is_causal: whether place i looks at the places 0 to i alone.
        """
        masks = (src_mask, src_key_padding_mask, is_causal)
        x = as_input(src, self.linear1.weight)
        if self.norm_first:
            x = x + self.attended(self.norm1(x), *masks)
            return x + self.transformed(self.norm2(x))
        x = self.norm1(x + self.attended(x, *masks))
        y: Tensor = self.norm2(x + self.transformed(x))
        return y

    def attended(self, x: Tensor, mask: Any, padding: Any, is_causal: bool) -> Tensor:
        y, _ = self.self_attn(
            x, x, x, key_padding_mask=padding, need_weights=False, attn_mask=mask,
            is_causal=is_causal,
        )  # fmt: skip
        dropped: Tensor = self.dropout1(y)
        return dropped

    def transformed(self, x: Tensor) -> Tensor:
        act = ACTIVATIONS[self.activation] if isinstance(self.activation, str) else self.activation
        y: Tensor = self.dropout2(self.linear2(self.dropout(act(self.linear1(x)))))
        return y

    def config(self) -> dict[str, Any]:
        return {
            "d_model": self.self_attn.embed_dim,
            "nhead": self.self_attn.num_heads,
            "dim_feedforward": self.linear1.out_features,
            "dropout": self.dropout.p,
            "activation": self.activation,
            "layer_norm_eps": self.norm1.eps,
            "batch_first": self.self_attn.batch_first,
            "norm_first": self.norm_first,
            "bias": self.linear1.bias is not None,
        }


def check_module(name: str, value: Any) -> None:
    if not isinstance(value, Module):
        raise KindError(f"{name} is a module, got {value!r}")


class TransformerEncoder(Module):
    """Several copies of a layer on each other.

    The copies begin with the same numbers, as in PyTorch. Its arguments `enable_nested_tensor`
    and `mask_check`, which choose how it computes, are not offered.

    Args:
        encoder_layer: the layer that is copied.
        num_layers: how often.
        norm: a module behind the last copy, or None.

    Shapes:
        as those of the layer

    Raises:
        KindError: when encoder_layer or norm is no module.
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        check_module("encoder_layer", encoder_layer)
        if norm is not None:
            check_module("norm", norm)
        self.num_layers = number_of_layers(num_layers)
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(self.num_layers)])
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """The output of the last layer; see `TransformerEncoderLayer` for the masks."""
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, bool(is_causal))
        y: Tensor = x if self.norm is None else self.norm(x)
        return y

    @property
    def encoder_layer(self) -> Any:
        """The first copy."""
        return self.layers[0]
