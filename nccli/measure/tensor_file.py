"""Tensors in files, .pt and .safetensors; what somebody else made is read without executing anything."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.training.memory import require_memory

_COPIES = 3
"""A bound: a tensor as float64, as a matrix, and what is computed of it at once."""

_NUMPY = (torch.float16, torch.float32, torch.float64)
"""Types of floats that NumPy has too."""


def read_torch_file(path: Path, what: str, ours: bool = False) -> Any:
    """Tensors and plain values of a .pt file, on the CPU; anything that would have to be executed is refused.

    Args:
        path: the file.
        what: it is, in words.
        ours: whether nccli wrote it, and every part must fit its checksum; others may write files without any.

    Raises:
        InputError: it is missing, damaged, holds other objects, or unpacks to much more than its size.
    """
    try:
        if ours or zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(each.file_size for each in archive.infolist()) > 2 * path.stat().st_size + 2**20:
                    raise InputError(f"the {what} {path} is compressed, which torch.save never does: it is not read")
                if ours and (part := archive.testzip()) is not None:
                    raise InputError(f"the {what} {path} is damaged: {part} does not fit its checksum")
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


def require_plain(part: Any, what: str) -> None:
    """Refuse what is no tensor, and tensors that have not a number of their own for every entry.

    Raises:
        InputError: it is one of these.
    """
    if not isinstance(part, torch.Tensor):
        raise InputError(f"{what} is {type(part).__name__}, not a tensor")
    for is_so, kind, way_out in (
        (part.is_meta, "a meta tensor, which has a shape and no values", "save the tensor itself"),
        (part.is_nested, "a nested tensor", "save tensors of one shape"),
        (part.layout is not torch.strided, f"a tensor of layout {part.layout}", "save its .to_dense()"),
        (part.is_quantized, f"quantised ({part.dtype})", "save its .dequantize()"),
    ):
        if is_so:
            raise InputError(f"{what} is {kind}: {way_out}")


def plain_array(part: Any, what: str, wide: bool = True) -> NDArray[Any]:
    """A tensor of a file as an array.

    Args:
        part: the tensor.
        what: it is, in words.
        wide: whether floats come as float64; else as they are, those that NumPy has not as float32.

    Raises:
        InputError: as `require_plain`; or it is of a type that NumPy has not, or does not fit into memory.
    """
    require_plain(part, what)
    shape = tuple(part.shape)
    require_memory(f"{what}, of shape {shape},", _COPIES * 8 * part.numel(), "choose fewer samples or a smaller layer")
    try:
        plain = part.detach()
        if plain.is_floating_point():
            plain = plain.double() if wide else plain if plain.dtype in _NUMPY else plain.float()
        found: NDArray[Any] = plain.numpy()
    except (TypeError, RuntimeError) as error:
        raise InputError(f"{what} is {part.dtype}, which cannot be read: save it as float32") from error
    return found


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
