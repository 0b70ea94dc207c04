"""The command line: `lunzi COMMAND`, one file a command."""

from lunzi.cli.application import main

__all__ = ["main"]
