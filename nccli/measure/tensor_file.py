"""Tensors in files, .pt and .safetensors; what somebody else made is read without executing anything."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from nccli.errors import InputError


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


def write_torch_file(value: Any, file: BinaryIO) -> None:
    """Write what `read_torch_file` reads. torch.save itself, on a full disk, fails without saying that it is full.

    Raises:
        OSError: it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(value, buffer)
    file.write(buffer.getbuffer())


def read_safetensors(path: Path) -> dict[str, Any]:
    """Tensors of a .safetensors file.

    Raises:
        InputError: it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as safetensors, it may be truncated ({str(error)[:120]})") from error
