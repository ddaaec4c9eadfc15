"""Random crops and flips: every shift and both sides occur, and the pixels are those of the shifted image."""

from collections import Counter

import numpy as np
import pytest
import torch

from nccli.e2e.augmentation import DRAWS, augmented
from nccli.e2e.noise import random_bits

MANY = 2000


def bits(count: int) -> torch.Tensor:
    """What so many images are moved by, at step 3 of seed 7."""
    return random_bits(torch.full((count,), 7), torch.tensor([3]), torch.arange(count), DRAWS)


def versions(image: np.ndarray, pad: int) -> dict[bytes, tuple[int, int, bool]]:
    """By its bytes each image that may come out: (down, right, flipped) of a window on the image with zeros around."""
    found = {}
    _, H, W = image.shape
    for flipped in (False, True):
        framed = np.pad(image[:, :, ::-1] if flipped else image, ((0, 0), (pad, pad), (pad, pad)))
        for down in range(2 * pad + 1):
            for right in range(2 * pad + 1):
                found[framed[:, down : down + H, right : right + W].tobytes()] = (down, right, flipped)
    return found


@pytest.mark.parametrize(("shape", "pad"), [((1, 8, 8), 1), ((3, 16, 12), 2)])
def test_over_many_draws_every_shift_occurs_flipped_or_not(shape: tuple[int, int, int], pad: int) -> None:
    image = np.random.default_rng(0).uniform(1, 2, shape).astype(np.float32)
    known = versions(image, pad)
    assert len(known) == 2 * (2 * pad + 1) ** 2
    drawn = augmented(torch.from_numpy(image).repeat(MANY, 1, 1, 1), bits(MANY))
    seen = Counter(known[each.contiguous().numpy().tobytes()] for each in drawn)
    assert set(seen) == set(known.values())
    flipped = sum(count for (_, _, side), count in seen.items() if side)
    assert flipped / MANY == pytest.approx(0.5, abs=0.05)
    assert max(seen.values()) < 3 * MANY / len(known), "no shift is preferred"


def test_images_of_a_batch_are_moved_each_by_itself_and_not_mixed() -> None:
    images = np.random.default_rng(1).uniform(1, 2, (6, 1, 8, 8)).astype(np.float32)
    drawn = augmented(torch.from_numpy(images), bits(6))
    moves = {versions(image, 1)[each.contiguous().numpy().tobytes()] for image, each in zip(images, drawn, strict=True)}
    assert len(moves) > 1
