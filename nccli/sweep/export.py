"""Points as files for other programs."""

from typing import BinaryIO

import numpy as np

from nccli.catalogue.stages import When
from nccli.errors import InputError
from nccli.store import BIASES, Store, select_matrices, select_runs
from nccli.sweep.constructions import require_room
from nccli.theory import Solution


def export_point(file: BinaryIO, solution: Solution, width: int) -> None:
    """Write the explicit matrices of a solution as .npz.

    Arrays, in the paper's orientation: W_1..W_L, H_1 (d × N), labels (N), class means M_1..M_L and Mt_2..Mt_L (d × K),
    and loss, fit, reg.

    Raises:
        InputError: the width is too small, or the matrices do not fit into memory.
        OSError: the file cannot be written.
    """
    require_room(solution, width)
    weights, features = solution.matrices(width)
    problem = solution.problem
    arrays = {f"W_{i}": W for i, W in enumerate(weights, 1)}
    arrays |= {"H_1": features, "labels": np.repeat(np.arange(problem.K), problem.class_sizes)}
    arrays["M_1"] = features[:, problem.first_samples]
    for layer, W in enumerate(weights[:-1], 2):
        arrays[f"Mt_{layer}"] = W @ arrays[f"M_{layer - 1}"]
        arrays[f"M_{layer}"] = solution.problem.activated(arrays[f"Mt_{layer}"])
    scalars = {name: np.array(getattr(solution, name)) for name in ("loss", "fit", "reg")}
    np.savez(file, **arrays, **scalars)  # type: ignore[arg-type]  # numpy types the first keyword as a flag


def export_run(file: BinaryIO, store: Store, key: str) -> None:
    """Write the matrices that the store keeps of a run as .npz, by the names of `export_point`.

    Arrays: W_1..W_L where the weights are kept, b_l of those with a bias, class means M_1..M_L and Mt_2..Mt_L (d × K),
    loss, fit, reg. H_1 is not kept sample by sample: M_1 are its class means.

    Args:
        file: to write.
        store: that has it.
        key: its id.

    Raises:
        InputError: nothing of it is kept.
        OSError: the file cannot be written.
    """
    with store.read() as connection:
        (run,) = select_runs(connection, [key])
        weights = select_matrices(connection, key, "weights")
        biases = select_matrices(connection, key, BIASES)
        means = select_matrices(connection, key, "class_means")
    arrays = {f"W_{stage.layer}": W for stage, W in weights.items()}
    arrays |= {f"b_{stage.layer}": b[:, 0] for stage, b in biases.items()}
    arrays |= {f"{'Mt' if stage.stage == When.PRE else 'M'}_{stage.layer}": M for stage, M in means.items()}
    if not arrays:
        raise InputError(f"run {key} has no matrices: it diverged, or was merged without them")
    scalars = {name: np.array(run[name]) for name in ("loss", "fit", "reg")}
    np.savez(file, **arrays, **scalars)  # type: ignore[arg-type]  # numpy types the first keyword as a flag
