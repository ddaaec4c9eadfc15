"""Taking steps of an engine: what every way of doing it promises, and the plain way."""

from abc import ABC, abstractmethod

from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, measure


class Steps(ABC):
    """Takes steps of an engine."""

    @abstractmethod
    def advance(self, first: int, count: int) -> None:
        """Take steps `first` to `first + count − 1` of every run."""

    @abstractmethod
    def sync(self) -> None:
        """Put the present point into the engine's parameters, which may lag behind until then."""

    @abstractmethod
    def measure(self) -> Measurement:
        """Measure the present point of every run."""


class PlainSteps(Steps):
    """`Engine.step`, one after the other, by PyTorch."""

    def __init__(self, engine: Engine) -> None:
        """The engine to advance."""
        self._engine = engine

    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        paces = self._engine.configs[0].paces(first, count)
        self._engine.advance(count, None if paces is None else paces.tolist())

    def sync(self) -> None:
        """Nothing to do: the engine's parameters are where the steps happen."""

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        return measure(self._engine)
