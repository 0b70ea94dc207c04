"""Metrics: figures of merit, gathered batch by batch.

A metric takes the outputs of a network and the targets as NumPy arrays, keeps a few sums, and
gives one number at the end.
"""

from lunzi.train.metrics.accuracy import Accuracy, TopK
from lunzi.train.metrics.confusion import F1, ConfusionMatrix, Precision, Recall
from lunzi.train.metrics.metric import Metric
from lunzi.train.metrics.perplexity import Perplexity
from lunzi.train.metrics.regression import MAE, R2, RMSE

__all__ = [
    "F1",
    "MAE",
    "R2",
    "RMSE",
    "Accuracy",
    "ConfusionMatrix",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
    "TopK",
]
