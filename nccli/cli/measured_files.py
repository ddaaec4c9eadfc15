"""Files of features, each measured as a run."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli.cli.measuring import Subject, say_what
from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.measure.checkpoints import Checkpoint

if TYPE_CHECKING:
    from nccli.store import FinishedRun


def file_subjects(
    checkpoint: Checkpoint, place: dict[str, Any], labels: Path | None, pool: str, quiet: bool, ood: Path | None = None
) -> list[Subject]:
    """The one run that a file of features is.

    Args:
        checkpoint: the file.
        place: of its run in a series.
        labels: file of the labels, if they are not in it.
        pool: what to do with features of more than one axis.
        quiet: no notes.
        ood: file of out-of-distribution features.

    Raises:
        InputError: as `read_features`.
    """
    from nccli.measure.feature_file import read_features
    from nccli.measure.feature_layers import measure_features
    from nccli.measure.named_arrays import arrays_in
    from nccli.sweep import content_fingerprint, measured_run

    path = checkpoint.path
    found = read_features(path, labels)
    for remark in found.remarks:
        note(remark, quiet)
    config = {"source": path.name, "data": content_fingerprint(*found.arrays), "pool": pool}
    config |= {} if ood is None else {"ood": content_fingerprint(*arrays_in(ood).values())}

    def go() -> "FinishedRun":
        began = time.perf_counter()
        layers, skipped, said = measure_features(found, pool, ood)
        names = [layer.name or "" for layer in layers]
        say_what(path.name, names, skipped, quiet)
        for remark in said:
            note(f"{path.name}: {remark}", quiet)
        if not layers:
            raise InputError(f"{path}: no layer could be measured: {next(iter(skipped.values()))}")
        n = len(found.labels) // found.K
        whole = {**config, "layers": ",".join(names)}
        return measured_run("features", layers, n, whole, time.perf_counter() - began, dataset=path.name)

    return [Subject("features", config, go, path.name, place)]
