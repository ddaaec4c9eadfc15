"""What modules and networks return: the tensor among tuples, mappings and objects that is measured, and the logits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

from nccli.errors import InputError

_FIRST_NAMES = ("last_hidden_state", "logits", "out", "output")
"""What libraries call the tensor that goes on (transformers, torchvision), before what comes first by order."""

_DEEP = 4
"""A bound: outputs are nested no deeper in any library that we know; an object that contains itself ends there."""

_SHOWN = 6
"""A taste: parts that an error lists."""


def tensors_in(output: Any, place: str = "", depth: int = _DEEP) -> Iterator[tuple[str, Tensor]]:
    """Tensors of an output, each with its place, as `[0]` or `.logits`; "" for an output that is a tensor.

    Tuples, named tuples, lists, mappings, dataclasses and plain objects are looked into, in their own order.
    """
    if isinstance(output, Tensor):
        yield place, output
    elif depth:
        for key, part in _parts(output):
            yield from tensors_in(part, place + key, depth - 1)


def _parts(output: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(output, Mapping):
        yield from ((f"[{key!r}]", part) for key, part in output.items())
    elif isinstance(output, tuple | list):
        names = getattr(output, "_fields", None)
        keys = (f"[{i}]" for i in range(len(output))) if names is None else (f".{name}" for name in names)
        yield from zip(keys, output, strict=False)
    elif is_dataclass(output) and not isinstance(output, type):
        yield from ((f".{field.name}", getattr(output, field.name, None)) for field in fields(output))
    elif hasattr(output, "__dict__") and not callable(output):
        yield from ((f".{name}", part) for name, part in vars(output).items())


def main_tensor(output: Any) -> tuple[str, Tensor] | None:
    """The tensor of a module's output that is measured, with its place; None without one of floats.

    That of a known name (`last_hidden_state`, `logits`, `out`, `output`), or else the first.
    """
    if isinstance(output, Tensor):
        return "", output
    found = [(place, tensor) for place, tensor in tensors_in(output) if tensor.is_floating_point()]
    named = {_name(place): (place, tensor) for place, tensor in reversed(found)}
    chosen = (named[name] for name in _FIRST_NAMES if name in named)
    return next(chosen, found[0] if found else None)


def logits_in(output: Any, fits: Callable[[int], bool]) -> Tensor | None:
    """The logits of a network that may return more than them: what has that name, else the first of a fitting size.

    Args:
        output: of the network.
        fits: whether a last axis of this size is one of classes.

    Returns:
        (B, outputs) or (B, T, outputs) where the network has such, else whatever stands in their place, or None.
    """
    if isinstance(output, Tensor):
        return _flat(output)
    found = list(tensors_in(output))
    named = [tensor for place, tensor in found if _name(place) == "logits"]
    fitting = [tensor for _, tensor in found if tensor.dim() >= 2 and fits(_flat(tensor).shape[-1])]
    return _flat((named or fitting)[0]) if named or fitting else None


def no_logits(output: Any, samples: int, wanted: str) -> InputError:
    """The refusal of an output in which no logits were found, with what there is.

    Args:
        output: of the network.
        samples: that it was given.
        wanted: what would fit, in words.
    """
    if isinstance(output, Tensor):
        found = f"the model's output is {tuple(output.shape)} for {samples} samples"
    else:
        parts = [f"{place.lstrip('.')} {tuple(tensor.shape)}" for place, tensor in tensors_in(output)]
        shown = ", ".join(parts[:_SHOWN]) + (", …" if len(parts) > _SHOWN else "")
        found = f"the model returns {type(output).__name__} with {shown or 'no tensors'} for {samples} samples"
    return InputError(f"{found}; {wanted}")


def _name(place: str) -> str:
    """The last part of a place: `logits` of `[0].logits` and of `['logits']`."""
    return place.rpartition("[")[2].strip("']\"") if place.endswith("]") else place.rpartition(".")[2]


def _flat(tensor: Tensor) -> Tensor:
    """Logits (B, K, 1, 1) of a convolution as (B, K)."""
    one = tensor.dim() == 4 and tuple(tensor.shape[2:]) == (1, 1)
    return tensor.flatten(1) if one else tensor
