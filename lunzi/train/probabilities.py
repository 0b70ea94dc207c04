"""Outputs of a network as probabilities."""

import numpy as np

from lunzi.core.spec import Array


def softmax(logits: Array) -> Array:
    """Rows of logits as rows of probabilities, in float64 so that they sum up to 1.

    Shapes:
        (N, C) -> (N, C)
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    weights = np.exp(shifted)
    probabilities: Array = weights / weights.sum(axis=1, keepdims=True)
    return probabilities
