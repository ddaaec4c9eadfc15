"""`--targets`: what outputs are held to, from a file."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig


def with_targets(configs: "Sequence[DufmConfig]", path: Path) -> "list[DufmConfig]":
    """The runs, held to the array `targets` of a file: K × K, the rows targets of classes, or N × K, of samples.

    Samples are in the order of classes, n of each.

    Raises:
        InputError: a file that cannot be read, or targets of other sizes.
    """
    import numpy as np

    from nccli.dufm.targets import by_class, make_known

    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"--targets '{path}': not a regular file")
    try:
        with np.load(path, allow_pickle=False) as file:
            values = np.asarray(file["targets"])
    except (OSError, ValueError, EOFError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no .npz file with `targets`"
        raise InputError(f"--targets '{path}': {why}") from error
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise InputError(f"--targets '{path}': targets must be a matrix of finite numbers")
    for config in configs:
        if values.shape not in ((config.K, config.K), (config.N, config.K)):
            sizes = f"{config.K} × {config.K}, or N = {config.N} × {config.K}"
            raise InputError(f"--targets '{path}': {values.shape[0]} × {values.shape[1]}, and the run needs {sizes}")
    values = values.astype(np.float64)
    return [
        replace(config, targets_print=make_known(by_class(values, config.problem.class_sizes))) for config in configs
    ]
