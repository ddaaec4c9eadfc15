"""How much memory may still be taken, and what is refused because it would take more."""

import resource
from collections.abc import Iterator
from pathlib import Path

import psutil

from nccli.errors import InputError

_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_FILES = {"v2": ("memory.max", "memory.current"), "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes")}


def free_bytes(device: str = "cpu") -> int:
    """Memory that may still be taken on the device: of the machine, its control groups and limits, or of the GPU."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return max(0, min([int(psutil.virtual_memory().available), *_left_by_control_groups(), *_left_of_addresses()]))


def require_memory(what: str, need: float, way_out: str, device: str = "cpu") -> None:
    """Refuse what would not fit, before any of it is allocated.

    Args:
        what: would take the memory.
        need: bytes.
        way_out: what the user can do.
        device: "cpu" or "cuda".

    Raises:
        InputError: less is free.
    """
    free = free_bytes(device)
    if need > free:
        raise too_large(what, need, free, way_out)


def too_large(what: str, need: float, free: float, way_out: str) -> InputError:
    """The refusal of what takes more memory than may be used."""
    return InputError(f"{what} takes {in_words(need)}, and {in_words(free)} may be used here: {way_out}")


def in_words(size: float) -> str:
    """Bytes as a person reads them: 3.2 GiB."""
    unit, name = next(
        ((2**power, name) for power, name in ((30, "GiB"), (20, "MiB")) if size >= 2**power), (1, "bytes")
    )
    return f"{size / unit:.3g} {name}" if unit > 1 else f"{size:.0f} {name}"


def _left_by_control_groups() -> Iterator[int]:
    """What the limit of every control group around this process leaves; pages of files that may go are not in use."""
    for folder, version in _control_groups():
        try:
            limit, used = (folder.joinpath(name).read_text().strip() for name in _FILES[version])
            if limit != "max":
                yield int(limit) - int(used) + _reclaimable(folder)
        except (OSError, ValueError):
            continue


def _control_groups() -> Iterator[tuple[Path, str]]:
    try:
        lines = _OWN_CGROUP.read_text().splitlines()
    except OSError:
        lines = []
    paths = {"v2": "/", "v1": "/"}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            paths["v2"] = path
        elif "memory" in controllers.split(","):
            paths["v1"] = path
    for version, root in (("v2", _CGROUP), ("v1", _CGROUP / "memory")):
        place = Path(paths[version])
        for part in (place, *place.parents):
            yield root / part.relative_to("/"), version


def _reclaimable(folder: Path) -> int:
    try:
        fields = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _left_of_addresses() -> Iterator[int]:
    """What `ulimit -v` leaves."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        yield limit - int(psutil.Process().memory_info().vms)
