"""Random bits as a function of where they are used: as splitmix64 has them, evenly spread, and no two streams alike."""

import numpy as np
import pytest
import torch

from nccli.e2e.noise import BITS, random_bits

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def mixed(x: int) -> int:
    """The finaliser of splitmix64, in Python's integers."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def bits(seed: int, step: int, places: int, count: int) -> torch.Tensor:
    return random_bits(torch.full((places,), seed), torch.tensor([step]), torch.arange(places), count)


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
@pytest.mark.parametrize("step", [0, 12345])
def test_they_are_those_of_unsigned_integers(seed: int, step: int) -> None:
    found = bits(seed, step, 4, 3)
    for place in range(4):
        key = mixed((mixed((mixed(seed * _GOLDEN & _MASK) + step * _GOLDEN) & _MASK) + place * _GOLDEN) & _MASK)
        for stream in range(3):
            assert int(found[stream, place]) == mixed((key + (stream + 1) * _GOLDEN) & _MASK) >> (64 - BITS)


def test_they_are_spread_evenly_and_neighbours_have_nothing_in_common() -> None:
    found = bits(3, 0, 20_000, 2).double() / 2**BITS
    assert float(found.min()) >= 0
    assert float(found.max()) < 1
    counts = torch.histc(found[0].float(), 20, 0, 1)
    assert float(((counts - 1000) ** 2 / 1000).sum()) < 45  # χ² of 19 degrees of freedom: 1 in 1000
    later = bits(3, 1, 20_000, 1).double() / 2**BITS
    other = bits(4, 0, 20_000, 1).double() / 2**BITS
    for series in (found[1], later[0], other[0]):
        assert abs(float(np.corrcoef(found[0], series)[0, 1])) < 0.03
    assert abs(float(np.corrcoef(found[0][1:], found[0][:-1])[0, 1])) < 0.03
