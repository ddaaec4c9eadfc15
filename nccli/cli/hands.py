"""Who carries a sweep out: this process, several of this machine, or a cluster; and the options that say so."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.training.group import Group

if TYPE_CHECKING:
    from nccli.store import Store
    from nccli.sweep import Executor, Plan, Trainer
    from nccli.sweep.cluster.settings import Settings

PANEL = "Who carries it out"


class ExecutorName(StrEnum):
    """Where jobs are carried out."""

    local = "local"
    slurm = "slurm"


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes or tasks at a time, here each with its share of the cores. "
        "[default: networks on a CPU, one a core; else 1; of a cluster, as many as it gives]",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
ExecutorOption = Annotated[
    ExecutorName,
    typer.Option("--executor", help="This machine, or a Slurm cluster (nccli[slurm]).", rich_help_panel=PANEL),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY=VALUE,…",
        help="Of a task: partition, timeout_min, cpus_per_task, mem_gb, gpus_per_node, account, and what else sbatch "
        "takes; folder: one that all machines share; python.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Of the sweep in the cluster, for nccli sweep status, wait, merge and cancel.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
Detach = Annotated[
    bool,
    typer.Option("--detach", help="Return once the cluster has it: see nccli sweep.", rich_help_panel=PANEL),
]


@dataclass(frozen=True)
class Hands:
    """Who is to carry a sweep out.

    Attributes:
        jobs: processes or tasks at a time; None for what suits the runs.
        settings: of a Slurm cluster; None for this machine.
        name: of the sweep there; None for one that its runs give.
        detach: whether to return once the cluster has it.
    """

    jobs: int | None = None
    settings: "Settings | None" = None
    name: str | None = None
    detach: bool = False

    @classmethod
    def of(
        cls, jobs: int | None, executor: ExecutorName, slurm: list[str] | None, name: str | None, detach: bool
    ) -> "Hands":
        """What the options say.

        Raises:
            InputError: options of another executor, or settings that no cluster knows.
        """
        if executor is ExecutorName.slurm:
            from nccli.sweep.cluster.slurm import read_settings

            return cls(jobs, read_settings(slurm or ()), name, detach)
        for option, given in (("--slurm", slurm), ("--name", name), ("--detach", detach)):
            if given:
                raise InputError(f"{option} is for --executor slurm")
        return cls(jobs)

    @property
    def are_elsewhere(self) -> bool:
        """Whether other machines carry it out."""
        return self.settings is not None

    def device(self, asked: str) -> str:
        """The device of this machine, or that of the cluster's tasks: "cpu" or "cuda".

        Raises:
            InputError: it is not there.
        """
        from nccli.training.device import choose_device

        if self.settings is None:
            return choose_device(asked)
        if asked == "cuda" and not self.settings.has_gpu:
            raise InputError("--device cuda: a task has no GPU unless it asks for one: --slurm gpus_per_node=1")
        return "cuda" if self.settings.has_gpu and asked != "cpu" else "cpu"

    def executor(
        self, trainer: "Trainer[Any]", plan: "Plan[Any]", store: "Store", group: Group, quiet: bool
    ) -> "Executor":
        """What carries out a sweep.

        Args:
            trainer: of its runs.
            plan: of the sweep.
            store: where its runs go.
            group: the processes that train one network together.
            quiet: no notes.

        Raises:
            InputError: something that does not go together, or a cluster that cannot be had.
        """
        from nccli.sweep import LocalExecutor, ProcessesExecutor
        from nccli.training.threads import cores

        if group.size > 1 and ((self.jobs or 1) > 1 or self.settings is not None):
            raise InputError("under torchrun all processes train one network together: no --jobs, no --executor slurm")
        if self.settings is not None:
            return self._cluster(plan, store, trainer.device)
        runs = len(plan.left)
        count = 1 if group.size > 1 else max(1, min(runs, self.jobs or trainer.processes(runs)))
        if count == 1:
            return LocalExecutor(trainer)
        each = max(1, cores() // count)
        note(f"{count} processes with {each} of {cores()} cores each carry out {runs} runs", quiet)
        return ProcessesExecutor(count, each)

    def _cluster(self, plan: "Plan[Any]", store: "Store", device: str) -> "Executor":
        from nccli.sweep.cluster.folder import Sweep, with_password
        from nccli.sweep.executors.slurm import SlurmExecutor

        assert self.settings is not None
        grid = hashlib.sha256("".join(sorted(plan.configs)).encode()).hexdigest()[:8]
        name = self.name or "-".join(part for part in (plan.tag, grid) if part)
        location = store.location if store.path is None else str(store.path.absolute())
        if store.path is None:
            with_password(location)
        sweep = Sweep(name, location, grid, plan.tag, plan.force, self.settings.as_dict(), self.jobs)
        return SlurmExecutor(store, sweep, self.settings, device, self.detach)
