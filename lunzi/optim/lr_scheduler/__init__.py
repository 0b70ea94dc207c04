"""Schedules of the learning rate, by PyTorch's names."""

from lunzi.optim.lr_scheduler.curves import CosineAnnealingLR, LambdaLR, LinearLR
from lunzi.optim.lr_scheduler.one_cycle import OneCycleLR
from lunzi.optim.lr_scheduler.plateau import ReduceLROnPlateau
from lunzi.optim.lr_scheduler.scheduler import LRScheduler
from lunzi.optim.lr_scheduler.sequential import SequentialLR
from lunzi.optim.lr_scheduler.steps import ConstantLR, ExponentialLR, MultiStepLR, StepLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
