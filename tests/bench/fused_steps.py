"""On a GPU: the fused kernel against a CUDA graph of torch kernels, JAX where it is installed, and sgemm, in one go.

    python -m tests.bench.fused_steps           a table
    python -m tests.bench.fused_steps --json    a JSON record a case

JAX runs what one would write there: jit of vmap of grad under fori_loop, float32. Times are microseconds a run and
step; the share is that of float32 products of size 8192 without TF32. A case that fails is named and the others go on.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from nccli.dufm.batch import Batch
from nccli.dufm.cuda_graph import GraphSteps
from nccli.dufm.fused import fused_steps
from tests.bench.dufm_engine import Case

CASES = (
    Case(K=10, n=1, width=64, runs=1024),
    Case(K=10, n=1, width=64, runs=4096),
    Case(K=10, n=1, width=64, runs=16),
    Case(K=10, n=1, width=20, runs=240),
    Case(K=10, n=1, width=20, runs=4096),
    Case(K=10, n=5, width=30, runs=10),
    Case(K=10, n=5, width=30, runs=1024),
    Case(K=45, n=1, width=64, runs=1024),
    Case(K=10, n=10, width=64, runs=1024),
)
PEAK_SIZE = 8192


@dataclass(frozen=True)
class Timed:
    """Microseconds a run and step of one way, or why there are none."""

    microseconds: float | None
    why: str = ""


def timed(prepare: Callable[[], Callable[[int], None]], runs: int, seconds: float) -> Timed:
    """Of a way that is prepared and then advances so many steps."""
    try:
        advance = prepare()
        advance(64)
        count = 128
        while True:
            torch.cuda.synchronize()
            began = time.perf_counter()
            advance(count)
            torch.cuda.synchronize()
            took = time.perf_counter() - began
            if took > 0.6 * seconds:
                return Timed(took / count / runs * 1e6)
            count = max(2 * count, int(count * seconds / max(took, 1e-5)) // 64 * 64)
    except Exception as problem:  # a way that does not run here: the bench says so and goes on
        return Timed(None, f"{type(problem).__name__}: {problem}"[:200])


def fused(case: Case) -> Callable[[int], None]:
    steps = fused_steps(Batch.start(case.configs()))
    if steps is None:
        raise RuntimeError("the fused kernel does not take this shape")
    return lambda count: steps.advance(0, count)


def graph(case: Case) -> Callable[[int], None]:
    steps = GraphSteps(Batch.start(case.configs()))
    return lambda count: steps.advance(0, count)


def jax(case: Case) -> Callable[[int], None]:
    """The ordinary program in JAX."""
    import jax
    import jax.numpy as jnp

    batch = Batch.start(case.configs())
    wd = jnp.array([(c.wd_h1, *c.wd_layers) for c in batch.configs], jnp.float32)
    lr = jnp.array([c.lr for c in batch.configs], jnp.float32)
    Y = jnp.repeat(jnp.eye(case.K, dtype=jnp.float32), case.n, axis=0)

    def loss(p: Any, wd: Any) -> Any:
        X, (hidden, last) = p[0], p[1:]
        for V in hidden:
            X = jax.nn.relu(X @ V)
        fit = 0.5 * jnp.sum((X @ last - Y) ** 2) / len(Y)
        decays = zip(wd, (p[0], *hidden, last), strict=True)
        return fit + sum(0.5 * w * jnp.sum(V * V) for w, V in decays)

    def step(p: Any, wd: Any, lr: Any) -> Any:
        return jax.tree.map(lambda value, slope: value - lr * slope, p, jax.grad(loss)(p, wd))

    @jax.jit
    def many(p: Any, count: Any) -> Any:
        return jax.lax.fori_loop(0, count, lambda _, q: jax.vmap(step)(q, wd, lr), p)

    held = batch.parameters
    state = [(jnp.array(held.features), tuple(map(jnp.array, held.hidden)), jnp.array(held.last))]

    def advance(count: int) -> None:
        state[0] = jax.block_until_ready(many(state[0], count))

    return advance


def peak_flops() -> float:
    torch.backends.cuda.matmul.allow_tf32 = False
    a = torch.randn(PEAK_SIZE, PEAK_SIZE, device="cuda")
    for _ in range(2):
        a @ a
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(4):
        a @ a
    torch.cuda.synchronize()
    return 4 * 2 * PEAK_SIZE**3 / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.3, help="stepping, of each way in each case")
    asked = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU here")
    card, peak = torch.cuda.get_device_name(), peak_flops()
    if not asked.json:
        print(f"{card}, torch {torch.__version__}, sgemm {peak / 1e12:.1f} TFLOP/s; microseconds a run and step")
        names = (("K", 3), ("n", 3), ("d", 4), ("runs", 5), ("graph", 9), ("JAX", 9), ("fused", 9), ("graph/fused", 12))
        print(*(f"{name:>{width}}" for name, width in (*names, ("JAX/fused", 10), ("of sgemm", 9))))
    for case in CASES:
        ways = {"graph": graph, "jax": jax, "fused": fused}
        found = {name: timed(partial(way, case), case.runs, asked.seconds) for name, way in ways.items()}
        us = {name: each.microseconds for name, each in found.items()}
        share = None if us["fused"] is None else case.flops / us["fused"] * 1e6 / peak
        if asked.json:
            shape = {name: getattr(case, name) for name in ("K", "L", "n", "width", "runs")}
            print(json.dumps({**shape, **us, "of_sgemm": share, "card": card}), flush=True)
        else:
            times = " ".join("        -" if us[name] is None else f"{us[name]:9.4f}" for name in ways)
            over = [None if us[n] is None or us["fused"] is None else us[n] / us["fused"] for n in ("graph", "jax")]
            ratios = " ".join(f"{'-' if ratio is None else format(ratio, '.1f'):>11}" for ratio in over)
            told = "-" if share is None else f"{100 * share:.0f} %"
            print(f"{case.K:3} {case.n:3} {case.width:4} {case.runs:5} {times} {ratios} {told:>9}", flush=True)
        for name, each in found.items():
            if each.why and not asked.json:
                print(f"    {name}: {each.why}", flush=True)


if __name__ == "__main__":
    main()
