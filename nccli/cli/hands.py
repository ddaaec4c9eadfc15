"""Who carries a sweep out: this process, several of this machine, or a cluster; and the options that say so."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.training.group import Group

if TYPE_CHECKING:
    from nccli.sweep import Executor, Trainer

_PANEL = "Who carries it out"

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        help="Processes at a time, each with its share of the cores. [default: networks on a CPU, one a core; else 1]",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Hands:
    """Who is to carry a sweep out.

    Attributes:
        jobs: processes at a time; None for what suits the runs.
    """

    jobs: int | None = None

    def executor(self, trainer: "Trainer[Any]", runs: int, group: Group, quiet: bool) -> "Executor":
        """What carries out a sweep.

        Args:
            trainer: of its runs.
            runs: how many there are to train.
            group: the processes that train one network together.
            quiet: no notes.

        Raises:
            InputError: something that does not go together.
        """
        from nccli.sweep import LocalExecutor, ProcessesExecutor
        from nccli.training.threads import cores

        if group.size > 1 and (self.jobs or 1) > 1:
            raise InputError("--jobs: under torchrun all processes train one network together")
        count = 1 if group.size > 1 else max(1, min(runs, self.jobs or trainer.processes(runs)))
        if count == 1:
            return LocalExecutor(trainer)
        each = max(1, cores() // count)
        note(f"{count} processes with {each} of {cores()} cores each carry out {runs} runs", quiet)
        return ProcessesExecutor(count, each)
