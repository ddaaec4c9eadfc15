"""Training one network end to end by stochastic gradient descent, measured on a schedule of epochs."""

import math
import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from nccli.dufm.measurement import measure_steps
from nccli.dufm.pace import parse_schedule
from nccli.dufm.placement import threads
from nccli.dufm.result import stages
from nccli.e2e.checkpoint import Saved
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages, augmented
from nccli.e2e.distributed import Group, with_global_norm
from nccli.e2e.evaluation import Evaluation, accuracy, disagreement, evaluate, measured_layers
from nccli.e2e.images import ImageSet
from nccli.e2e.network import build_network
from nccli.e2e.placement import threads_that_pay
from nccli.e2e.regularizer import make_regularizer
from nccli.e2e.result import E2eResult, E2eWatch, EpochProgress
from nccli.errors import InputError

_REPORT_SECONDS = 0.2
_POLL_STEPS = 16
_STREAMS = {"order": 1, "step": 2}


def train_network(
    config: E2eConfig,
    images: ImageSet,
    device: str = "cpu",
    watch: E2eWatch | None = None,
    group: Group | None = None,
    compile: bool = False,
) -> E2eResult:
    """Train the network of a configuration, from its start or from its checkpoint.

    Args:
        config: the run; its data are `images`.
        images: what to train and test on.
        device: "cpu" or "cuda".
        watch: who watches.
        group: processes that train together; every one of them calls this.
        compile: pass the network through torch.compile; changes rounding only.

    Returns:
        How it ended. On the CPU, a run that was killed and goes on ends as an undisturbed one, bit for bit.

    Raises:
        InputError: a backbone that does not work with the images, or fewer samples in a batch than processes.
    """
    return Training(config, images, device, watch or E2eWatch(), group or Group(), compile).run()


class Training:
    """One run on its way."""

    def __init__(
        self, config: E2eConfig, images: ImageSet, device: str, watch: E2eWatch, group: Group, compile: bool
    ) -> None:
        """At the initial weights."""
        self._config, self._watch, self._group = config, watch, group
        if config.samples // config.steps_per_epoch < group.size:
            raise InputError(
                f"batches of {config.samples // config.steps_per_epoch} samples for {group.size} processes: "
                "a larger --batch-size"
            )
        self._device = group.device(device)
        self._train = DeviceImages(images.train, self._device)
        self._test = None if images.test is None else DeviceImages(images.test, self._device, self._train.scale)
        self._network = build_network(config, self._train.shape)
        self._network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        on_gpu = self._device.startswith("cuda")
        self._network.autocast = on_gpu if config.autocast is None else config.autocast
        self._threads = threads_that_pay(self._network, self._train.shape, config.batch_size)
        self._stepped: torch.nn.Module = self._network
        if group.size > 1:
            self._network.backbone = with_global_norm(self._network.backbone, self._device)
            self._stepped = DistributedDataParallel(self._network)
        if compile:
            self._stepped = torch.compile(self._stepped)  # type: ignore[assignment]
        self._regularizer = make_regularizer(config)
        self._optimizer = torch.optim.SGD(
            self._regularizer.groups(self._network), lr=config.lr, momentum=config.momentum, foreach=True
        )
        self._factor = parse_schedule(config.schedule)
        self._history: list[dict[str, Any]] = []
        self._step, self._first_step = 0, 0
        self._elapsed, self._started = 0.0, time.perf_counter()
        self._reported = 0.0
        self._order: Int[np.ndarray, " N"] = np.arange(0)
        self._targets = set(measure_steps(config.epochs))

    def run(self) -> E2eResult:
        """Take every step that is left."""
        self._resume()
        with threads(self._threads):
            return self._run()

    def _run(self) -> E2eResult:
        config, watch = self._config, self._watch
        denormal = torch.set_flush_denormal(True)  # weights that decay would otherwise become slow numbers
        try:
            if not self._history:
                self._record(self._evaluate())
            self._network.train()
            while self._step < config.steps:
                self._advance()
                if self._step % config.steps_per_epoch == 0 and self._step // config.steps_per_epoch in self._targets:
                    evaluation = self._evaluate()
                    self._record(evaluation)
                    if not evaluation.finite:
                        return self._end("diverged", evaluation)
                self._report()
                if self._stop_wanted():
                    self._save()
                    return self._end("interrupted")
                if watch.checkpoint and watch.checkpoint.due:
                    self._save()
            return self._end("stopped")
        finally:
            if denormal:
                torch.set_flush_denormal(False)

    def _advance(self) -> None:
        """One step on this process's share of the next batch."""
        config, group = self._config, self._group
        epoch, place = divmod(self._step, config.steps_per_epoch)
        if place == 0 or len(self._order) == 0:
            self._order = generator(config.seed, "order", epoch).permutation(config.samples)
        batch = _part(self._order, config.steps_per_epoch, place)
        noise = int(generator(config.seed, "step", self._step).integers(2**62))
        torch.manual_seed(noise + group.rank)
        images, labels = self._train.batch(_part(batch, group.size, group.rank))
        if config.augment:
            images = augmented(images, torch.Generator().manual_seed(noise + group.rank))
        self._set_rate()
        features, output = self._stepped(images)
        loss = self._mini_batch_loss(features, output, labels, len(batch))
        self._optimizer.zero_grad(set_to_none=True)
        (loss * group.size).backward()  # type: ignore[no-untyped-call]  # DistributedDataParallel takes the mean over processes
        if config.clip:
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), config.clip)
        self._optimizer.step()
        self._step += 1

    def _mini_batch_loss(self, features: Tensor, output: Tensor, labels: Tensor, B: int) -> Tensor:
        """1/(2B) ‖output − Y‖² + N/B λ_{H_1}/2 ‖H_1‖², this process's part of both sums."""
        target = torch.nn.functional.one_hot(labels, self._config.K).to(output)
        loss = (output - target).square().sum() / (2 * B)
        if self._regularizer.h1:
            loss = loss + self._regularizer.h1 / 2 * self._config.samples / B * features.square().sum()
        return loss

    def _set_rate(self) -> None:
        config = self._config
        rate = config.lr * float(self._factor(np.array([self._step / config.steps]))[0])
        for parameters in self._optimizer.param_groups:
            parameters["lr"] = rate

    def _evaluate(self, scatter: bool = False) -> Evaluation:
        return evaluate(self._network, self._train, self._regularizer, self._group, scatter)

    def _record(self, evaluation: Evaluation) -> None:
        found = evaluation.statistics
        if not evaluation.finite:
            return
        layers = {(layer.layer, layer.stage): layer for layer in measured_layers(self._network, evaluation)}
        order = stages(self._config.L)
        self._history.append(
            {
                "step": self._step,
                "loss": evaluation.loss,
                "fit": evaluation.fit,
                "reg": evaluation.reg,
                "grad_norm": math.nan,
                "dnc1": [found[place].dnc1 for place in order],
                "rank": [layers[place].rank for place in order],
                "train_accuracy": evaluation.accuracy,
            }
        )

    def _end(self, status: str, lost: Evaluation | None = None) -> E2eResult:
        """Measure the final network: covariances, NC4 and the test set too."""
        evaluation = lost or self._evaluate(scatter=True)
        status = status if evaluation.finite else "diverged"
        layers, test = [], None
        if evaluation.finite:
            last = evaluation.statistics[self._config.L, "post"]
            layers = measured_layers(
                self._network, evaluation, disagreement(self._network, self._train, last, self._group)
            )
            test = None if self._test is None else accuracy(self._network, self._test, self._group)
            if status == "interrupted":
                self._record(evaluation)
        if status != "interrupted" and self._watch.checkpoint and self._group.leads:
            self._watch.checkpoint.remove()
        return E2eResult(
            self._config,
            status,
            self._step,
            evaluation.loss,
            evaluation.fit,
            evaluation.reg,
            evaluation.accuracy if evaluation.finite else None,
            test,
            self._seconds,
            self._history,
            layers,
            {name: tensor.detach().cpu() for name, tensor in self._network.state_dict().items()},
        )

    def _stop_wanted(self) -> bool:
        """Whether any process was asked to stop; processes talk about it now and then only."""
        if self._group.size > 1 and self._step % _POLL_STEPS:
            return False
        return self._group.any(self._watch.should_stop())

    def _save(self) -> None:
        checkpoint = self._watch.checkpoint
        if checkpoint is None or not self._group.leads:
            return
        saved = Saved(
            self._step,
            self._network.state_dict(),
            self._optimizer.state_dict(),
            list(self._history),
            self._seconds,
            self._threads,
        )
        try:
            checkpoint.save(self._config, saved)
        except OSError as error:
            self._watch.on_trouble(f"the checkpoint {checkpoint.path} cannot be written: {error.strerror}")

    def _resume(self) -> None:
        """Take up the leader's checkpoint, if there is one."""
        saved: Saved | None = None
        if self._watch.checkpoint is not None and self._group.leads:
            try:
                saved = self._watch.checkpoint.read(self._config)
            except InputError as error:
                self._watch.on_trouble(f"{error}; the run begins anew")
        fields = self._group.from_leader(None if saved is None else asdict(saved))
        if fields is None:
            return
        saved = Saved(**fields)
        self._network.load_state_dict(saved.model)
        self._optimizer.load_state_dict(saved.optimizer)
        self._step = self._first_step = saved.step
        self._history, self._elapsed = saved.history, saved.elapsed
        self._threads = saved.threads
        epoch = saved.step // self._config.steps_per_epoch
        self._order = generator(self._config.seed, "order", epoch).permutation(self._config.samples)

    @property
    def _seconds(self) -> float:
        return self._elapsed + time.perf_counter() - self._started

    def _report(self) -> None:
        now = time.perf_counter()
        if now - self._reported < _REPORT_SECONDS or not self._group.leads or not self._history:
            return
        self._reported = now
        latest = self._history[-1]
        post = [i for i, (_, stage) in enumerate(stages(self._config.L)) if stage == "post"]
        self._watch.on_progress(
            EpochProgress(
                step=self._step,
                steps=self._config.steps,
                epoch=self._step // self._config.steps_per_epoch,
                epochs=self._config.epochs,
                loss=latest["loss"],
                fit=latest["fit"],
                reg=latest["reg"],
                accuracy=latest["train_accuracy"],
                dnc1=tuple(latest["dnc1"][i] for i in post),
                rank=tuple(latest["rank"][i] for i in post),
                steps_per_second=(self._step - self._first_step) / (now - self._started),
            )
        )


def generator(seed: int, stream: str, number: int) -> np.random.Generator:
    """Random numbers as a function of the seed, what they are for, and the epoch or step."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, _STREAMS[stream], number])))


def _part(values: Int[np.ndarray, " N"], parts: int, which: int) -> Int[np.ndarray, " part"]:
    """One of so many parts of nearly equal size, as np.array_split makes them."""
    size, longer = divmod(len(values), parts)
    start = which * size + min(which, longer)
    return values[start : start + size + (which < longer)]
