"""A batch on its way at one moment: everything that training goes on from, as plain values and arrays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from nccli.catalogue.stages import stages
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.history import Histories
from nccli.dufm.parameters import Parameters
from nccli.dufm.placement import compiled_pays, threads_that_pay
from nccli.dufm.start import NOWHERE, Points
from nccli.training.measure_points import measure_steps
from nccli.training.threads import cores

_PLAIN = ("device", "reduction", "step", "measured", "compiled", "threads", "elapsed")


def measured_at(config: DufmConfig) -> list[int]:
    """Steps at which a run is measured, each of its budgets among them."""
    return sorted({*measure_steps(config.most_steps), *config.budgets})


@dataclass(eq=False)
class Saved:
    """A batch on its way.

    Attributes:
        configs: of all runs of the batch, those that have ended too.
        device: where steps are taken.
        reduction: whether runs may go on as their class means.
        step: steps taken.
        measured: step of the latest measurement, −1 before the first.
        compiled: whether compiled code takes the steps, where it can be had.
        threads: of PyTorch.
        elapsed: seconds of training so far.
        history: what was measured.
        collapsed_at: step at which each run was reduced, −1 where it was not.
        bound: DNC1 of each stage at that step.
        groups: runs that are advanced by one program, as their places in the batch, and where they are.
    """

    configs: tuple[DufmConfig, ...]
    device: str
    reduction: bool
    step: int
    measured: int
    compiled: bool
    threads: int
    elapsed: float
    history: Histories
    collapsed_at: Int[np.ndarray, " runs"]
    bound: Float[np.ndarray, "runs stages"]
    groups: tuple[tuple[list[int], Batch], ...]

    @classmethod
    def start(
        cls,
        configs: Sequence[DufmConfig],
        device: str,
        reduction: bool,
        points: Points = NOWHERE,
        trajectory: bool = False,
    ) -> "Saved":
        """At the runs' initial points, nothing measured yet."""
        first, runs, layers = configs[0], len(configs), len(stages(configs[0].L))
        return cls(
            configs=tuple(configs),
            device=device,
            reduction=reduction,
            step=0,
            measured=-1,
            compiled=compiled_pays(first, runs, cores()),
            threads=threads_that_pay(first, runs),
            elapsed=0.0,
            history=Histories(runs, len(measured_at(first)), layers, first.K, first.dtype, trajectory),
            collapsed_at=np.full(runs, -1),
            bound=np.zeros((runs, layers)),
            groups=((list(range(runs)), Batch.start(configs, points)),),
        )

    @property
    def going(self) -> list[int]:
        """Places of the runs that had not ended."""
        return [run for runs, _ in self.groups for run in runs]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it; plain values as the bytes of a JSON text."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        plain |= {"configs": [config.as_dict() for config in self.configs]}
        plain |= {"reduced": [batch.reduced for _, batch in self.groups]}
        found: dict[str, NDArray[Any]] = {"plain": np.frombuffer(json.dumps(plain).encode(), np.uint8)}
        found |= {f"history_{name}": array for name, array in self.history.arrays().items()}
        found |= {"collapsed_at": self.collapsed_at, "bound": self.bound}
        for index, (runs, batch) in enumerate(self.groups):
            found[f"group{index}_runs"] = np.array(runs)
            for which, held in enumerate(batch.held):
                found |= {f"group{index}_{which}_{part}": array for part, array in enumerate(held.stored)}
        return found

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Saved":
        """The inverse of `arrays`.

        Raises:
            KeyError, ValueError, TypeError: these are not such arrays.
            InputError: a configuration is out of its range.
        """
        plain = json.loads(arrays["plain"].tobytes())
        configs = tuple(DufmConfig.from_dict(fields) for fields in plain["configs"])
        history = {name.removeprefix("history_"): a for name, a in arrays.items() if name.startswith("history_")}

        def group(index: int, reduced: bool) -> tuple[list[int], Batch]:
            runs = arrays[f"group{index}_runs"].tolist()
            held = [
                Parameters(*(arrays[f"group{index}_{which}_{part}"] for part in range(3)))
                for which in range(1 + configs[0].way_down.moments)
            ]
            return runs, Batch(tuple(configs[run] for run in runs), held[0], tuple(held[1:]), reduced)

        return cls(
            **{name: plain[name] for name in _PLAIN},
            configs=configs,
            history=Histories.of(history, len(measured_at(configs[0])), configs[0].dtype),
            collapsed_at=arrays["collapsed_at"],
            bound=arrays["bound"],
            groups=tuple(group(index, reduced) for index, reduced in enumerate(plain["reduced"])),
        )

    def only(self, wanted: Sequence[DufmConfig]) -> "Saved":
        """A copy in which only the wanted runs are going."""
        arrays = {name: array.copy() for name, array in self.arrays().items()}
        copied, asked, groups = Saved.of(arrays), set(wanted), []
        for runs, batch in copied.groups:
            kept = [place for place, run in enumerate(runs) if self.configs[run] in asked]
            if kept:
                groups.append(([runs[place] for place in kept], batch.select(kept)))
        copied.groups = tuple(groups)
        return copied
