"""Training a batch of runs, from the start or from where it was. PyTorch is loaded only where it is needed."""

from collections.abc import Iterator, Sequence

from nccli.dufm.checkpoint import Checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.loop import Loop
from nccli.dufm.progress import Progress
from nccli.dufm.result import DufmResult
from nccli.dufm.saved import Saved
from nccli.dufm.start import NOWHERE, Points
from nccli.errors import InputError
from nccli.training.watch import Watch


def train(
    configs: Sequence[DufmConfig],
    device: str = "cpu",
    watch: Watch[Progress] | None = None,
    reduction: bool = True,
    checkpoint: Checkpoint | None = None,
    points: Points = NOWHERE,
    trajectory: bool = False,
) -> Iterator[DufmResult]:
    """Train a batch of runs on the full-batch loss (theory sheet, section 1).

    A run that diverges or converges leaves the batch; the others go on.

    Args:
        configs: at least one, with equal `batch_key`.
        device: "cpu" or "cuda".
        watch: who watches.
        reduction: whether a run whose features have collapsed goes on as its class means (`nccli.dufm.reduction`).
        checkpoint: where the state is kept, and removed at the end; None for nowhere.
        points: that runs begin at which name one.
        trajectory: whether histories have singular values and negative shares at every point.

    Yields:
        Each run's result as soon as the run ends.

    Raises:
        InputError: configurations that cannot share a batch, or a point that is not there or of other sizes.
    """
    if len({config.batch_key for config in configs}) != 1:
        raise InputError("runs of different shapes cannot be trained in one batch")
    yield from Loop(Saved.start(configs, device, reduction, points, trajectory), watch or Watch(), checkpoint).run()


def resume(
    saved: Saved,
    configs: Sequence[DufmConfig],
    watch: Watch[Progress] | None = None,
    checkpoint: Checkpoint | None = None,
) -> Iterator[DufmResult]:
    """Go on with those runs of a checkpoint that are wanted, as `train` would have.

    Args:
        saved: from `nccli.dufm.checkpoint.read_checkpoint`; it is not changed.
        configs: the wanted ones.
        watch: who watches.
        checkpoint: where the state is kept.

    Yields:
        As `train`. On the CPU results are those of an undisturbed run, bit for bit.
    """
    yield from Loop(saved.only(configs), watch or Watch(), checkpoint).run()
