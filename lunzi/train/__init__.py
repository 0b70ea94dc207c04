"""Training: the loop one can read, metrics, callbacks, checkpoints."""

from lunzi.train.callbacks import Callback, EarlyStopping
from lunzi.train.checkpoint import EnvironmentWarning, load_checkpoint, save_checkpoint
from lunzi.train.diagnosis import DivergenceError
from lunzi.train.history import History
from lunzi.train.inference import predict
from lunzi.train.metrics import (
    F1,
    MAE,
    R2,
    RMSE,
    Accuracy,
    ConfusionMatrix,
    Metric,
    Perplexity,
    Precision,
    Recall,
    TopK,
)
from lunzi.train.progress import PrintProgress
from lunzi.train.trainer import Trainer

__all__ = [
    "F1",
    "MAE",
    "R2",
    "RMSE",
    "Accuracy",
    "Callback",
    "ConfusionMatrix",
    "DivergenceError",
    "EarlyStopping",
    "EnvironmentWarning",
    "History",
    "Metric",
    "Perplexity",
    "Precision",
    "PrintProgress",
    "Recall",
    "TopK",
    "Trainer",
    "load_checkpoint",
    "predict",
    "save_checkpoint",
]
