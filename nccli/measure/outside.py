"""Mean features of an out-of-distribution set, layer by layer, for NC5."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from nccli.errors import InputError
from nccli.measure.batches import Batches
from nccli.measure.features import NotMeasurableError, first_of, rows_of

_INPUT = ".input"

Means = Mapping[str, Float[np.ndarray, " d"]]


@torch.no_grad()
def outside_means(model: nn.Module, source: Batches, layers: Collection[str], pool: str) -> Means:
    """Mean features of a set whose labels do not count.

    Args:
        model: the network, in eval mode.
        source: the set.
        layers: names of modules, with ".input" for what a module reads.
        pool: as `LayerProbe` takes it.

    Raises:
        InputError: the network refuses the set.
    """
    sums: dict[str, Tensor] = {}
    seen: dict[str, int] = {}
    shape: tuple[int, ...] = ()

    def take(name: str, output: Any) -> None:
        try:
            X, _ = rows_of(output, shape, pool)
        except NotMeasurableError:
            return
        total = X.sum(0, dtype=torch.float64)
        sums[name] = sums[name] + total if name in sums else total
        seen[name] = seen.get(name, 0) + len(X)

    handles: list[Any] = []
    for name in layers:
        if name.endswith(_INPUT):
            module = model.get_submodule(name.removesuffix(_INPUT))
            handles.append(module.register_forward_pre_hook(lambda _, given, name=name: take(name, first_of(given))))
        else:
            module = model.get_submodule(name)
            handles.append(module.register_forward_hook(lambda _, given, output, name=name: take(name, output)))
    try:
        for inputs, labels in source:
            shape = tuple(labels.shape)
            model(inputs)
    except Exception as error:  # whatever somebody's network raises on images that do not fit
        said = " ".join(str(error).split())[:160]
        raise InputError(f"--ood: the model does not take its inputs: {said}") from error
    finally:
        for handle in handles:
            handle.remove()
    return {name: np.asarray((total / seen[name]).cpu().numpy()) for name, total in sums.items()}
