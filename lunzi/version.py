"""The version of Lunzi, in one place."""

__version__ = "0.1.0"
