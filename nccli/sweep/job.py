"""A job: runs that one process trains in one go, as plain data that can be written to a file."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic

from nccli.dufm.config import DufmConfig
from nccli.e2e.config import E2eConfig
from nccli.search.config import SearchConfig
from nccli.sweep.plan import Config, id_of

_CONFIGS = {config.kind: config for config in (DufmConfig, E2eConfig, SearchConfig)}


@dataclass(frozen=True)
class Part:
    """Which part of a sweep a job is, for whoever watches.

    Attributes:
        job: its place among the jobs, from 0.
        jobs: how many there are.
        run: place of its first run among the runs, from 0.
        runs: how many there are.
    """

    job: int = 0
    jobs: int = 1
    run: int = 0
    runs: int = 1


@dataclass(frozen=True, eq=False)
class Job(Generic[Config]):
    """Runs to be trained together, and all that is needed for it.

    Attributes:
        configs: of the runs, all of one kind.
        device: "cpu" or "cuda".
        states: beginning of the path of every file that keeps a state of training: NCCLI.DB-checkpoint-.
        options: what else the kind needs, JSON-ready; its trainer's `of` reads them.
        part: of which sweep.
        from_step: steps that a state on disk is ahead, as far as was known when the job was planned.
    """

    configs: tuple[Config, ...]
    device: str
    states: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    part: Part = Part()
    from_step: int = 0

    @property
    def kind(self) -> str:
        """Of the runs."""
        return self.configs[0].kind

    @property
    def by_id(self) -> dict[str, Config]:
        """Configurations by run id."""
        return {id_of(config): config for config in self.configs}

    def only(self, ids: Collection[str]) -> "Job[Config]":
        """The same job for some of its runs."""
        return replace(self, configs=tuple(config for key, config in self.by_id.items() if key in ids))

    def as_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready; paths are absolute. Modules of the user's own are looked for in the current folder."""
        return {
            "kind": self.kind,
            "configs": [config.as_dict() for config in self.configs],
            "device": self.device,
            "states": str(self.states.absolute()),
            "options": dict(self.options),
            "part": asdict(self.part),
            "from_step": self.from_step,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Job[Any]":
        """The inverse of `as_dict`.

        Raises:
            InputError: a value of a configuration is out of its range.
            KeyError, TypeError: a field is missing or unknown.
        """
        config: Any = _CONFIGS[fields["kind"]]
        rest = {name: value for name, value in fields.items() if name not in ("kind", "configs", "states", "part")}
        return Job(
            configs=tuple(config.from_dict(each) for each in fields["configs"]),
            states=Path(fields["states"]),
            part=Part(**fields["part"]),
            **rest,
        )
