"""The state of a run on disk: written completely or not at all, read without executing anything.

What is drawn at a step (order of the samples, augmentation, dropout) is a function of the seed and the step, so the
step is the state of all random numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from nccli import __version__
from nccli.e2e.config import E2eConfig
from nccli.errors import InputError
from nccli.measure.tensor_file import read_torch_file, write_torch_file
from nccli.training.paced_file import PacedFile

_FORMAT = 2


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint holds.

    Attributes:
        step: steps taken.
        model: state dictionary.
        momentum: numbers of all trained parameters in the order of the network, one after the other.
        history: rows as the store keeps them.
        elapsed: seconds so far.
        threads: of PyTorch, on which the last bit of a result depends.
    """

    step: int
    model: dict[str, Any]
    momentum: Tensor
    history: list[dict[str, Any]]
    elapsed: float
    threads: int


class RunCheckpoint(PacedFile):
    """Where the state of one run is kept."""

    def save(self, config: E2eConfig, saved: Saved, on_trouble: Callable[[str], None]) -> None:
        """Replace the file by this state; `on_trouble` as `PacedFile.replace` has it."""
        fields = {"format": _FORMAT, "version": __version__, "config": config.as_dict(), **vars(saved)}
        self.replace(partial(write_torch_file, fields), on_trouble)

    def read(self, config: E2eConfig) -> Saved | None:
        """The state of this run; None if there is none.

        Raises:
            InputError: the file is damaged, or of another run or version of nccli.
        """
        if not self.path.exists():
            return None
        fields = read_torch_file(self.path, "checkpoint", ours=True)
        try:
            if (fields.pop("format"), fields.pop("version")) != (_FORMAT, __version__):
                raise InputError(f"the checkpoint {self.path} is of another version of nccli")
            if E2eConfig.from_dict(fields.pop("config")) != config:
                raise InputError(f"the checkpoint {self.path} is of another run")
            return Saved(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"the checkpoint {self.path} cannot be read: {error}") from error


def unshared(state: Any) -> Any:
    """A state whose tensors own their memory: a view would be saved with all that it looks into."""
    if isinstance(state, Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {key: unshared(value) for key, value in state.items()}
    return [unshared(value) for value in state] if isinstance(state, list) else state
