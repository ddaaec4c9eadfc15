"""MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100 by torchvision's files, addresses and checksums."""

import gzip
import math
import os
import zlib
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets
from torchvision.datasets.utils import check_integrity, download_url

from nccli.e2e.images import ImageSet, LabelledImages
from nccli.errors import InputError
from nccli.training.memory import require_memory

_IDX_UINT8 = 0x08
_MOST_BYTES = 2**31
"""A bound, forty times MNIST: a file that says more of itself is none of these sets."""

_COPIES = 9
"""A bound: a file's bytes, and labels as integers of 64 bits."""

_CIFAR = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}
_IDX = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}
NAMES = (*_IDX, *_CIFAR)


def torchvision_set(name: str, folder: Path, download: bool) -> ImageSet:
    """One of `NAMES` from below a root folder, laid out as torchvision does.

    Args:
        name: which.
        folder: torchvision's root.
        download: whether to fetch what is missing.

    Raises:
        InputError: files are missing and cannot be fetched, or are damaged.
    """
    if name in _IDX:
        source = _IDX[name]
        raw = folder / source.__name__ / "raw"
        images, labels, test_images, test_labels = (
            read_idx(_idx_file(raw, source, resource, download)) for resource in source.resources
        )
        train, test = LabelledImages(images[:, None], labels), LabelledImages(test_images[:, None], test_labels)
    else:
        train, test = (_cifar(_CIFAR[name], folder, part, download) for part in (True, False))
    return ImageSet(name, 100 if name == "cifar100" else 10, train, test)


def read_idx(path: Path) -> NDArray[Any]:
    """The array of an IDX file, gzipped or plain; labels come as int64.

    Raises:
        InputError: it is truncated or no IDX file of bytes.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != _IDX_UINT8 or head[3] not in (1, 3):
                raise InputError(f"{path}: not an IDX file of bytes")
            shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(head[3]))
            size = math.prod(shape)
            if size > _MOST_BYTES:
                raise InputError(f"{path}: its header asks for {size} bytes, more than any set of this kind has")
            require_memory(path.name, _COPIES * size, "a smaller file")
            data = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read, it may be truncated ({error})") from error
    if len(data) != size:
        raise InputError(f"{path}: truncated or too long: {len(data)} bytes where its header says {size}")
    array = np.frombuffer(data, np.uint8).reshape(shape)
    return array.astype(np.int64) if array.ndim == 1 else array


def _idx_file(raw: Path, source: type[datasets.MNIST], resource: tuple[str, str], download: bool) -> Path:
    """Where a file is: the archive with its checksum right, or else as it was unpacked."""
    name, md5 = resource
    archive, unpacked = raw / name, raw / name.removesuffix(".gz")
    if archive.is_file():
        if check_integrity(str(archive), md5):
            return archive
        if not unpacked.is_file() and not download:
            raise InputError(f"{archive}: damaged, its checksum is wrong: delete it and download it again")
    if unpacked.is_file():
        return unpacked
    wanted = f"put {', '.join(name for name, _ in source.resources)} into {raw}"
    if not download:
        raise InputError(f"no {name} in {raw}, and --no-download was given: {wanted}")
    reasons = []
    for mirror in source.mirrors:
        reason = _fetched(partial(download_url, mirror + name, str(raw), name, md5))
        if reason is None:
            return archive
        reasons.append(reason)
    raise InputError(f"{name} cannot be downloaded ({reasons[-1]}): {wanted}, or choose another --data-dir")


def _cifar(source: type[datasets.CIFAR10], folder: Path, train: bool, download: bool) -> LabelledImages:
    """torchvision checks the checksum of every file before it unpickles it."""

    def load() -> None:
        found.append(source(str(folder), train=train, download=False))

    found: list[datasets.CIFAR10] = []
    wanted = f"put {source.filename} or the folder {source.base_folder} into {folder}"
    if _fetched(load) is not None:
        if not download and not (folder / source.filename).is_file():
            raise InputError(f"no sound {source.base_folder} in {folder}, and --no-download was given: {wanted}")
        reason = _fetched(lambda: source(str(folder), train=train, download=True)) or _fetched(load)
        if reason is not None:
            raise InputError(f"{source.filename} cannot be downloaded or unpacked ({reason}): {wanted}")
    data: Any = found[0].data
    return LabelledImages(np.ascontiguousarray(data.transpose(0, 3, 1, 2)), np.asarray(found[0].targets, np.int64))


def _fetched(get: Callable[[], object]) -> str | None:
    """Call something that prints and may fail in many ways; the reason if it does."""
    try:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
            get()
    except (OSError, RuntimeError, EOFError, ValueError, zlib.error) as error:
        return " ".join(str(error).split())[:120]
    return None
