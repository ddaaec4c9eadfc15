"""The processes that train together, as whoever trains sees them; by itself a process is a group of one."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

V = TypeVar("V")


class Group:
    """A group of one, for which nothing has to be told to anybody; `nccli.e2e.distributed` has larger ones.

    Attributes:
        rank: of this process.
        size: how many there are.
    """

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this process stores and prints."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        return flag

    def from_leader(self, value: Any) -> Any:
        """The leader's value, everywhere."""
        return value

    def leader_does(self, work: Callable[[], V]) -> V | None:
        """Work that only the leader does; None elsewhere. If it fails all processes end, and the leader says why.

        Raises:
            NccliError: what the work raised; without a message in processes that do not lead.
        """
        return work()

    def leader_first(self, work: Callable[[], V]) -> V:
        """Work that leaves files behind: the leader does it, then the others."""
        return work()

    def total(self, values: list[float], device: str) -> list[float]:
        """Sums over the processes."""
        return values

    def add_up(self, tensor: Any) -> None:
        """Replace a tensor by its sum over the processes."""

    def share(self, tensors: Sequence[Any]) -> None:
        """Replace tensors by those of the leader."""

    def merged(self, statistics: Any) -> Any:
        """Statistics of one layer over all processes."""
        return statistics

    def device(self, name: str) -> str:
        """What this process calls the device "cpu" or "cuda" of all."""
        return name
