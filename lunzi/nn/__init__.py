"""Layers, losses and initial values, by PyTorch's names."""

from lunzi.nn.module import Module
from lunzi.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter"]
