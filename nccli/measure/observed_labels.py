"""Labels that a training loop says of a batch, checked before anything is counted by them."""

from typing import Any

import numpy as np
import torch

from nccli.errors import InputError
from nccli.measure.features import IGNORED, Labels

_HOT = 1e-6
"""A bound: rounding of a row of a one-hot matrix in half precision."""


def observed_labels(labels: Any, K: int) -> Labels:
    """Integers 0..K−1 or −1 from a tensor, an array or a list; whole floats and one-hot floats (B, K) are taken too.

    Raises:
        InputError: labels of another kind, not whole, or out of range.
    """
    try:
        found = labels if isinstance(labels, torch.Tensor) else torch.from_numpy(np.asarray(labels))
    except TypeError as error:
        raise InputError(f"labels are {type(labels).__name__}: wanted are integers 0..{K - 1}, one a sample") from error
    if found.dim() == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.is_floating_point() and found.dim() == 2 and found.shape[1] == K:
        found = _hot(found, K)
    if found.dim() not in (1, 2) or found.is_complex() or not found.numel():
        raise InputError(
            f"labels have shape {tuple(found.shape)}: wanted is (B,), one a sample, or (B, T), one a token"
        )
    if found.is_floating_point():
        if not bool((found == found.floor()).all()):
            raise InputError("labels are floats that are not whole: wanted are the numbers of the classes")
        found = found.long()
    low, high = (int(each) for each in torch.aminmax(found.long()))
    if low < IGNORED or high >= K:
        bad = low if low < IGNORED else high
        raise InputError(f"label {bad} is out of range: labels are 0..{K - 1} for K = {K} classes, {IGNORED} for none")
    return found.long()


def _hot(rows: torch.Tensor, K: int) -> torch.Tensor:
    sums, largest = rows.sum(dim=1), rows.amax(dim=1)
    if not bool(((sums - 1).abs() < _HOT).all() and ((largest - 1).abs() < _HOT).all()):
        raise InputError(f"labels have shape {tuple(rows.shape)} and are not one-hot: give their argmax(dim=1)")
    return rows.argmax(dim=1)
