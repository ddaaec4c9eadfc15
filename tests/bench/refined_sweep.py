"""How many ends of descent are certified, at what cost, and why the others are not.

    python tests/bench/refined_sweep.py                              Figure 2's settings, seeds 40 to 59
    python tests/bench/refined_sweep.py --K 15 --first 0 --count 20
    python tests/bench/refined_sweep.py --wd 2e-3,3e-3,6e-3,4e-3,2.5e-3 --activation relu-last

Descent, settling (Nesterov's method on the class means, with a step that falls to 0) and refining are timed apart, each
as processor time a run and as wall time on all cores. Ratios are of refining to descent.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.placement import make_steps
from nccli.dufm.refined import Point, RefinedProblem, refine_all
from nccli.training.threads import cores

MOMENTUM = 0.98
BOUNDS = (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)


def main() -> None:
    """Descend, settle, refine; a line a run, and a summary."""
    given = _options()
    configs = [_config(given, seed) for seed in range(given.first, given.first + given.count)]
    began = time.perf_counter()
    descended = _advanced(Batch.start(configs))
    middle = time.perf_counter()
    means = descended if descended.reduced else descended.collapsed()
    settling = [
        replace(c, steps=given.settle, optimizer="nesterov", momentum=MOMENTUM, schedule="cosine") for c in configs
    ]
    start = means.parameters.each(lambda array: array.astype(configs[0].dtype))
    settled = _advanced(Batch.at(settling, start, reduced=True))
    ready = time.perf_counter()
    losses = _losses(descended)
    points = [_point(config, settled, i, loss) for i, (config, loss) in enumerate(zip(configs, losses, strict=True))]
    found = {}
    for place, point in refine_all(points, workers=given.workers):
        found[place] = point
        seed = configs[place].seed
        print(f"{seed} loss {losses[place]:.10f} -> {point.loss:.12f} residual {point.residual:.1e} ", end="")
        print(f"radius {point.radius:.1e} kinks {point.kinks} Hessians {point.iterations} {point.reason}", flush=True)
    over = time.perf_counter()
    residuals = np.array([point.residual for point in found.values()])
    print(f"certified {sum(point.certified for point in found.values())} of {len(found)}; ", end="")
    print("residuals below " + ", ".join(f"{bound:g}: {(residuals < bound).sum()}" for bound in BOUNDS))
    print(f"above the start: {sum(found[i].loss > losses[i] for i in found)}; ", end="")
    print(f"Hessians a run, median {statistics.median(point.iterations for point in found.values()):.0f}")
    print(f"descent {middle - began:.1f} s, settling {ready - middle:.1f} s, refining {over - ready:.1f} s ", end="")
    print(f"on {cores()} cores; refining over descent {(over - ready) / (middle - began):.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind, default in (
        ("K", int, 10),
        ("L", int, 4),
        ("n", int, 10),
        ("width", int, 30),
        ("lr", float, 0.5),
        ("steps", int, 50_000),
        ("settle", int, 100_000),
        ("first", int, 40),
        ("count", int, 20),
        ("workers", int, None),
        ("wd", str, "4e-3"),
        ("activation", str, "relu"),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    return parser.parse_args()


def _config(given: argparse.Namespace, seed: int) -> DufmConfig:
    wd = [float(value) for value in given.wd.split(",")]
    wd_h1, *wd_layers = wd if len(wd) > 1 else wd * (given.L + 1)
    shape = {"K": given.K, "L": given.L, "n": given.n, "width": given.width, "activation": given.activation}
    decay = {"wd_h1": wd_h1, "wd_layers": tuple(wd_layers)}
    return DufmConfig(**shape, **decay, lr=given.lr, steps=given.steps, seed=seed)


def _advanced(batch: Batch) -> Batch:
    steps = make_steps(batch, "cpu", True, cores(), 1)
    steps.advance(0, batch.configs[0].steps)
    steps.sync()
    return batch.double()


def _losses(batch: Batch) -> list[float]:
    network = Network(batch)
    return [float(loss) for loss in np.asarray(network.fit() + network.reg())]


def _point(config: DufmConfig, batch: Batch, run: int, loss: float) -> Point:
    X, *V = (np.asarray(array[run]) for array in batch.parameters.all)
    wd = (config.wd_h1, *config.wd_layers)
    problem = RefinedProblem(config.K, config.n, config.width, wd, config.activation, config.objective)
    return Point(problem, X.T, [np.ascontiguousarray(v.T) for v in V], loss)


if __name__ == "__main__":
    main()
