"""Losses, each as a function and as a module, by PyTorch's names.

Two habits of PyTorch are errors here: a target of another shape than the prediction is not
broadcast, and arguments such as `reduction` are given by name.
"""

from lunzi.nn.loss.classification import CrossEntropyLoss, NLLLoss, cross_entropy, nll_loss
from lunzi.nn.loss.probability import (
    BCELoss,
    BCEWithLogitsLoss,
    KLDivLoss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    kl_div,
)
from lunzi.nn.loss.reduction import Loss
from lunzi.nn.loss.regression import (
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
    huber_loss,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]
