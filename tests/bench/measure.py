"""What measuring costs in processor time and memory, beside plain NumPy formulas in the same run.

    python tests/bench/measure.py                    a file, a stream and a network, as a table
    python tests/bench/measure.py --small            a tenth of the samples
    python tests/bench/measure.py --only stream      one of file, stream, network
    python tests/bench/measure.py --json             a JSON record a line

file: `nccli measure` of 50,000 × 512 float32 features of 100 classes, the whole command, against NumPy that reads the
file and forms class means and Σ_W in float32; `start` is what the command takes for a file of 200 samples. stream:
200,000 × 2048 features of 1,000 classes in batches of 256, one pass in float64, against two passes of plain formulas in
float32, class means by a matrix of memberships first, Σ_W second; making the features is not counted. network:
torchvision's resnet18 over 512 images of 64 × 64, all modules by hooks, against the same forward passes without.

Each is a process of its own with one thread; seconds are of processor, memory is the most that was resident, `ratio` is
over the reference.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STREAM, FILE, IMAGES = (200_000, 2048, 1000, 256), (50_000, 512, 100), (512, 64)
"""N, d, K and batch; N, d, K; images and their size."""


def _features(N: int, d: int, K: int, seed: int) -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, N)
    means = np.random.default_rng(1).normal(size=(K, d)).astype(np.float32)
    return means[labels] + rng.standard_normal((N, d), dtype=np.float32), labels


def file_start(folder: Path, scale: int) -> None:
    """The whole command, for a file of next to nothing."""
    import numpy as np

    from nccli.cli.entry import run

    X, labels = _features(200, 8, 4, 0)
    np.savez(folder / "few.npz", features=X, labels=labels)
    run(["measure", str(folder / "few.npz"), "--store", str(folder / "few.db"), "--quiet"])


def file_plain(folder: Path, scale: int) -> None:
    """NumPy reads the file and forms class means and Σ_W."""
    import numpy as np

    with np.load(folder / "features.npz") as file:
        X, labels = file["features"], file["labels"]
    means = np.stack([X[labels == k].mean(axis=0) for k in range(int(labels.max()) + 1)])
    offsets = X - means[labels]
    print(np.trace(offsets.T @ offsets / len(X)))


def file_nccli(folder: Path, scale: int) -> None:
    """The whole command."""
    from nccli.cli.entry import run

    run(["measure", str(folder / "features.npz"), "--store", str(folder / "runs.db"), "--quiet"])


def stream_made(folder: Path, scale: int) -> None:
    """Making the features alone, as the other two do."""
    N, d, K, B = STREAM
    for seed in range(N // scale // B):
        _features(B, d, K, seed)


def stream_plain(folder: Path, scale: int) -> None:
    """Two passes in float32, as the formulas stand."""
    import numpy as np

    N, d, K, B = STREAM
    sums, counts, scatter = np.zeros((K, d), np.float32), np.zeros(K, np.float32), np.zeros((d, d), np.float32)
    for seed in range(N // scale // B):
        X, labels = _features(B, d, K, seed)
        member = np.zeros((K, B), np.float32)
        member[labels, np.arange(B)] = 1
        sums += member @ X
        counts += member.sum(axis=1)
    means = sums / np.maximum(counts, 1)[:, None]
    for seed in range(N // scale // B):
        X, labels = _features(B, d, K, seed)
        offsets = X - means[labels]
        scatter += offsets.T @ offsets
    print(scatter[0, 0] / N)


def stream_nccli(folder: Path, scale: int) -> None:
    """One pass in float64."""
    import torch

    from nccli.measure.streaming import StreamingStatistics

    torch.set_num_threads(1)
    N, d, K, B = STREAM
    found = StreamingStatistics(K, d)
    for seed in range(N // scale // B):
        X, labels = _features(B, d, K, seed)
        found.add(torch.from_numpy(X), torch.from_numpy(labels))
    print(found.result(absent=True).dnc1)


def _network(scale: int) -> tuple[Any, Any]:
    import numpy as np
    import torch
    from torchvision.models import resnet18

    from nccli.e2e.device_images import DeviceImages
    from nccli.e2e.images import LabelledImages

    torch.set_num_threads(1)
    torch.manual_seed(0)
    count, size = IMAGES[0] // scale, IMAGES[1]
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    return resnet18(num_classes=10).eval(), DeviceImages(LabelledImages(pixels, np.arange(count) % 10), "cpu")


def network_plain(folder: Path, scale: int) -> None:
    """Forward passes alone."""
    import numpy as np
    import torch

    network, data = _network(scale)
    with torch.no_grad():
        for index in np.array_split(np.arange(len(data)), -(-len(data) // 64)):
            network(data.pixels(index, True)[0])


def network_nccli(folder: Path, scale: int) -> None:
    """All modules measured."""
    from nccli.measure.own_network import measure_network

    network, data = _network(scale)
    print(len(measure_network(network, data, 10, None, "flatten", "unit").layers))


CASES: dict[str, list[Callable[[Path, int], None]]] = {
    "file": [file_start, file_plain, file_nccli],
    "stream": [stream_made, stream_plain, stream_nccli],
    "network": [network_plain, network_nccli],
}
"""By what is measured; the last is nccli, the one before the reference, one before that what neither is about."""


def _alone(case: str, place: int, folder: Path, scale: int) -> dict[str, float]:
    """Seconds and MB of a case in a process of its own."""
    line = [sys.executable, __file__, "--case", case, str(place), str(folder), str(scale)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    ended = subprocess.run(line, env={**os.environ, **one}, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _run_case(case: str, place: int, folder: Path, scale: int) -> None:
    CASES[case][place](folder, scale)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024}))


def main() -> None:
    """Measure, and print a record a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(CASES))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        case, place, folder, scale = options.case
        _run_case(case, int(place), Path(folder), int(scale))
        return
    scale = 10 if options.small else 1
    for case, functions in CASES.items():
        if options.only not in (None, case):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if case == "file":
                import numpy as np

                N, d, K = FILE
                X, labels = _features(N // scale, d, K, 0)
                np.savez(folder / "features.npz", features=X, labels=labels)
            found = [_alone(case, place, folder, scale) for place in range(len(functions))]
        first = found[0]["seconds"] if len(functions) > 2 else 0.0
        reference, own = found[-2], found[-1]
        # the plain formulas make the features of the stream once for each pass, and read the file without our start
        plain = reference["seconds"] - (2 * first if case == "stream" else 0.0)
        seconds = own["seconds"] - (first if case == "stream" else 0.0)
        record = {
            "case": case,
            "seconds": round(seconds, 2),
            "plain_seconds": round(plain, 2),
            "ratio": round(seconds / plain, 3),
            **({"start": round(first, 2)} if case == "file" else {}),
            "mb": round(own["mb"]),
            "plain_mb": round(reference["mb"]),
        }
        if options.json:
            print(json.dumps(record), flush=True)
        else:
            print("  ".join(f"{key} {value}" for key, value in record.items()), flush=True)


if __name__ == "__main__":
    main()
