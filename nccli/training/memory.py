"""How much memory may still be taken."""

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def free_bytes(device: str) -> int:
    """Memory that may still be taken on the device: of the machine and its control group, or of the GPU."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    available = int(psutil.virtual_memory().available)
    try:
        limit, used = ((_CGROUP / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        return available if limit == "max" else min(available, int(limit) - int(used))
    except (OSError, ValueError):
        return available
