"""The state of a run on disk: written completely or not at all, read without executing anything.

What is drawn at a step (order of the samples, augmentation, dropout) is a function of the seed and the step, so the
step is the state of all random numbers.
"""

import pickle
import time
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nccli import __version__
from nccli.atomic import atomic_write
from nccli.e2e.config import E2eConfig
from nccli.errors import InputError
from nccli.training.paced_file import PacedFile

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint holds.

    Attributes:
        step: steps taken.
        model, optimizer: state dictionaries.
        history: rows as the store keeps them.
        elapsed: seconds so far.
        threads: of PyTorch, on which the last bit of a result depends.
    """

    step: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    history: list[dict[str, Any]]
    elapsed: float
    threads: int


class RunCheckpoint(PacedFile):
    """Where the state of one run is kept."""

    def save(self, config: E2eConfig, saved: Saved) -> None:
        """Replace the file by this state.

        Raises:
            OSError: it cannot be written; what was there stays.
        """
        began = time.monotonic()
        fields = {"format": _FORMAT, "version": __version__, "config": config.as_dict(), **vars(saved)}
        with atomic_write(self.path) as file:
            torch.save(fields, file)
        self.written(began)

    def read(self, config: E2eConfig) -> Saved | None:
        """The state of this run; None if there is none.

        Raises:
            InputError: the file is damaged, or of another run or version of nccli.
        """
        if not self.path.exists():
            return None
        fields = read_torch_file(self.path, "checkpoint")
        try:
            if (fields.pop("format"), fields.pop("version")) != (_FORMAT, __version__):
                raise InputError(f"the checkpoint {self.path} is of another version of nccli")
            if E2eConfig.from_dict(fields.pop("config")) != config:
                raise InputError(f"the checkpoint {self.path} is of another run")
            return Saved(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"the checkpoint {self.path} cannot be read: {error}") from error


def read_torch_file(path: Path, what: str) -> Any:
    """Tensors and plain values of a .pt file, on the CPU; anything that would have to be executed is refused.

    Raises:
        InputError: it is missing, damaged, holds other objects, or unpacks to much more than its size.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(part.file_size for part in archive.infolist()) > 2 * path.stat().st_size + 2**20:
                    raise InputError(f"the {what} {path} is compressed, which torch.save never does: it is not read")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch thinks of the file is said below, in one line
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"the {what} {path} is no torch file, or holds Python objects, which are not read from files; "
            "save a state_dict, or tensors"
        ) from error
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"the {what} {path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever the reader of pickles stumbles over in somebody's bytes
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"the {what} {path} is no torch file, or damaged: {reason}") from error
