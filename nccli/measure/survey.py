"""One pass over a few samples: which modules run, how often, what they put out, and how much memory a sample takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nccli.measure.features import NotMeasurableError, first_of, rows_of
from nccli.measure.outputs import tensors_in
from nccli.measure.plan import Sighting

SEVERAL = "it runs several times in a pass"

_ALIVE = 4
"""A bound: outputs of the largest size at once in a pass without gradients: a block's input, its branch, their sum, and
what a convolution unfolds."""

_ROWS = 4
"""A measurement: features of a batch at once while they are counted, flattened, in blocks, of a module that pools."""


@dataclass(frozen=True)
class Survey:
    """What one pass showed.

    Attributes:
        seen: modules in the order in which they ran first.
        output: of the network.
        sample_bytes: that a sample takes while it passes and is counted, roughly.
    """

    seen: Sequence[Sighting]
    output: Any
    sample_bytes: int


def survey(
    model: nn.Module,
    outputs: Mapping[str, nn.Module],
    inputs: Mapping[str, nn.Module],
    shape: Sequence[int],
    pool: str,
    forward: Callable[[], Any],
) -> Survey:
    """Run a network once and look at its modules; none of what passes is counted.

    Args:
        model: the network.
        outputs: modules whose output is looked at, by name.
        inputs: modules whose input is, by the name that it gets.
        shape: of the labels of what passes: (B,), or (B, T) for a label a token.
        pool: as `LayerProbe` takes it.
        forward: runs the network; whatever it raises is passed on.
    """
    seen: dict[str, Sighting] = {}
    largest = [0, 0]

    def look(name: str, output: Any) -> None:
        if name in seen:
            seen[name] = Sighting(name, obstacle=seen[name].obstacle or SEVERAL, calls=seen[name].calls + 1)
            return
        try:
            rows, place = rows_of(output, shape, pool)
            seen[name] = Sighting(name, rows.shape[1], place=place)
            largest[1] = max(largest[1], rows.nbytes)
        except NotMeasurableError as error:
            seen[name] = Sighting(name, obstacle=str(error))

    def weigh(module: nn.Module, given: Any, output: Any) -> None:
        largest[0] = max(largest[0], sum(tensor.nbytes for _, tensor in tensors_in(output) if _real(tensor)))

    handles = [module.register_forward_hook(weigh) for module in model.modules()]
    for name, module in outputs.items():
        handles.append(module.register_forward_hook(lambda _, given, output, name=name: look(name, output)))
    for name, module in inputs.items():
        handles.append(module.register_forward_pre_hook(lambda _, given, name=name: look(name, first_of(given))))
    try:
        with torch.no_grad():
            output = forward()
    finally:
        for handle in handles:
            handle.remove()
    return Survey(list(seen.values()), output, (_ALIVE * largest[0] + _ROWS * largest[1]) // max(1, shape[0]))


def _real(tensor: Tensor) -> bool:
    return not tensor.is_sparse and not tensor.is_nested
