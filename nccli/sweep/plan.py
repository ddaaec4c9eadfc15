"""What of a grid the store has, and what is left to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nccli.dufm.config import DufmConfig
from nccli.e2e.config import E2eConfig
from nccli.search.config import SearchConfig
from nccli.store import FINISHED, Store, existing_statuses, run_id

Config = TypeVar("Config", DufmConfig, E2eConfig, SearchConfig)


@dataclass(frozen=True)
class Plan(Generic[Config]):
    """A grid, split into what the store has and what is left to do.

    Attributes:
        configs: by run id, in the order of the grid.
        stored: status of the runs that need not be made again.
        force: whether runs that are stored are made again.
        tag: name that the runs get; None for none.
    """

    configs: Mapping[str, Config]
    stored: Mapping[str, str]
    force: bool = False
    tag: str | None = None

    @property
    def left(self) -> dict[str, Config]:
        """What is to be trained, by run id."""
        return {key: config for key, config in self.configs.items() if key not in self.stored}


def plan_runs(
    configs: Sequence[Config], store: Store | None, force: bool = False, tag: str | None = None
) -> Plan[Config]:
    """Find which runs of a grid are left to train.

    Args:
        configs: the grid.
        store: where finished runs are looked up; None if there is no store yet.
        force: train all of them again.
        tag: name that the runs get.
    """
    by_id = {id_of(config): config for config in configs}
    stored: dict[str, str] = {}
    if store is not None and not force:
        with store.read() as connection:
            statuses = existing_statuses(connection, list(by_id))
        stored = {key: status for key, status in statuses.items() if status in FINISHED}
    return Plan(by_id, stored, force, tag)


def id_of(config: DufmConfig | E2eConfig | SearchConfig) -> str:
    """The id of the run of a configuration."""
    return run_id(config.kind, config.as_dict())
