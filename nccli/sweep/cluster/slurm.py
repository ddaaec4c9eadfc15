"""Slurm: tasks are submitted as job arrays through submitit, watched through squeue, and cancelled."""

import io
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nccli.errors import InputError
from nccli.store import file_system
from nccli.sweep.cluster.folder import SweepFolder
from nccli.sweep.cluster.settings import ALIKE, Settings, parse_settings
from nccli.sweep.cluster.task import SweepTask

_PATIENCE = 40
"""Seconds; a bound: Slurm's own programs give up on a controller that does not answer after 10 to 30."""

_TIMEOUTS = 1000
"""A bound: every task that runs out of time leaves a state from which the next goes on, so that all come to an end."""

_OF_ONE_MACHINE = ("tmpfs", "ramfs", "overlay", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs")
"""File systems that no other machine sees, unless this one serves them: whoever knows that names the folder."""

_LOCAL = re.compile(r"(localhost|127\.)")


class UnreachableError(Exception):
    """The controller did not answer; tasks may go on all the same."""


@dataclass(frozen=True)
class Alive:
    """A task that the cluster knows of.

    Attributes:
        state: in Slurm's words, as PENDING or RUNNING.
        reason: why it waits.
        node: where it runs; "" for nowhere.
    """

    state: str
    reason: str
    node: str


def read_settings(texts: Sequence[str]) -> Settings:
    """What `--slurm` says.

    Raises:
        InputError: submitit is not installed, this is no machine of a cluster, or a setting that nobody knows.
    """
    submitit = _submitit()
    for program in ("sbatch", "squeue", "scancel", "srun"):
        if shutil.which(program) is None:
            raise InputError(f"--executor slurm: there is no {program} here; run it on a machine of the cluster")
    return parse_settings(texts, submitit.SlurmExecutor._valid_parameters(), _options_of_sbatch())


def require_cluster(settings: Settings, folder: SweepFolder) -> None:
    """Refuse a cluster that cannot be reached, a partition that it has not, and a folder that its nodes do not see.

    Raises:
        InputError: as it says.
    """
    try:
        partitions = [line.rstrip("*").split()[0] for line in _ask("sinfo", "-h", "-o", "%P").splitlines() if line]
        asked = settings.known.get("partition")
        if asked is not None and not set(str(asked).split(",")) <= set(partitions):
            raise InputError(f"--slurm partition={asked}: the cluster has {', '.join(sorted(partitions)) or 'none'}")
        nodes = set(_ask("sinfo", "-h", "-N", "-o", "%N").split())
    except UnreachableError as error:
        raise InputError(f"--executor slurm: the cluster cannot be reached: {error}") from error
    here = {socket.gethostname(), socket.gethostname().partition(".")[0]}
    elsewhere = sorted(node for node in nodes - here if not _LOCAL.match(node))
    local = file_system(folder.path)
    if elsewhere and local in _OF_ONE_MACHINE and settings.folder is None:
        raise InputError(
            f"{folder.path.parent} lies on {local} of this machine, which {elsewhere[0]} does not see: name a folder "
            "that all share by --slurm folder=PATH, or this one if they do"
        )


def submit(folder: SweepFolder, settings: Settings, numbers: Sequence[int], at_once: int | None) -> list[str]:
    """Submit jobs as arrays no longer than the cluster takes, and return what it calls each.

    Raises:
        InputError: the cluster refuses; what was submitted of these jobs is cancelled.
    """
    submitit = _submitit()
    ids: list[str] = []
    size = _longest_array()
    chunks = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    most = None if at_once is None else -(-at_once // len(chunks))
    own = {} if settings.python is None else {"slurm_python": settings.python}
    executor = submitit.AutoExecutor(folder.path / "slurm", cluster="slurm", slurm_max_num_timeout=_TIMEOUTS, **own)
    executor.update_parameters(name=f"nccli-{folder.sweep.name}", **_parameters(settings, most))
    said = io.StringIO()
    for chunk in chunks:
        try:
            with redirect_stderr(said), redirect_stdout(said), executor.batch():
                jobs = [executor.submit(SweepTask(str(folder.path), number)) for number in chunk]
            ids += [job.job_id for job in jobs]
        except (RuntimeError, subprocess.SubprocessError) as error:
            cancel(ids)
            reason = re.search(r"error: (.*)", f"{said.getvalue()}\n{error}")
            what = reason[1].removeprefix("Batch job submission failed: ") if reason else str(error).splitlines()[-1]
            raise InputError(
                f"--executor slurm: the cluster refuses the sweep: {what}; nothing was submitted"
            ) from error
    return ids


def alive(ids: Sequence[str]) -> dict[str, Alive]:
    """Of tasks, those that wait or run.

    Raises:
        UnreachableError: the controller does not answer.
    """
    if not ids:
        return {}
    arrays = ",".join(sorted({key.partition("_")[0] for key in ids}))
    lines = _ask("squeue", "-h", "-r", "-o", "%i|%T|%r|%N", "-j", arrays, unknown="Invalid job id").splitlines()
    found = {key: Alive(*rest) for key, *rest in (line.split("|") for line in lines if line.count("|") == 3)}
    return {key: found[key] for key in ids if key in found}


def end_of(key: str) -> str:
    """How a task ended by the cluster's accounting, as FAILED or OUT_OF_MEMORY; "" where it keeps none."""
    try:
        said = _ask("sacct", "-n", "-X", "-P", "-o", "State", "-j", key).split()
    except UnreachableError:
        return ""
    return said[0] if said else ""


def cancel(ids: Sequence[str]) -> None:
    """End tasks.

    Raises:
        UnreachableError: the controller does not answer.
    """
    if ids:
        _ask("scancel", "--quiet", *ids, unknown="Invalid job id")


def wait_until_gone(ids: Sequence[str], seconds: float = _PATIENCE) -> None:
    """Give tasks that were cancelled the time that they have for their last words.

    Raises:
        UnreachableError: the controller does not answer.
    """
    until = time.monotonic() + seconds
    while alive(ids) and time.monotonic() < until:
        time.sleep(1.0)


def _parameters(settings: Settings, most: int | None) -> dict[str, Any]:
    alike = {name: value for name, value in settings.known.items() if name in ALIKE}
    slurm = {f"slurm_{name}": value for name, value in settings.known.items() if name not in ALIKE}
    if settings.further:
        slurm["slurm_additional_parameters"] = dict(settings.further)
    if most is not None:
        slurm["slurm_array_parallelism"] = most
    return {**alike, **slurm}


def _longest_array() -> int:
    try:
        found = re.search(r"MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"))
    except UnreachableError as error:
        raise InputError(f"--executor slurm: the cluster cannot be reached: {error}") from error
    return int(found[1]) if found else 1000


@lru_cache(maxsize=1)
def _options_of_sbatch() -> tuple[str, ...]:
    try:
        return tuple(re.findall(r"--([a-z][a-z-]+)", _ask("sbatch", "--help")))
    except UnreachableError:
        return ()


def _ask(*command: str, unknown: str | None = None) -> str:
    """What a program of Slurm prints; "" where it says that it does not know what is asked for."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{command[0]} had no answer within {_PATIENCE} s") from error
    except OSError as error:
        raise UnreachableError(f"{command[0]}: {error.strerror}") from error
    if ended.returncode and not (unknown is not None and unknown in ended.stderr):
        lines = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise UnreachableError(f"{command[0]}: {lines[-1]}")
    return ended.stdout


def _submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise InputError("--executor slurm needs submitit: pip install 'nccli[slurm]'") from error
    return submitit
