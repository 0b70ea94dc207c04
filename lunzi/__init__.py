"""Lunzi: a deep-learning framework built from scratch."""

from lunzi.version import __version__

__all__ = ["__version__"]
