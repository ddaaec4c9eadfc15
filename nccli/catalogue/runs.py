"""What kinds of runs there are, and how they end."""

from enum import StrEnum


class Kind(StrEnum):
    """How a run came to be: trained, constructed in closed form, searched, or measured of what somebody else made."""

    DUFM = "dufm"
    E2E = "e2e"
    DNC = "dnc"
    SRG = "srg"
    GRAPH = "graph"
    BIPARTITION = "bipartition"
    HYPERGRAPH = "hypergraph"
    PAIRS = "pairs"
    FRAME = "frame"
    SEARCH = "search"
    FEATURES = "features"
    NETWORK = "network"


TRAINED_KINDS = (Kind.DUFM.value, Kind.E2E.value)
"""Kinds of runs that were trained."""

MEASURED_KINDS = (Kind.FEATURES.value, Kind.NETWORK.value)
"""Kinds of runs that somebody else made."""

CONSTRUCTED_KINDS = tuple(
    kind.value for kind in Kind if kind.value not in (*TRAINED_KINDS, Kind.SEARCH.value, *MEASURED_KINDS)
)
"""Kinds of runs that were built in closed form, a file of `nccli.theory` each."""

POINT_KINDS = (Kind.DUFM.value, Kind.SEARCH.value, *CONSTRUCTED_KINDS)
"""Kinds of runs that are points of an L-DUFM: descents begin there, and paths lead from one to another."""

RESULT_VERSIONS = {kind.value: 1 for kind in Kind} | dict.fromkeys((*TRAINED_KINDS, *MEASURED_KINDS), 2)
"""By kind, part of every run id: raised when the same configuration starts to give another result.

DUFM, 2: when a run is measured, and may go on as its class means, does not depend on its budget; it is refined from its
stored end, and `residual` is relative. End to end, 2: all batches have the size that was asked for. Features and
networks, 2: classes are centred by the mean of their means, `nc1_pinv` is blind to a common offset, and weights and
spectra are measured.
"""


class Finish(StrEnum):
    """What became of the end of a descent."""

    PLAIN = "plain"
    POLISHED = "polished"
    REFINED = "refined"
    CERTIFIED = "certified"


FINISHES: dict[Finish, str] = {
    Finish.PLAIN: "where the descent ended",
    Finish.POLISHED: "where an accelerated descent with a vanishing step went on to",
    Finish.REFINED: "a refined point that is not certified: `residual` and `radius` say how far it got",
    Finish.CERTIFIED: "a refined point that is stationary, `residual` and `radius` both below 1e-10",
}
"""What each means."""


class StepsBy(StrEnum):
    """What took a run's steps."""

    COMPILED = "compiled"
    TORCH = "torch"
    GRAPH = "cuda-graph"
    FUSED = "cuda-fused"


STEPS_BY: dict[StepsBy, str] = {
    StepsBy.COMPILED: "compiled code",
    StepsBy.TORCH: "PyTorch",
    StepsBy.GRAPH: "a CUDA graph",
    StepsBy.FUSED: "the fused kernel",
}
"""What each is."""


class Status(StrEnum):
    """How a run ended, or that it has not."""

    CONVERGED = "converged"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    RUNNING = "running"


RUNNING = Status.RUNNING.value
"""Status of a run in training: it has no result yet."""

FAILED = Status.FAILED.value
"""Status of a run that was lost with its process; it is not stored."""

FINISHED = (Status.CONVERGED.value, Status.STOPPED.value, Status.DIVERGED.value)
"""Statuses that stand: such a run is returned, not made again."""

ENDED_WELL = (Status.CONVERGED.value, Status.STOPPED.value)
"""Statuses of runs that have an end point worth comparing."""
