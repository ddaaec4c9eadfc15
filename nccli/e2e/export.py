"""A trained network as a file for other programs: safetensors, or a state dictionary for torch.load."""

import json
from typing import Any, BinaryIO

from torch import Tensor

from nccli.e2e.config import E2eConfig
from nccli.measure.tensor_file import write_torch_file


def export_model(file: BinaryIO, suffix: str, model: dict[str, Any], config: E2eConfig) -> None:
    """Write a state dictionary; parts are named backbone.… and head.layers.0.weight …

    Args:
        file: where to.
        suffix: .safetensors (the configuration is in its metadata as JSON) or .pt (read it with weights_only=True).
        model: from `nccli.e2e.result.E2eResult`.
        config: of the run.

    Raises:
        OSError: the file cannot be written.
    """
    if suffix == ".pt":
        write_torch_file(model, file)
        return
    from safetensors.torch import save

    tensors = {name: value.contiguous() for name, value in model.items() if isinstance(value, Tensor)}
    file.write(save(tensors, metadata={"nccli": json.dumps(config.as_dict(), sort_keys=True)}))
