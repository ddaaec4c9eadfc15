"""A grid of networks trained end to end: every combination, the seed running fastest."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from nccli.e2e.config import H1_SHARE, E2eConfig
from nccli.e2e.duration import Duration
from nccli.sweep.grid import check_grid_size

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet


def e2e_grid(
    images: "ImageSet", lists: Mapping[str, Sequence[Any]], durations: Sequence[Duration], fixed: Mapping[str, Any]
) -> list[E2eConfig]:
    """Configurations for every combination, each once, the seed running fastest.

    Args:
        images: what they are trained on.
        lists: values of fields of `E2eConfig` by name, and of "wd", λ. Of "wd_h1", None is 5 λ/n, n the mean, with reg
            dufm and 0 with standard; of "wd_layers", None is λ in every layer.
        durations: how long they are; in time constants they differ by λ and learning rate.
        fixed: the other fields, the same for all.

    Raises:
        InputError: a value out of range, or more than a million combinations.
    """
    check_grid_size({**lists, "duration": durations})
    about: dict[str, Any] = {"data": images.fingerprint, "samples": len(images.train), "K": images.K, "n": images.n}
    about |= {"dataset": images.name, "balanced": images.balanced, "class_counts": images.class_counts}
    if images.class_counts is not None:
        about["n"] = max(images.class_counts)
    names = sorted(lists, key=lambda name: name == "seed")
    found = []
    for values in product(*(lists[name] for name in names[:-1]), durations, lists[names[-1]]):
        *first, duration, last = values
        fields = dict(zip(names, (*first, last), strict=True))
        wd = fields.pop("wd")
        if fields["wd_h1"] is None:
            fields["wd_h1"] = H1_SHARE * wd / images.n if {**fixed, **fields}["reg"] == "dufm" else 0.0
        fields["wd_layers"] = tuple(fields["wd_layers"] or (wd,) * fields["L"])
        found.append(duration.of(E2eConfig(**about, **fixed, **fields, steps=1)))
    return list(dict.fromkeys(found))
