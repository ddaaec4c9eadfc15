"""Arithmetic without the slow numbers next to zero."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Numbers next to zero are zero: weights that decay would otherwise become slow ones."""
    able = torch.set_flush_denormal(True)
    try:
        yield
    finally:
        if able:
            torch.set_flush_denormal(False)
