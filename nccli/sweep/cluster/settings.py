"""What `--slurm key=value,…` may say: submitit's names, sbatch's long options, and where files lie."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from nccli.errors import InputError

ALIKE = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
"""What submitit names alike for every cluster."""

_NOT_OURS = ("array_parallelism", "job_name", "nodes", "ntasks_per_node", "num_gpus", "stderr_to_stdout")
"""What a sweep decides by itself."""

_OWN = ("folder", "python")

_INTEGER = re.compile(r"\d{1,9}", re.ASCII)

TIMEOUT_MIN = 60
"""A taste: a task that needs longer goes on in the next. Below ten minutes submitit takes preemption for time-out."""


@dataclass(frozen=True)
class Settings:
    """How tasks are to be run.

    Attributes:
        known: for submitit, by its own names.
        further: for sbatch, by its long options.
        folder: that all machines of the cluster share, for the folder of the sweep; None for where the store lies.
        python: the interpreter there; None for that of now.
    """

    known: Mapping[str, Any] = field(default_factory=dict)
    further: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    python: str | None = None

    @property
    def cores(self) -> int:
        """Of a task."""
        return int(self.known.get("cpus_per_task", 1))

    @property
    def has_gpu(self) -> bool:
        """Whether a task has one."""
        names = ("gpus_per_node", "gpus_per_task")
        asked = any(str(self.known.get(name, 0)) != "0" for name in names)
        return asked or "gpu" in str(self.known.get("gres", "")) or any("gpus" in name for name in self.further)

    def as_dict(self) -> dict[str, Any]:
        """All fields, JSON-ready."""
        folder = None if self.folder is None else str(self.folder.absolute())
        return {"known": dict(self.known), "further": dict(self.further), "folder": folder, "python": self.python}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Settings":
        """The inverse of `as_dict`."""
        return cls(**{**fields, "folder": None if fields["folder"] is None else Path(fields["folder"])})


def parse_settings(texts: Sequence[str], of_slurm: Iterable[str], of_sbatch: Iterable[str]) -> Settings:
    """Read `key=value,…`, where a part without = belongs to the value before it.

    Args:
        texts: of the option, which may be repeated.
        of_slurm: names that submitit has for Slurm alone.
        of_sbatch: long options of sbatch.

    Raises:
        InputError: no key=value, a key that nobody knows, or a value that is none.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        last = None
        for part in text.split(","):
            key, equals, value = part.partition("=")
            name = key.strip().replace("-", "_")
            if equals and name:
                pairs[name], last = value.strip(), name
            elif last is not None and part.strip():
                pairs[last] += f",{part.strip()}"
            else:
                raise InputError(f"--slurm '{text}': write key=value,key=value, as partition=main,timeout_min=60")
    slurm = {*ALIKE, *of_slurm} - set(_NOT_OURS)
    sbatch = {name.replace("-", "_") for name in of_sbatch} - set(_NOT_OURS) - {"array", "wrap", "test_only", "wait"}
    for name, value in pairs.items():
        if name not in {*slurm, *sbatch, *_OWN}:
            near = get_close_matches(name, sorted({*slurm, *sbatch, *_OWN}), 1)
            taken = "a sweep decides that by itself" if name in _NOT_OURS else "no such setting"
            raise InputError(f"--slurm {name}: {taken}{f'; did you mean {near[0]}?' if near else ''}")
        if not value or (name in ALIKE and name != "mem_gb" and not _INTEGER.fullmatch(value)):
            raise InputError(f"--slurm {name}={value}: must be {'a number' if name in ALIKE else 'something'}")
    known = {name: _number(value) for name, value in pairs.items() if name in slurm and name not in _OWN}
    return Settings(
        {"timeout_min": TIMEOUT_MIN, **known},
        {name.replace("_", "-"): value for name, value in pairs.items() if name not in {*slurm, *_OWN}},
        Path(pairs["folder"]) if "folder" in pairs else None,
        pairs.get("python"),
    )


def _number(text: str) -> str | int | float:
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text
