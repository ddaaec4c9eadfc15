"""The engine against the ordinary autograd loop and the machine's peak, all measured in one go.

    python tests/bench/dufm_engine.py           the sweep of the README's tour and a few more, as a table
    python tests/bench/dufm_engine.py --all     n, width, K and number of runs in every combination
    python tests/bench/dufm_engine.py --whole   whole runs at n = 50, with what reduction, measuring and states cost
    python tests/bench/dufm_engine.py --json    a JSON record a case

The ordinary loop is what a good researcher would write: one run after the other, torch.optim.SGD with weight decay in
its parameter groups, float32, on as many threads as suit it best. The engine steps all runs at once, as `nccli
train-dufm` does; `plain` is the same without a C compiler. A case's times are medians of interleaved repetitions, so
that a noisy neighbour slows all alike. The peak is that of float32 matrix products of size 2048.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.dufm.batch import Batch
from nccli.dufm.checkpoint import Checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.native import NativeSteps
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.dufm.plain import PlainSteps
from nccli.dufm.train import train
from nccli.training.threads import cores, threads
from tests.oracle.autograd_dufm import OrdinaryDufm

DECAYS = (1e-3, 2e-3, 4e-3, 8e-3)
PEAK_SIZE = 2048


@dataclass(frozen=True)
class Case:
    """Shape and number of runs."""

    K: int
    n: int
    width: int
    runs: int
    L: int = 4

    @property
    def flops(self) -> int:
        """Floating-point operations of one step of one run."""
        return 6 * self.n * self.K * self.width * ((self.L - 1) * self.width + self.K)

    def configs(self) -> list[DufmConfig]:
        """One configuration a run; weight decays as in the demonstration sweep."""
        return [
            DufmConfig(
                self.K, self.L, self.n, self.width, wd, (wd,) * self.L, lr=0.1, steps=1_000_000, seed=run // len(DECAYS)
            )
            for run, wd in ((run, DECAYS[run % len(DECAYS)]) for run in range(self.runs))
        ]


TOUR = (
    Case(K=10, n=1, width=20, runs=20),
    Case(K=10, n=5, width=30, runs=10),
    Case(K=10, n=1, width=64, runs=16),
    Case(K=10, n=10, width=64, runs=16),
    Case(K=10, n=50, width=64, runs=16),
    Case(K=10, n=50, width=64, runs=1),
    Case(K=45, n=1, width=64, runs=16),
    Case(K=45, n=50, width=64, runs=16),
    Case(K=10, n=1, width=256, runs=16),
    Case(K=10, n=50, width=256, runs=16),
)
ALL = tuple(Case(K, n, d, runs) for n, d, K, runs in product((1, 10, 50), (30, 64, 256), (10, 45), (1, 16, 64)))


def microseconds(advance: Callable[[int], None], seconds: float) -> float:
    """Time of one step, over at least so many seconds."""
    count, took = 1, 0.0
    while True:
        began = time.perf_counter()
        advance(count)
        took = time.perf_counter() - began
        if took >= seconds:
            return took / count * 1e6
        count = max(2 * count, int(1.1 * count * seconds / max(took, 1e-6))) if took > 0.01 else 4 * count


def peak_gflops() -> float:
    """Of float32 matrix products on all cores."""
    a, b = torch.randn(PEAK_SIZE, PEAK_SIZE), torch.randn(PEAK_SIZE, PEAK_SIZE)
    out = a @ b
    times = []
    for _ in range(5):
        began = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - began)
    return 2 * PEAK_SIZE**3 / min(times) / 1e9


def measure(case: Case, repetitions: int, seconds: float) -> dict[str, object]:
    """Time the ways of doing one step of all runs."""
    configs = case.configs()
    ordinary = OrdinaryDufm(configs[0])
    many = threads_that_pay(configs[0], case.runs)
    plain = PlainSteps(Batch.start(configs), many)
    steps = make_steps(Batch.start(configs), "cpu", compiled_pays(configs[0], case.runs, cores()), cores(), many)

    def ordinary_steps(count: int) -> None:
        for _ in range(count):
            ordinary.step()

    samples: dict[str, list[float]] = {"ordinary": [], "plain": [], "engine": [], "peak": []}
    for _ in range(repetitions):
        samples["peak"].append(peak_gflops())
        with threads(threads_that_pay(configs[0], 1)):
            samples["ordinary"].append(microseconds(ordinary_steps, seconds))
        samples["plain"].append(microseconds(lambda count: plain.advance(0, count), seconds) / case.runs)
        samples["engine"].append(microseconds(lambda count: steps.advance(0, count), seconds) / case.runs)
    median = {name: statistics.median(values) for name, values in samples.items()}
    gflops = case.flops / median["engine"] / 1e3
    return {
        **{name: getattr(case, name) for name in ("K", "L", "n", "width", "runs")},
        "ordinary_us": median["ordinary"],
        "plain_us": median["plain"],
        "engine_us": median["engine"],
        "ratio": median["ordinary"] / median["engine"],
        "ratio_plain": median["ordinary"] / median["plain"],
        "gflops": gflops,
        "peak_gflops": median["peak"],
        "peak_fraction": gflops / median["peak"],
        "compiled": isinstance(steps, NativeSteps),
        "cores": cores(),
        "torch": torch.__version__,
    }


def whole_runs(steps: int, activation: str) -> dict[str, object]:
    """Runs of the paper's step size and weight decay at n = 50, from start to end, against the ordinary loop.

    What the ordinary loop and the engine without reduction would take is their time of a step, measured before and
    after, times the steps; the reduced sweep is run and timed, its measurements and checkpoints included.
    """
    case = Case(K=10, n=50, width=64, runs=8)
    configs = [
        replace(c, wd_h1=4e-3, wd_layers=(4e-3,) * 4, lr=0.5, steps=steps, seed=i, activation=activation, tol=0.0)
        for i, c in enumerate(case.configs())
    ]
    before = measure(case, 1, 0.5)
    spent = {"measure": 0.0, "save": 0.0}

    def timed(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            began = time.perf_counter()
            try:
                return function(*arguments)
            finally:
                spent[name] += time.perf_counter() - began

        return call

    NativeSteps.measure = timed("measure", NativeSteps.measure)  # type: ignore[method-assign, assignment]
    Checkpoint.save = timed("save", Checkpoint.save)  # type: ignore[method-assign, assignment]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        results = list(train(configs, checkpoint=Checkpoint(Path(folder) / "state.npz")))
        took = time.perf_counter() - began
    after = measure(case, 1, 0.5)

    def total(name: str) -> float:
        return (float(before[name]) + float(after[name])) / 2 * steps * case.runs / 1e6  # type: ignore[arg-type]

    return {
        "whole": activation,
        **{name: getattr(case, name) for name in ("K", "L", "n", "width", "runs")},
        "steps": steps,
        "ordinary_seconds": total("ordinary_us"),
        "unreduced_seconds": total("engine_us"),
        "engine_seconds": took,
        "ratio": total("ordinary_us") / took,
        "collapsed_at": sorted(r.collapsed_at for r in results if r.collapsed_at is not None),
        "measure_fraction": spent["measure"] / took,
        "checkpoint_fraction": spent["save"] / took,
    }


def main() -> None:
    """Measure the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="a JSON record a case")
    parser.add_argument("--all", action="store_true", help="every combination")
    parser.add_argument("--whole", action="store_true", help="whole runs, reduction included")
    parser.add_argument("--steps", type=int, default=200_000, help="of whole runs")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="a measurement, at least")
    options = parser.parse_args()
    if options.whole:
        for activation in ("linear", "relu"):
            record = whole_runs(options.steps, activation)
            print(json.dumps(record) if options.json else "  ".join(f"{k} {v}" for k, v in record.items()), flush=True)
        return
    if not options.json:
        print(" K   n    d  runs   ordinary     plain    engine   ratio  of peak    (µs a run and step)")
    for case in ALL if options.all else TOUR:
        record = measure(case, options.repetitions, options.seconds)
        if options.json:
            print(json.dumps(record), flush=True)
        else:
            print(
                f"{case.K:2} {case.n:3} {case.width:4} {case.runs:5} {record['ordinary_us']:10.1f} "
                f"{record['plain_us']:9.2f} {record['engine_us']:9.2f} {record['ratio']:7.1f} "
                f"{record['peak_fraction']:8.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
