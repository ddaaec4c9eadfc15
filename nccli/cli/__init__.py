"""The command line: parsing and printing, nothing else. One module a command."""

from nccli.cli._main import main

__all__ = ["main"]
