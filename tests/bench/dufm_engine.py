"""The batched engine against the ordinary autograd loop, both measured in one go.

    python tests/bench/dufm_engine.py           a table
    python tests/bench/dufm_engine.py --json    a JSON record a case

The ordinary loop is what a good researcher would write: one run after the other, torch.optim.SGD with weight decay in
its parameter groups, float32. Its time for all runs is that of one run times their number; the engine's is that of the
whole batch. Both are medians of interleaved repetitions, so that a noisy neighbour slows both, and both use as many
threads as suit their size: on more, the ordinary loop is slower, and many times so on a busy machine.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.train import threads_for
from tests.oracle.autograd_dufm import OrdinaryDufm

DECAYS = (1e-3, 2e-3, 4e-3, 8e-3)


@dataclass(frozen=True)
class Case:
    """Shape and number of runs."""

    name: str
    K: int
    L: int
    n: int
    width: int
    runs: int

    def configs(self) -> list[DufmConfig]:
        """One configuration a run; weight decays as in the demonstration sweep."""
        return [
            DufmConfig(
                self.K, self.L, self.n, self.width, wd, (wd,) * self.L, lr=0.5, steps=1_000_000, seed=run // len(DECAYS)
            )
            for run, wd in ((run, DECAYS[run % len(DECAYS)]) for run in range(self.runs))
        ]


CASES = (
    Case("demo sweep", K=10, L=4, n=1, width=20, runs=20),
    Case("Figure 2", K=10, L=4, n=5, width=30, runs=10),
    Case("one run", K=10, L=4, n=1, width=20, runs=1),
)


def microseconds(step: Callable[[], None], seconds: float) -> float:
    """Time of one step, over about so many seconds."""
    steps, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for _ in range(10):
            step()
        steps += 10
    return took / steps * 1e6


def measure(case: Case, repetitions: int, seconds: float) -> dict[str, object]:
    """Time both ways of doing one step of all runs."""
    configs = case.configs()
    ordinary, engine = OrdinaryDufm(configs[0]), Engine.start(configs, "cpu")

    def engine_time() -> float:
        with torch.no_grad(), threads_for(configs):
            return microseconds(engine.step, seconds)

    def ordinary_time() -> float:
        with threads_for(configs[:1]):
            return microseconds(ordinary.step, seconds)

    ordinary_time()
    engine_time()
    pairs = [(ordinary_time(), engine_time()) for _ in range(repetitions)]
    one = statistics.median(pair[0] for pair in pairs)
    batch = statistics.median(pair[1] for pair in pairs)
    return {
        "case": case.name,
        **{name: getattr(case, name) for name in ("K", "L", "n", "width", "runs")},
        "ordinary_us_per_run_step": one,
        "engine_us_per_run_step": batch / case.runs,
        "ratio": one * case.runs / batch,
        "ratios": [a * case.runs / b for a, b in pairs],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="a JSON record a case")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="a measurement")
    options = parser.parse_args()
    for case in CASES:
        record = measure(case, options.repetitions, options.seconds)
        if options.json:
            print(json.dumps(record), flush=True)
        else:
            print(
                f"{record['case']:12} {record['runs']:3} runs  ordinary {record['ordinary_us_per_run_step']:7.1f} µs  "
                f"engine {record['engine_us_per_run_step']:6.2f} µs  per run and step  ratio {record['ratio']:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
