"""The state of a batch on disk: written completely or not at all, seldom enough not to be felt."""

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nccli import __version__
from nccli.dufm.saved import Saved
from nccli.errors import InputError
from nccli.training.paced_file import PacedFile

_FORMAT = 2
_HEADER = "header"


class Checkpoint(PacedFile):
    """Where the state of one batch is kept."""

    def save(self, saved: Saved, on_trouble: Callable[[str], None]) -> None:
        """Replace the file by this state; `on_trouble` as `PacedFile.replace` has it."""
        header = np.frombuffer(json.dumps({"format": _FORMAT, "version": __version__}).encode(), np.uint8)
        arrays: dict[str, Any] = {_HEADER: header, **saved.arrays()}
        self.replace(lambda file: np.savez(file, **arrays), on_trouble)


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
            return Saved.of({name: file[name] for name in file.files if name != _HEADER})
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
