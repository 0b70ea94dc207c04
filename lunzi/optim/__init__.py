"""Optimisers and learning-rate schedules, by PyTorch's names."""

from lunzi.optim import lr_scheduler
from lunzi.optim.adagrad import Adagrad
from lunzi.optim.adam import Adam
from lunzi.optim.adamw import AdamW
from lunzi.optim.group import Group
from lunzi.optim.lion import Lion
from lunzi.optim.muon import Muon
from lunzi.optim.nadam import NAdam
from lunzi.optim.optimizer import Optimizer
from lunzi.optim.rmsprop import RMSprop
from lunzi.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Group",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]
