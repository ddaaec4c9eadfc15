"""How often `nccli.metrics.drift` is right that a run has settled, against runs that go on to ten times as long.

    python tests/bench/settled_runs.py                       some ten minutes: three settings, ends at 10, 40 and 100
    python tests/bench/settled_runs.py --setting figure-2    K = 10, L = 4, d = 30, n = 10: a minute a seed
    python tests/bench/settled_runs.py --seeds 300..319      other seeds; those below 160 set the thresholds
    python tests/bench/settled_runs.py --ends 40,100,400     time constants of weight decay at which a run is judged

Wrong is a run called settled whose outcome, or rank of any layer and stage, is another one at ten times its time; found
is the share that is called settled of the runs where both stay.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.catalogue.stages import Stage, deciding_layers
from nccli.dufm.config import DufmConfig
from nccli.dufm.result import DufmResult
from nccli.dufm.train import train
from nccli.metrics import LayerFindings, LayerMetrics, run_outcome
from nccli.metrics.drift import drift


def config(K: int, L: int, n: int, width: int, wd: float) -> DufmConfig:
    """A setting at step size ½."""
    return DufmConfig(K=K, L=L, n=n, width=width, wd_h1=wd, wd_layers=(wd,) * L, lr=0.5, steps=1, seed=0, tol=0.0)


SETTINGS = {
    "small": config(6, 4, 1, 12, 4e-3),
    "one-sample": config(10, 4, 1, 30, 4e-3),
    "strong": config(10, 4, 1, 30, 8e-3),
    "weak": config(10, 4, 1, 30, 1e-3),
    "three-layers": config(15, 3, 1, 30, 4e-3),
    "figure-2": config(10, 4, 10, 30, 4e-3),
}
DEFAULT = ("small", "one-sample", "strong")


@dataclass(frozen=True)
class Verdict:
    """What was said of a run at an end, and what was true."""

    end: int
    settled: bool
    stays: bool


def main() -> None:
    """Judge every seed at every end, and print the two rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, action="append", help="one or more; three by default")
    parser.add_argument("--seeds", default="200..219", help="first..last")
    parser.add_argument("--ends", default="10,40,100", help="time constants")
    asked = parser.parse_args()
    first, last = map(int, asked.seeds.split(".."))
    ends = [int(end) for end in asked.ends.split(",")]
    found: list[Verdict] = []
    print(f"{'':14} {'end':>5} {'runs':>5} {'stay':>5} {'settled':>8} {'wrong':>6} {'found':>6}")
    for name in asked.setting or DEFAULT:
        configs = [replace(SETTINGS[name], seed=seed) for seed in range(first, last + 1)]
        verdicts = list(judged(configs, ends))
        for end in ends:
            print_rates(name, str(end), [verdict for verdict in verdicts if verdict.end == end])
        found += verdicts
    print_rates("all", "", found)


def judged(configs: Sequence[DufmConfig], ends: Sequence[int]) -> Iterator[Verdict]:
    """Every run judged at every end."""
    by_time = {time: results(configs, time) for time in sorted({*ends, *(10 * end for end in ends)})}
    for end in ends:
        for now, later in zip(by_time[end], by_time[10 * end], strict=True):
            times = np.array([point.step for point in now.history]) / now.config.decay_time
            spectra = np.array([point.singular_values for point in now.history])
            found = drift(times, np.array([point.loss for point in now.history]), spectra)
            yield Verdict(end, found.settled, became(now) == became(later))


def results(configs: Sequence[DufmConfig], time: int) -> list[DufmResult]:
    """The runs at so many time constants, in the order of their seeds."""
    steps = round(time * configs[0].decay_time)
    ended = train([replace(config, steps=steps) for config in configs], trajectory=True)
    return sorted(ended, key=lambda result: result.config.seed)


def became(result: DufmResult) -> tuple[object, ...]:
    """Outcome, and ranks of all layers and stages."""
    layers, config = {Stage(layer.layer, layer.stage): layer for layer in result.layers}, result.config
    last = layers[Stage(config.L, "post")]
    deciding = [findings(layers[stage]) for stage in deciding_layers(config.L)]
    outcome = run_outcome(config.K, deciding, findings(last), last.classes_kept)
    return outcome, *(layer.rank for layer in result.layers)


def findings(layer: LayerMetrics) -> LayerFindings:
    """What decides of a layer."""
    return LayerFindings(layer.rank, layer.structure.name.lower())


def print_rates(name: str, end: str, verdicts: Sequence[Verdict]) -> None:
    """A line of the table."""
    stay, called = (sum(getattr(verdict, what) for verdict in verdicts) for what in ("stays", "settled"))
    right = sum(verdict.settled and verdict.stays for verdict in verdicts)
    wrong, found = (f"{100 * a / b:.1f}%" if b else "-" for a, b in ((called - right, called), (right, stay)))
    print(f"{name:14} {end:>5} {len(verdicts):5} {stay:5} {called:8} {wrong:>6} {found:>6}", flush=True)


if __name__ == "__main__":
    main()
