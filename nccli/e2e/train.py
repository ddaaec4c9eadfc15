"""Training one network end to end by stochastic gradient descent, measured on its way."""

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from nccli.e2e.batch_counts import counted, load_uncounted, stop_counting
from nccli.e2e.captured import steps_of
from nccli.e2e.checkpoint import RunCheckpoint, Saved, unshared
from nccli.e2e.config import E2eConfig
from nccli.e2e.denormals import flushed_denormals
from nccli.e2e.descent import AloneGradients, Descent
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.evaluation import Evaluation
from nccli.e2e.flat import Flat
from nccli.e2e.images import ImageSet
from nccli.e2e.lost_classes import ClassWatch
from nccli.e2e.measuring import Measuring
from nccli.e2e.out_of_memory import too_little_memory
from nccli.e2e.placement import threads_that_pay
from nccli.e2e.precision import products, require_precision
from nccli.e2e.result import E2eResult, NetworkProgress, ended_trivially
from nccli.e2e.start import initial_network
from nccli.e2e.steps import Steps
from nccli.errors import InputError
from nccli.training.group import Group
from nccli.training.measure_points import measure_steps
from nccli.training.stopwatch import Stopwatch
from nccli.training.threads import threads
from nccli.training.watch import Watch

_REPORT_SECONDS = 0.2
"""A taste: five times a second looks alive."""

_POLL_STEPS = 16
"""A taste: asking all processes takes about as long as adding up a small gradient."""


def train_network(
    config: E2eConfig,
    images: ImageSet,
    device: str = "cpu",
    watch: Watch[NetworkProgress] | None = None,
    group: Group | None = None,
    compile: bool = False,
    checkpoint: RunCheckpoint | None = None,
) -> E2eResult:
    """Train the network of a configuration, from its start or from its checkpoint.

    Args:
        config: the run; its data are `images`.
        images: what to train and test on.
        device: "cpu" or "cuda".
        watch: who watches.
        group: processes that train together; every one of them calls this.
        compile: pass the network through torch.compile; changes rounding only.
        checkpoint: where the state is kept, by the process that leads; None for nowhere.

    Returns:
        How it ended. On the CPU, a run that was killed and goes on ends as an undisturbed one, bit for bit.

    Raises:
        InputError: a backbone that does not work with the images, fewer samples in a batch than processes, or a step
            that takes more memory than the GPU has.
    """
    group = group or Group()
    data = DeviceSet(images, group.device(device))
    return Training(config, data, watch, group, compile, checkpoint).run()


class Training:
    """One run on its way.

    Attributes:
        config: of the run.
        network: at the step that it has reached.
        flat: its parameters and momentum, which a checkpoint keeps.
        watch: who watches.
        step: steps taken.
        threads: of PyTorch that it is trained with.
    """

    def __init__(
        self,
        config: E2eConfig,
        data: DeviceSet,
        watch: Watch[NetworkProgress] | None = None,
        group: Group | None = None,
        compile: bool = False,
        checkpoint: RunCheckpoint | None = None,
    ) -> None:
        """At the initial weights, on the device of the data."""
        group = group or Group()
        self.config, self._data, self.watch, self._group = config, data, watch or Watch(), group
        self._checkpoint = checkpoint
        if config.batch < group.size:
            raise InputError(f"batches of {config.batch} samples for {group.size} processes: a larger --batch-size")
        require_precision(config.precision, data.device)
        self.network = network = initial_network(config, data, group)
        self.threads = threads_that_pay(network, data.train.shape, config.batch_size)
        self._counts = stop_counting(network) if group.size == 1 else []
        self.flat = Flat.of(network)
        self._compile = compile
        self._steps: Steps | None = None
        self._measuring = Measuring(config, network, data, group)
        self._history: list[dict[str, Any]] = []
        self.step, self._first_step = 0, 0
        self._elapsed, self._clock = 0.0, Stopwatch()
        self._reported = 0.0
        self._targets = measure_steps(config.steps, config.steps_per_epoch)
        self._classes = ClassWatch(config)

    def run(self) -> E2eResult:
        """Take every step that is left.

        Raises:
            InputError: a step or a measurement takes more memory than the GPU has.
        """
        self.resume()
        with threads(self.threads), flushed_denormals(), products(self.config.precision):
            try:
                return self._until_the_end()
            except torch.OutOfMemoryError:
                self._steps = None  # outside of this block, where its frames hold the tensors of the step no more
            raise too_little_memory(self.config, self.network.train(), self._data.train)

    def _until_the_end(self) -> E2eResult:
        result = self.begin()
        while result is None:
            result = self.after_steps(self.advance())
        return result

    def begin(self) -> E2eResult | None:
        """Measure the initial network; the result of a run that has no step left."""
        if not self._history:
            self._record(self._measuring.evaluation())
        self.network.train()
        return None if self.step < self.config.steps else self._end("stopped")

    def until_next_look(self, most: int) -> int:
        """Steps until it is measured or ends, at most so many."""
        return min(most, self._targets[bisect_right(self._targets, self.step)] - self.step)

    def advance(self) -> int:
        """Some steps on this process's share of the batches, to the next measurement at most; returns how many."""
        if self._steps is None:
            self._steps = self._alone()
        count = self.until_next_look(self._steps.most)
        self._steps.advance(count)
        return count

    def after_steps(self, count: int) -> E2eResult | None:
        """Count steps; measure, report and save where it is time to. The result, once the run has ended."""
        self.step += count
        self._clock.tick()
        checkpoint = self._checkpoint
        if self.step in self._targets:
            evaluation = self._measuring.evaluation()
            self._record(evaluation)
            if not evaluation.finite:
                return self._end("diverged", evaluation)
        self._report()
        if self.step == self.config.steps:
            return self._end("stopped")
        if self._stop_wanted():
            self._save()
            return self._end("interrupted")
        if checkpoint and checkpoint.due:
            self._save()
        return None

    def _alone(self) -> Steps:
        """The steps of this run by itself."""
        self.network.train()
        forward: Callable[..., Any] = torch.compile(self.network) if self._compile else self.network
        gradients = AloneGradients(self.config, self.network, forward)
        group, data = self._group, self._data
        descent = Descent([self.config], [self.network], self.flat, data.train, gradients, group, self.step)
        return steps_of(descent, data.device.startswith("cuda") and group.size == 1, self.watch.on_note)

    def _record(self, evaluation: Evaluation) -> None:
        if not evaluation.finite or (self._history and self._history[-1]["step"] == self.step):
            return
        hidden, output = evaluation.last_means(self.network)
        self._note(self._classes.see(self.step, output, hidden))
        self._history.append(self._measuring.row(self.step, evaluation))

    def _note(self, text: str | None) -> None:
        if text is not None:
            self.watch.on_note(text)

    def _end(self, status: str, lost: Evaluation | None = None) -> E2eResult:
        """Measure the final network: covariances, NC4 and the test set too."""
        evaluation = lost or self._measuring.evaluation(scatter=True)
        status = status if evaluation.finite else "diverged"
        layers, test = self._measuring.end(evaluation) if evaluation.finite else ([], None)
        if status == "interrupted":
            self._record(evaluation)
        elif evaluation.finite and not ended_trivially(self.config, status, evaluation.fit, layers):
            self._note(self._classes.at_end())
        if status != "interrupted" and self._checkpoint and self._group.leads:
            self._checkpoint.remove()
        return E2eResult(
            self.config,
            status,
            self.step,
            evaluation.loss,
            evaluation.fit,
            evaluation.reg,
            evaluation.accuracy if evaluation.finite else None,
            test,
            self._seconds,
            self._history,
            layers,
            {name: tensor.detach().cpu().clone() for name, tensor in self._model().items()},
        )

    def _stop_wanted(self) -> bool:
        """Whether any process was asked to stop; processes talk about it now and then only."""
        if self._group.size > 1 and self.step % _POLL_STEPS:
            return False
        return self._group.any(self.watch.should_stop())

    def _save(self) -> None:
        checkpoint = self._checkpoint
        if checkpoint is None or not self._group.leads:
            return
        saved = Saved(
            self.step,
            unshared(self._model()),
            self.flat.plain_momentum,
            list(self._history),
            self._seconds,
            self.threads,
        )
        checkpoint.save(self.config, saved, self.watch.on_trouble)

    def resume(self) -> None:
        """Take up the leader's checkpoint, if there is one."""
        saved: Saved | None = None
        if self._checkpoint is not None and self._group.leads:
            try:
                saved = self._checkpoint.read(self.config)
            except InputError as error:
                self.watch.on_trouble(f"{error}; the run begins anew")
        fields = self._group.from_leader(None if saved is None else asdict(saved))
        if fields is None:
            return
        saved = Saved(**fields)
        try:
            load_uncounted(self.network, saved.model)
        except InputError as error:  # somebody's own backbone, changed since
            if self._group.leads:
                self.watch.on_trouble(f"{error}; the run begins anew")
            return
        self.flat.take_momentum(saved.momentum.to(self.flat.momentum.device))
        self._steps = None
        self.step = self._first_step = saved.step
        self._history, self._elapsed = saved.history, saved.elapsed
        self.threads = saved.threads

    def _model(self) -> dict[str, Tensor]:
        """The network's state as PyTorch has it."""
        return counted(self.network.state_dict(), self._counts, self.step)

    @property
    def _seconds(self) -> float:
        return self._elapsed + self._clock.tick()

    def _report(self) -> None:
        now = time.perf_counter()
        if now - self._reported < _REPORT_SECONDS or not self._group.leads or not self._history:
            return
        self._reported = now
        speed = self._clock.rate(self.step - self._first_step)
        self.watch.on_progress(
            NetworkProgress.of(self.config, self.step, self._history[-1], self._classes.count, speed)
        )
