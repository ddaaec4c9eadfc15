"""Random bits as a function of a seed, a step, a place and what they are for: the same on every device."""

import torch
from jaxtyping import Int
from torch import Tensor

_GOLDEN = -0x61C8864680B583EB  # 0x9E3779B97F4A7C15 as a signed integer
_FIRST = -0x40A7B892E31B1A47  # 0xBF58476D1CE4E5B9
_SECOND = -0x6B2FB644ECCEEE15  # 0x94D049BB133111EB
"""Of splitmix64 (Steele, Lea and Flood 2014), which makes independent numbers of neighbouring ones."""

BITS = 31


def random_bits(
    seeds: Int[Tensor, " B"], step: Int[Tensor, " 1"], places: Int[Tensor, " B"], count: int
) -> Int[Tensor, "count B"]:
    """So many numbers of 31 bits a place; every operation stays on the device of the arguments.

    Args:
        seeds: of the runs that the places belong to.
        step: counted from 0.
        places: in the batch.
        count: numbers a place.
    """
    key = _mixed(_mixed(_mixed(seeds * _GOLDEN) + step * _GOLDEN) + places * _GOLDEN)
    streams = torch.arange(1, count + 1, device=seeds.device)[:, None]
    return _right(_mixed(key + streams * _GOLDEN), 64 - BITS)


def _mixed(x: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    x = (x ^ _right(x, 30)) * _FIRST
    x = (x ^ _right(x, 27)) * _SECOND
    return x ^ _right(x, 31)


def _right(x: Int[Tensor, "*shape"], places: int) -> Int[Tensor, "*shape"]:
    """Shifted right, zeros from the left; PyTorch's own shift repeats the sign."""
    return (x >> places) & ((1 << (64 - places)) - 1)
