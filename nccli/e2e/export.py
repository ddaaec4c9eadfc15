"""A trained network as a file for other programs: safetensors, or a state dictionary for torch.load."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from nccli.atomic import atomic_write
from nccli.e2e.config import E2eConfig
from nccli.errors import InputError
from nccli.measure.tensor_file import write_torch_file

SUFFIXES = (".safetensors", ".pt")


def check_export(path: Path) -> None:
    """Refuse a file that could not be written, before hours of training.

    Raises:
        InputError: another suffix, or no folder for it.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"--export {path}: the suffix must be {' or '.join(SUFFIXES)}")
    if not path.resolve().parent.is_dir():
        raise InputError(f"--export {path}: the folder {path.resolve().parent} does not exist")


def export_model(path: Path, model: dict[str, Any], config: E2eConfig) -> None:
    """Write a state dictionary, completely or not at all; parts are named backbone.… and head.layers.0.weight …

    Args:
        path: .safetensors (the configuration is in its metadata as JSON) or .pt (read it with weights_only=True).
        model: from `nccli.e2e.result.E2eResult`.
        config: of the run.

    Raises:
        OSError: the file cannot be written.
    """
    with atomic_write(path) as file:
        if path.suffix == ".pt":
            write_torch_file(model, file)
            return
        from safetensors.torch import save

        tensors = {name: value.contiguous() for name, value in model.items() if isinstance(value, Tensor)}
        file.write(save(tensors, metadata={"nccli": json.dumps(config.as_dict(), sort_keys=True)}))
