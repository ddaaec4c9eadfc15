"""Networks trained end to end as jobs: one network, or several of one shape side by side."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli.e2e.config import E2eConfig
from nccli.e2e.load import ImageSource
from nccli.errors import InputError
from nccli.outputs import Output
from nccli.store import FinishedRun, Store
from nccli.sweep.job import Job, Part
from nccli.sweep.job_size import JobSize
from nccli.sweep.plan import id_of
from nccli.sweep.run_columns import columns_at, provenance
from nccli.training.device import choose_device
from nccli.training.group import Group
from nccli.training.memory import free_bytes
from nccli.training.paced_file import Complaints
from nccli.training.threads import cores
from nccli.training.watch import Watch

if TYPE_CHECKING:
    from nccli.e2e.device_images import DeviceSet
    from nccli.e2e.images import ImageSet
    from nccli.e2e.result import E2eResult, NetworkProgress

_ROW = ("width", "lr", "seed", "dataset", "backbone", "epochs", "precision")


_PROCESS_BYTES, _COPIES = 2**30, 3
"""A bound: what a process takes that has loaded PyTorch and trains ResNet20 at batch 128, and its images as numbers."""

_TIMED = 1000
"""Steps of a run that is timed: more than are taken."""


class E2eTrainer:
    """Trains networks on one set of images.

    Attributes:
        device: "cpu" or "cuda".
    """

    def __init__(
        self,
        images: "ImageSet",
        device: str,
        source: ImageSource | None = None,
        together: int = 1,
        compile: bool = False,
        export: Output | None = None,
        group: Group | None = None,
    ) -> None:
        """For runs on these images.

        Args:
            images: what to train on.
            device: "cpu" or "cuda".
            source: where another process finds the images; None where no other will ask.
            together: how many runs of one shape are trained as one program, from `runs_together`.
            compile: as `nccli.e2e.train.train_network` takes it.
            export: where the final network is written, of a sweep of one run.
            group: the processes that train together.
        """
        self._images, self.device, self._source, self._together = images, device, source, together
        self._compile, self._export, self._group = compile, export, group or Group()
        self._complaints, self._noted = Complaints(), set[str]()

    @classmethod
    def of(cls, job: Job[E2eConfig]) -> "E2eTrainer":
        """The trainer that a job asks for, with images from where it says.

        Raises:
            InputError: a device or images that are not here, or other images.
        """
        options = dict(job.options)
        source, export = options.pop("source"), options.pop("export")
        if source is None:
            raise InputError("the job does not say where its images are")
        images = ImageSource(**source).load()
        if images.fingerprint != job.configs[0].data:
            raise InputError(f"{source['dataset']}: not the images that the job is for")
        export = None if export is None else Output.from_dict(export)
        return cls(images, choose_device(job.device), ImageSource(**source), len(job.configs), export=export, **options)

    def jobs(
        self,
        configs: Sequence[E2eConfig],
        states: Path,
        on_trouble: Callable[[str], None],
        size: JobSize | None = None,
    ) -> list[Job[E2eConfig]]:
        """Single runs, or as many of one shape as are trained side by side; each run has a state of its own."""
        chunks = list(_chunks(configs, self._together))
        options = {
            "source": None if self._source is None else self._source.as_dict(),
            "compile": self._compile,
            "export": None if self._export is None else self._export.as_dict(),
        }
        jobs, first = [], 0
        for number, chunk in enumerate(chunks):
            part = Part(number, len(chunks), first, len(configs))
            jobs.append(Job(chunk, self.device, states, options, part))
            first += len(chunk)
        return jobs

    def earlier(self, configs: Sequence[E2eConfig]) -> list[E2eConfig]:
        """None: every network is trained from its beginning."""
        return []

    def processes(self, runs: int) -> int:
        """One a core that has memory for it: a core by itself does more of a network than it adds to another."""
        if self.device != "cpu" or self._export is not None or self._source is None:
            return 1
        parts = [part for part in (self._images.train, self._images.test) if part is not None]
        each = _PROCESS_BYTES + _COPIES * sum(part.images.nbytes for part in parts)
        return max(1, min(cores(), runs, int(free_bytes() / each)))

    def useless(self, store: Store, ids: Sequence[str]) -> list[str]:
        """None: nothing begins with a network."""
        return []

    def prepare(self, store: Store, configs: Sequence[E2eConfig], states: Path, watch: Watch[Any]) -> None:
        """Nothing of other runs is of use."""

    def known(self, config: E2eConfig) -> dict[str, Any]:
        """What is known of a run before it is made, as columns of table `run`."""
        row = {**_about(config), **provenance(0.0, self.device)}
        return FinishedRun(row, config.as_dict(), layers=()).columns

    def train(self, job: Job[E2eConfig], watch: Watch[Any]) -> Iterator[FinishedRun]:
        """Carry out a job; a network that ends well is written where the user wants it."""
        from nccli.e2e.checkpoint import RunCheckpoint
        from nccli.e2e.together import train_together
        from nccli.e2e.train import Training

        live = dict.fromkeys(job.configs)
        watches = [self._watch_of(config, live, watch) for config in job.configs]
        checkpoints = [
            RunCheckpoint(state_path(job.states, config), self._complaints) if self._group.leads else None
            for config in job.configs
        ]
        results: Iterable[E2eResult]
        if len(job.configs) > 1:
            results = train_together(job.configs, self._data, watches, checkpoints)
        else:
            results = [
                Training(job.configs[0], self._data, watches[0], self._group, self._compile, checkpoints[0]).run()
            ]
        for result in results:
            del live[result.config]
            yield e2e_run(result, self.device)
            if self._export is not None and self._group.leads and result.status == "stopped":
                from nccli.e2e.export import export_model

                with self._export.open() as file:
                    export_model(file, self._export.path.suffix, result.model, result.config)

    def seconds(self, configs: Iterable[E2eConfig]) -> float:
        """What runs take one after the other, measurements aside: a step of each shape is timed here and now."""
        from nccli.e2e.pace import seconds_a_step
        from nccli.e2e.together import shape_of

        steps: dict[E2eConfig, int] = {}
        for config in configs:
            shape = replace(shape_of(config), steps=1, schedule="constant", momentum=0.0, clip=1.0)
            steps[shape] = steps.get(shape, 0) + config.steps
        return sum(
            count * seconds_a_step(replace(shape, steps=_TIMED), self._data, self._compile)
            for shape, count in steps.items()
        )

    def tidy(self, store: Store, states: Path) -> None:
        """A run removes its own state when it ends."""

    @cached_property
    def _data(self) -> "DeviceSet":
        from nccli.e2e.device_images import DeviceSet

        return DeviceSet(self._images, self._group.device(self.device))

    def _watch_of(self, config: E2eConfig, live: dict[E2eConfig, None], watch: Watch[Any]) -> Watch["NetworkProgress"]:
        """Of runs trained together, the first that has not ended reports; what is good to know is said once."""
        side_by_side = len(live)

        def report(progress: "NetworkProgress") -> None:
            if config == next(iter(live)):
                watch.on_progress(replace(progress, together=side_by_side))

        def note(text: str) -> None:
            if text not in self._noted:
                self._noted.add(text)
                watch.on_note(text)

        return replace(watch, on_progress=report, on_note=note)


def state_path(states: Path, config: E2eConfig) -> Path:
    """The file for the state of a run."""
    return states.with_name(f"{states.name}{id_of(config)}.pt")


def runs_together(config: E2eConfig, device: str, group: Group, compile: bool, wanted: bool | None) -> int:
    """How many runs of a shape are trained as one program, at most.

    Args:
        config: one of the runs.
        device: "cpu" or "cuda".
        group: processes that train one network together.
        compile: whether networks go through torch.compile.
        wanted: what the user asked for; None for what pays: small backbones on a GPU. Four ResNet20 side by side at
            batch 128 took 1.2 times as many steps a second as one that is a CUDA graph (H100, the prototype), and
            beyond that batch a GPU is busy with one. On a core eight small networks side by side take 1.3 to 2.1 times
            as many on images of 8 × 8, and 0.5 to 1.2 times on 3 × 32 × 32.

    Raises:
        InputError: it is asked for, and impossible.
    """
    from nccli.e2e.together import MOST, SMALL

    reasons = {
        f"--backbone {config.backbone} (only {' and '.join(SMALL)})": config.backbone not in SMALL,
        "--compile": compile,
        "several processes": group.size > 1,
    }
    against = [reason for reason, holds in reasons.items() if holds]
    if wanted and against:
        raise InputError(f"--together: not with {against[0]}")
    return MOST if not against and (device.startswith("cuda") if wanted is None else wanted) else 1


def e2e_run(result: "E2eResult", device: str) -> FinishedRun:
    """A network as the store keeps it, with the DNC and SRG losses of its DUFM where it has one."""
    import torch

    return FinishedRun(
        row={
            **_about(result.config),
            **provenance(result.seconds, device),
            "torch_version": torch.__version__,
            "status": result.status,
            "grad_norm": float("nan"),
            **{name: getattr(result, name) for name in ("steps", "loss", "fit", "reg")},
            **{name: getattr(result, name) for name in ("train_accuracy", "test_accuracy")},
        },
        config=result.config.as_dict(),
        layers=result.layers,
        history=result.history,
    )


def _chunks(configs: Sequence[E2eConfig], size: int) -> Iterator[tuple[E2eConfig, ...]]:
    if size == 1:
        yield from ((config,) for config in configs)
        return
    from nccli.e2e.together import shape_of

    shapes: dict[E2eConfig, list[E2eConfig]] = {}
    for config in configs:
        shapes.setdefault(shape_of(config), []).append(config)
    for alike in shapes.values():
        yield from (tuple(alike[start : start + size]) for start in range(0, len(alike), size))


def _about(config: E2eConfig) -> dict[str, Any]:
    if config.problem is None:
        about: dict[str, Any] = {"K": config.K, "L": config.L, "n": config.n, "loss_dnc": None, "loss_srg": None}
    else:
        about = columns_at(config.problem, config.width)
    return {
        **about,
        "kind": "e2e",
        "activation": "relu",
        "dtype": "float32",
        "optimizer": "sgd",
        "reg_kind": config.reg,
        **{name: getattr(config, name) for name in _ROW},
    }
