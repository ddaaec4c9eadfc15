"""A grid of networks trained end to end: every combination, the seed running fastest."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nccli.e2e.config import H1_SHARE, E2eConfig
from nccli.e2e.duration import Duration
from nccli.sweep.grid import check_grid_size

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet


def e2e_grid(
    images: "ImageSet",
    lists: dict[str, Sequence[Any]],
    duration: Duration,
    wd_h1: float | None,
    wd_layers: Sequence[float] | None,
    fixed: dict[str, Any],
) -> list[E2eConfig]:
    """Configurations for every combination, the seed running fastest.

    Args:
        images: what they are trained on.
        lists: value lists "L", "width", "wd", "lr", "seed".
        duration: of each; in time constants they differ by λ and learning rate.
        wd_h1: λ_{H_1}; None for 5 λ/n with --reg dufm, 0 with standard.
        wd_layers: λ_{W_1}, …; None for λ.
        fixed: the other fields of `E2eConfig`, the same for all.

    Raises:
        InputError: a value out of range, or more than a million combinations.
    """
    from itertools import product

    order = ("L", "width", "wd", "lr", "seed")
    check_grid_size(lists)
    about: dict[str, Any] = {"data": images.fingerprint, "samples": len(images.train), "K": images.K, "n": images.n}
    about |= {"dataset": images.name, "balanced": images.balanced}
    found = []
    for L, width, wd, lr, seed in product(*(lists[name] for name in order)):
        h1 = wd_h1 if wd_h1 is not None else H1_SHARE * wd / images.n if fixed["reg"] == "dufm" else 0.0
        decays = tuple(wd_layers or (wd,) * L)
        sizes: dict[str, Any] = {"L": L, "width": width, "lr": lr, "seed": seed, "wd_h1": h1, "wd_layers": decays}
        found.append(duration.of(E2eConfig(**about, **fixed, **sizes, steps=1)))
    return found
