"""The state of a batch on disk: written completely or not at all, seldom enough not to be felt."""

import json
import math
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nccli import __version__
from nccli.atomic import atomic_write
from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.training.paced_file import PacedFile

_FORMAT = 1
_HEADER = "header"


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint holds.

    Attributes:
        configs: of all runs of the batch, those that have ended too.
        header: the plain values of `nccli.dufm.train`'s loop.
        arrays: its arrays.
    """

    configs: tuple[DufmConfig, ...]
    header: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def device(self) -> str:
        """Where the batch is trained."""
        return str(self.header["device"])

    @property
    def reduction(self) -> bool:
        """Whether its runs may go on as their class means."""
        return bool(self.header["reduction"])

    @property
    def step(self) -> int:
        """Steps taken by the runs that had not ended."""
        return int(self.header["step"])

    @property
    def going(self) -> list[int]:
        """Places of the runs that had not ended."""
        return [run for name, runs in self.arrays.items() if name.endswith("_runs") for run in runs.tolist()]


class Checkpoint(PacedFile):
    """Where the state of one batch is kept."""

    def save(self, configs: tuple[DufmConfig, ...], header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Replace the file by this state.

        Raises:
            OSError: it cannot be written; what was there stays.
        """
        began = time.monotonic()
        fields = {"format": _FORMAT, "version": __version__, "configs": [c.as_dict() for c in configs], **header}
        text = np.frombuffer(json.dumps(fields).encode(), np.uint8)
        with atomic_write(self.path) as file:
            np.savez(file, **{_HEADER: text}, **arrays)  # type: ignore[arg-type]  # numpy types the first keyword as a flag
        self.written(began)


def read_checkpoint(path: Path) -> Saved:
    """Read a checkpoint.

    Raises:
        InputError: it is not one, is damaged, or was made by another version of nccli.
    """
    try:
        _require_bounded(path)
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            header = json.loads(file[_HEADER].tobytes())
            if (header["format"], header["version"]) != (_FORMAT, __version__):
                raise InputError(f"the checkpoint {path} is of another version of nccli")
            configs = tuple(DufmConfig.from_dict(fields) for fields in header["configs"])
            return Saved(configs, header, {name: file[name] for name in file.files if name != _HEADER})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"the checkpoint {path} cannot be read: {error}") from error


def _require_bounded(path: Path) -> None:
    """Refuse a file whose arrays would be larger than itself: numpy allocates what their headers say.

    Raises:
        ValueError: it is compressed, or a header says more than there is.
    """
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > path.stat().st_size:
                raise ValueError(f"{member.filename} is compressed")
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                if math.prod(shape) * dtype.itemsize > member.file_size:
                    raise ValueError(f"{member.filename} says that it is larger than the file")
