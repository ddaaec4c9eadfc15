"""Steps a second of train-e2e against the plain loop on the same images, by batch and precision, in one call.

The plain loop is train-e2e's own as it was before its steps lay on the device as a whole: images gathered from the
device by indices from the host, autograd, clip_grad_norm_, torch.optim.SGD with foreach, a few hundred launches a step.
By turns, so that other work on the machine hits both; on a CPU processor time of one thread counts, on a GPU the clock.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from nccli.catalogue.options import Precision
from nccli.e2e.batches import generator
from nccli.e2e.config import E2eConfig
from nccli.e2e.denormals import flushed_denormals
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.images import ImageSet, LabelledImages
from nccli.e2e.load import load_images
from nccli.e2e.network import build_network
from nccli.e2e.precision import products
from nccli.e2e.regularizer import make_regularizer
from nccli.e2e.train import Training
from nccli.training.device import choose_device
from nccli.training.threads import threads

BACKBONES = ("mlp", "small-cnn", "resnet20")


def random_images(samples: int) -> ImageSet:
    """Of CIFAR's size, in ten classes."""
    images = np.random.default_rng(0).integers(0, 256, (samples, 3, 32, 32), dtype=np.uint8)
    return ImageSet("random", 10, LabelledImages(images, np.arange(samples) % 10), None)


def config_of(images: ImageSet, backbone: str, batch: int, precision: str) -> E2eConfig:
    """A run that does not end while it is timed, nor diverges."""
    about = {"dataset": images.name, "data": "", "samples": len(images.train), "K": images.K, "n": images.n}
    return E2eConfig(
        **about,  # type: ignore[arg-type]  # a dictionary of several types
        backbone=backbone,
        L=4,
        width=64,
        reg="dufm",
        wd_h1=1e-6,
        wd_layers=(5e-3,) * 4,
        lr=0.01,
        steps=10**9,
        batch_size=batch,
        seed=0,
        precision=precision,
    )


class Plain:
    """The loop as it was."""

    def __init__(self, config: E2eConfig, data: DeviceSet) -> None:
        """Ready to step."""
        self._config, self._data = config, data
        network = build_network(config, data.train.shape)
        network.to(data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.autocast = config.precision == Precision.BF16
        self._network = network.train()
        groups: dict[float, list[torch.nn.Parameter]] = {}
        for parameter, decay in make_regularizer(config).decays(network):
            groups.setdefault(decay, []).append(parameter)
        self._optimizer = torch.optim.SGD(
            [{"params": each, "weight_decay": decay} for decay, each in groups.items()],
            lr=config.lr,
            momentum=config.momentum,
            foreach=True,
        )
        self._step, self._order = 0, np.arange(0)

    def advance(self, count: int) -> None:
        """So many steps."""
        config = self._config
        for _ in range(count):
            if len(self._order) < config.batch:
                self._order = generator(0, "order", self._step).permutation(config.samples)
            index, self._order = self._order[: config.batch], self._order[config.batch :]
            torch.manual_seed(int(generator(0, "step", self._step).integers(2**62)))
            images, labels = self._data.train.batch(index)
            features, output = self._network(images)
            target = torch.nn.functional.one_hot(labels, config.K).to(output)
            loss = 0.5 * (output - target).square().sum() / len(index)
            loss = loss + config.wd_h1 / 2 * config.samples / len(index) * features.square().sum()
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), config.clip)
            self._optimizer.step()
            self._step += 1


class Ours:
    """The steps of train-e2e, measurements left out."""

    def __init__(self, config: E2eConfig, data: DeviceSet, compile: bool = False) -> None:
        """Warmed up and, on a GPU, captured."""
        self.training = Training(config, data, compile=compile)
        self._steps = self.training._alone()
        self.way = type(self._steps).__name__

    def advance(self, count: int) -> None:
        """So many steps."""
        self._steps.advance(count)


def steps_a_second(advance: Callable[[int], None], seconds: float, device: str) -> float:
    """Over about so many seconds."""
    clock = time.perf_counter if device.startswith("cuda") else time.thread_time
    count, took = 1, 0.0
    while took < 0.6 * seconds:
        began = clock()
        advance(count)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        took = clock() - began
        rate = count / max(took, 1e-6)
        count = max(count + 1, min(8 * count, int(rate * seconds)))
    return rate


def measure(config: E2eConfig, data: DeviceSet, seconds: float, repetitions: int, compile: bool) -> dict[str, object]:
    """Both loops by turns; what is captured keeps the precision that it is captured in."""
    with flushed_denormals(), products(config.precision):
        began = time.perf_counter()
        loops: dict[str, Plain | Ours] = {"plain": Plain(config, data), "ours": (ours := Ours(config, data))}
        ready = time.perf_counter() - began
        if compile:
            began = time.perf_counter()
            loops["compiled"] = Ours(config, data, compile=True)
            loops["compiled"].advance(1)
            compiling = time.perf_counter() - began
        speeds: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(repetitions):
            for name, loop in loops.items():
                loop.advance(1)
                speeds[name].append(steps_a_second(loop.advance, seconds, data.device))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    return {
        "device": torch.cuda.get_device_name() if data.device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
        "backbone": config.backbone,
        "batch": config.batch,
        "precision": config.precision,
        "way": ours.way,
        "ready_s": ready,
        **{f"{name}_steps_s": value for name, value in median.items()},
        "images_s": median["ours"] * config.batch,
        "ratio": median["ours"] / median["plain"],
        **({"compile_s": compiling, "compiled_over_ours": median["compiled"] / median["ours"]} if compile else {}),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure backbones, batches and precisions, a JSON record each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--dataset", help="an .npz file or folder; random images by default")
    parser.add_argument("--samples", type=int, default=8000, help="of random images")
    parser.add_argument("--backbone", action="append", choices=BACKBONES, help="only these")
    parser.add_argument("--batch", type=int, action="append", help="128 by default")
    parser.add_argument("--precision", action="append", choices=tuple(Precision), help="float32 by default")
    parser.add_argument("--seconds", type=float, default=2.0, help="a timing, about")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="torch.compile inside of the step too")
    options = parser.parse_args(arguments)
    device = choose_device(options.device)
    images = load_images(options.dataset, Path(), False) if options.dataset else random_images(options.samples)
    data = DeviceSet(images, device)
    with threads(1):
        for backbone in options.backbone or BACKBONES:
            for batch in options.batch or [128]:
                for precision in options.precision or ["float32"]:
                    config = config_of(images, backbone, batch, precision)
                    record = measure(config, data, options.seconds, options.repetitions, options.compile)
                    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
