"""The arrays of somebody's file by name, whatever kind of file it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.measure.array_file import read_npy, read_npz

LABELS, FEATURES = "labels", "features"

_ALIASES = {LABELS: ("label", "targets", "target", "y"), "weights": ("weight",), "bias": ("biases",)}
"""What else files call them."""

_SHOWN = 8
"""A taste: names that an error lists."""


def named_arrays(path: Path, labels: Path | None = None) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Arrays by name, `labels` among them, and what was done.

    An .npy file is `features`. A torch file holds a dictionary of tensors, in which lists and dictionaries of tensors
    are layers too, or a pair of features and labels.

    Args:
        path: the file.
        labels: .npy file of the labels; by default those in the file, for an .npy file those of a file beside it whose
            name has "labels" for "features", or `labels.npy`.

    Raises:
        InputError: a file that is missing, damaged or holds something else, or no labels.
    """
    found = arrays_in(path)
    remarks: list[str] = []
    if path.suffix == ".npy" and labels is None:
        labels = _beside(path)
        remarks.append(f"{path.name}: labels are those of {labels.name}")
    if labels is not None:
        found[LABELS] = _labels_of(labels)
    for name, others in _ALIASES.items():
        there = [other for other in others if other in found]
        if name not in found and len(there) == 1:
            found[name] = found.pop(there[0])
            remarks.append(f"{path.name}: '{there[0]}' is taken for {name}")
    if LABELS not in found:
        raise InputError(f"{path}: no array 'labels'; it has {_listed(found)}{_way_out(found)}")
    return found, remarks


def arrays_in(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a file by name, with or without labels.

    Raises:
        InputError: a file that is missing, damaged or holds something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".npz":
        return read_npz(path)
    if path.suffix == ".npy":
        return {FEATURES: read_npy(path)}
    from nccli.measure.tensor_file import read_safetensors, read_torch_file

    found: Any = read_safetensors(path) if path.suffix == ".safetensors" else read_torch_file(path, "file")
    if isinstance(found, list | tuple) and len(found) == 2:
        found = _pair(path, *found)
    if not isinstance(found, Mapping):
        size = f" of {len(found)}" if isinstance(found, list | tuple) else ""
        raise InputError(
            f"{path}: holds {type(found).__name__}{size}; wanted is a dictionary with 'features' and 'labels', or a "
            "pair of them"
        )
    return _flat(path, found)


def _pair(path: Path, first: Any, second: Any) -> dict[str, Any]:
    """Features and labels, in the order in which they are if that is clear, else as said."""
    from torch import Tensor

    if isinstance(first, Tensor) and first.dim() == 1 and not (isinstance(second, Tensor) and second.dim() == 1):
        first, second = second, first
    return {FEATURES: first, LABELS: second}


def _flat(path: Path, found: Mapping[Any, Any]) -> dict[str, NDArray[Any]]:
    """Tensors by name; of lists and dictionaries each part, by its key or the name and its number."""
    from nccli.measure.tensor_file import plain_array

    arrays: dict[str, NDArray[Any]] = {}
    for name, value in found.items():
        if isinstance(value, list | tuple) and str(name) == LABELS:
            arrays[LABELS] = np.array(value)  # classes by name, which no tensor holds
            if arrays[LABELS].dtype.kind not in "iufbUS":
                raise InputError(f"{path}: 'labels' is a list that is not of numbers or strings alone")
            continue
        if isinstance(value, list | tuple):
            parts: Mapping[Any, Any] = {f"{name}_{i}": part for i, part in enumerate(value, 1)}
        else:
            parts = value if isinstance(value, Mapping) else {name: value}
        for key, part in parts.items():
            if str(key) in arrays:
                raise InputError(f"{path}: '{key}' is there twice: give the parts other names")
            arrays[str(key)] = plain_array(part, f"{path}: '{key}'", wide=False)
    return arrays


def _beside(path: Path) -> Path:
    names = [path.name.replace(FEATURES, LABELS), f"{path.stem}_labels.npy", "labels.npy"]
    for name in dict.fromkeys(names):
        if name != path.name and path.with_name(name).is_file():
            return path.with_name(name)
    raise InputError(f"{path}: an .npy file has no labels: name their file with --labels FILE.npy")


def _labels_of(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise InputError(f"--labels {path}: no such file")
    if path.suffix == ".npy":
        return read_npy(path)
    if path.suffix in (".npz", ".pt", ".pth", ".safetensors"):
        found = arrays_in(path)
        if LABELS in found or len(found) == 1:
            return found[LABELS] if LABELS in found else next(iter(found.values()))
        raise InputError(f"--labels {path}: no array 'labels'; it has {_listed(found)}")
    raise InputError(f"--labels {path}: must be .npy, or .npz, .pt, .pth or .safetensors with an array 'labels'")


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(list(found)[:_SHOWN]) + (", …" if len(found) > _SHOWN else "") if found else "none"


def _way_out(found: Mapping[str, Any]) -> str:
    if any(name.endswith((".weight", ".bias")) for name in found):
        return ", as the weights of a network: nccli measure --model pkg.module:factory --weights FILE"
    return ": name the classes of the samples 'labels', or give --labels FILE.npy"
