"""How much one job should hold, which depends on who carries jobs out."""

from dataclasses import dataclass, field

from nccli.training.threads import cores

SECONDS = 5.0
"""A taste: work of a job on the CPU. Beside its steps a job of tiny runs takes 0.25 s of processor time (measured: 300
measurements and a claim), and who comes late waits at most this long for the last one. Compiled code advances one run a
core, so that larger batches gain nothing else."""


@dataclass(frozen=True)
class JobSize:
    """What jobs are cut for.

    Attributes:
        at_once: how many jobs are carried out side by side; there should be as many, if there are runs enough.
        cores: that each of them has.
        seconds: of work on the CPU that is enough for one.
        memory: bytes that each may take; None for a share of what is free here.
    """

    at_once: int = 1
    cores: int = field(default_factory=cores)
    seconds: float = SECONDS
    memory: int | None = None
