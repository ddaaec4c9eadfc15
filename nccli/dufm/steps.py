"""Taking steps of a batch: what every way of doing it promises."""

from abc import ABC, abstractmethod

from nccli.catalogue.runs import StepsBy
from nccli.dufm.measurement import Measurement


class Steps(ABC):
    """Takes steps of a batch of NumPy arrays.

    Attributes:
        by: what takes them.
        torch_version: of the PyTorch that takes them; None where it has no part in that.
    """

    by: StepsBy
    torch_version: str | None = None

    @abstractmethod
    def advance(self, first: int, count: int) -> None:
        """Take steps `first` to `first + count − 1` of every run."""

    @abstractmethod
    def sync(self) -> None:
        """Put the present point into the batch, which may lag behind until then."""

    @abstractmethod
    def measure(self) -> Measurement:
        """Measure the present point of every run."""
