"""Which device computes."""

import sys
from pathlib import Path

from nccli.errors import InputError

DEVICES = ("auto", "cpu", "cuda")

_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/nvmap", "/dev/kfd")
"""What Linux has where PyTorch can reach a GPU: NVIDIA's driver, Windows' below WSL, Tegra's, AMD's."""


def choose_device(name: str) -> str:
    """Resolve "auto", "cpu" or "cuda" to the device that is used.

    PyTorch, which takes seconds to load, is asked only where there may be a GPU.

    Raises:
        InputError: an unknown name, or "cuda" where torch sees no GPU.
    """
    if name not in DEVICES:
        raise InputError(f"device '{name}': must be auto, cpu or cuda")
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise InputError("device 'cuda': torch sees no GPU here; use --device cpu or auto")
    return "cpu"


def _may_have_gpu() -> bool:
    """Whether the system shows a sign of one; where it would not, PyTorch has to be asked."""
    if sys.platform == "darwin":
        return False
    return sys.platform != "linux" or any(Path(node).exists() for node in _NODES)
