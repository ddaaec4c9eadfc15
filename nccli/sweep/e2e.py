"""A grid of networks trained end to end: its runs, and their rows in the store."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli import __version__
from nccli.e2e.config import H1_SHARE, E2eConfig, enough_epochs
from nccli.store import FinishedRun, Store
from nccli.sweep.grid import check_grid_size
from nccli.sweep.rows import problem_columns, provenance

if TYPE_CHECKING:
    from nccli.e2e.images import ImageSet
    from nccli.e2e.result import E2eResult


def e2e_grid(
    images: "ImageSet",
    lists: dict[str, Sequence[Any]],
    epochs: int | None,
    wd_h1: float | None,
    wd_layers: Sequence[float] | None,
    fixed: dict[str, Any],
) -> list[E2eConfig]:
    """Configurations for every combination, the seed running fastest.

    Args:
        images: what they are trained on.
        lists: value lists "L", "width", "wd", "lr", "seed".
        epochs: None for as many as ten time constants of weight decay take.
        wd_h1: λ_{H_1}; None for 5 λ/n with --reg dufm, 0 with standard.
        wd_layers: λ_{W_1}, …; None for λ.
        fixed: the other fields of `E2eConfig`, the same for all.

    Raises:
        InputError: a value out of range, or more than a million combinations.
    """
    from itertools import product

    order = ("L", "width", "wd", "lr", "seed")
    check_grid_size([lists[name] for name in order])
    about: dict[str, Any] = {"data": images.fingerprint, "samples": len(images.train), "K": images.K, "n": images.n}
    about |= {"dataset": images.name, "balanced": images.balanced}
    found = []
    for L, width, wd, lr, seed in product(*(lists[name] for name in order)):
        h1 = wd_h1 if wd_h1 is not None else H1_SHARE * wd / images.n if fixed["reg"] == "dufm" else 0.0
        decays = tuple(wd_layers or (wd,) * L)
        sizes: dict[str, Any] = {"L": L, "width": width, "lr": lr, "seed": seed, "wd_h1": h1, "wd_layers": decays}
        config = E2eConfig(**about, **fixed, **sizes, epochs=1 if epochs is None else epochs)
        if epochs is None:
            enough = enough_epochs(lr, config.momentum, config.schedule, min(decays), config.steps_per_epoch)
            config = replace(config, epochs=enough)
        found.append(config)
    return found


def e2e_checkpoint(store: Store | None, key: str) -> Path:
    """The file for the state of a run: beside the store, in the current folder for one that is no file."""
    anchor = store.path if store is not None and store.path is not None else Path("nccli")
    return anchor.with_name(f"{anchor.name}-checkpoint-{key}.pt")


def e2e_run(result: "E2eResult", device: str, torch_version: str) -> FinishedRun:
    """A network as the store keeps it, with the DNC and SRG losses of its DUFM where it has one."""
    return FinishedRun(
        row={
            **_known(result.config, device, result.seconds),
            "torch_version": torch_version,
            "status": result.status,
            "grad_norm": float("nan"),
            **{name: getattr(result, name) for name in ("steps", "loss", "fit", "reg")},
            **{name: getattr(result, name) for name in ("train_accuracy", "test_accuracy")},
        },
        config=result.config.as_dict(),
        layers=result.layers,
        history=result.history,
    )


def running_columns(config: E2eConfig, device: str) -> dict[str, Any]:
    """What is known of a network before it is trained, as columns of table `run`."""
    return FinishedRun(_known(config, device, 0.0), config.as_dict(), layers=()).columns


def _known(config: E2eConfig, device: str, seconds: float) -> dict[str, Any]:
    if config.problem is None:
        about: dict[str, Any] = {"K": config.K, "L": config.L, "n": config.n, "loss_dnc": None, "loss_srg": None}
    else:
        about = problem_columns(config.problem)
    return {
        **about,
        **provenance(seconds, device),
        "nccli_version": __version__,
        "kind": "e2e",
        "activation": "relu",
        "dtype": "float32",
        "optimizer": "sgd",
        "reg_kind": config.reg,
        **{name: getattr(config, name) for name in ("width", "lr", "seed", "dataset", "backbone", "epochs")},
    }
