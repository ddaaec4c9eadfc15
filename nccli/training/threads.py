"""How many cores there are for us, and how many of them PyTorch uses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def cores() -> int:
    """Cores that this process may use: its affinity, and no more than OMP_NUM_THREADS says; PyTorch is not asked.

    What PyTorch is limited to for a while (`threads`) is no limit of the process.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return max(1, min(allowed, int(told))) if told.isdigit() and int(told) else allowed


@contextmanager
def threads(number: int) -> Iterator[None]:
    """So many threads within PyTorch for a while."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
