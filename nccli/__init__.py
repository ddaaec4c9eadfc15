"""Deep neural collapse versus low-rank bias, from the shell and from Python."""

__version__ = "0.1.0"
