"""Images a second of train-e2e against an ordinary DataLoader loop in the same run, and what a measurement costs.

Small backbones are also timed side by side, eight runs as one program, against the same runs one by one.

The ordinary loop is the one of tutorials: torchvision's MNIST with ToTensor and Normalize, a shuffling DataLoader with
as many workers and threads as suit it best, autograd of the whole loss, torch.optim.SGD. Both train the same network on
the same device.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.evaluation import evaluate
from nccli.e2e.images import ImageSet
from nccli.e2e.load import load_images
from nccli.e2e.network import build_network
from nccli.e2e.precision import products
from nccli.e2e.regularizer import make_regularizer
from nccli.e2e.together import SMALL, steps_together, threads_together
from nccli.e2e.train import Training
from nccli.objective import SquaredError
from nccli.training.device import choose_device
from nccli.training.threads import threads

BACKBONES = ("mlp", "small-cnn", "resnet20")
BATCH = 128
TOGETHER = 8
WAYS = tuple(product((0, 2), sorted({1, torch.get_num_threads()})))
"""Workers and threads of the ordinary loop."""


def fake_mnist(folder: Path, samples: int) -> None:
    """Random images in MNIST's own files, so that both read the same."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", samples), ("t10k", 10)):
        labels = np.tile(np.arange(10), count // 10)
        for name, array in (("images-idx3", rng.integers(0, 255, (count, 28, 28))), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            (raw / f"{part}-{name}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())


def config_of(images: ImageSet, backbone: str) -> E2eConfig:
    """A run that does not end while it is timed."""
    about = {"dataset": "mnist", "data": "", "samples": len(images.train), "K": 10, "n": images.n}
    return E2eConfig(
        **about,  # type: ignore[arg-type]  # a dictionary of several types
        backbone=backbone,
        L=4,
        width=64,
        reg="dufm",
        wd_h1=1e-5,
        wd_layers=(5e-3,) * 4,
        lr=0.01,
        steps=10**9,
        batch_size=BATCH,
        seed=0,
    )


class Ordinary:
    """The loop that one writes."""

    def __init__(self, config: E2eConfig, folder: Path, device: str, workers: int) -> None:
        """Ready to step."""
        change = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.3,))])
        found = datasets.MNIST(str(folder), train=True, transform=change)
        self._loader = DataLoader(found, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
        self._network = build_network(config, (1, 28, 28)).to(device)
        self._optimizer = torch.optim.SGD(self._network.parameters(), lr=config.lr, momentum=config.momentum)
        self._config, self._device = config, device
        self._batches = self._forever()

    def _forever(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from self._loader

    def step(self) -> int:
        """One step; how many images it took."""
        images, labels = (t.to(self._device) for t in next(self._batches))
        config = self._config
        features, output = self._network(images)
        target = torch.nn.functional.one_hot(labels, 10).float()
        loss = ((output - target) ** 2).sum() / (2 * len(images))
        loss = loss + config.samples / len(images) * config.wd_h1 / 2 * (features**2).sum()
        for weight, decay in zip(self._network.head.weights, config.wd_layers, strict=True):
            loss = loss + decay / 2 * (weight**2).sum()
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        loss.item()  # as one does, for the progress bar
        return len(images)


class Ours:
    """The loop of train-e2e, measurements left out."""

    def __init__(self, config: E2eConfig, images: ImageSet, device: str) -> None:
        """Ready to step."""
        self.training = Training(config, DeviceSet(images, device))
        self.training.network.train()

    def step(self) -> int:
        """One step."""
        steps = self.training.advance()
        self.training.step += steps
        return steps * BATCH


class OursTogether:
    """Several runs of train-e2e side by side."""

    def __init__(self, config: E2eConfig, images: ImageSet, device: str) -> None:
        """Ready to step."""
        data = DeviceSet(images, device)
        self._runs = [Training(replace(config, seed=seed), data) for seed in range(TOGETHER)]
        self.threads = threads_together(self._runs, data)
        for run in self._runs:
            run.network.train()
        self._all = steps_together(self._runs, data)

    def step(self) -> int:
        """One step of all."""
        self._all.advance(1)
        return BATCH * TOGETHER


def images_a_second(loop: Ordinary | Ours | OursTogether, seconds: float, device: str) -> float:
    """Over at least so many seconds."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        done += loop.step()
    if device == "cuda":
        torch.cuda.synchronize()
    return done / (time.perf_counter() - began)


def measure(
    backbone: str, images: ImageSet, folder: Path, device: str, seconds: float, repetitions: int
) -> dict[str, object]:
    """Time both loops by turns, and a measurement of the whole set."""
    config = config_of(images, backbone)
    ordinary = {way: Ordinary(config, folder, device, way[0]) for way in WAYS}
    ours = Ours(config, images, device)
    together = OursTogether(config, images, device) if backbone in SMALL else None
    count = ours.training.threads
    speeds: dict[tuple[int, int] | str, list[float]] = {"ours": [], **{way: [] for way in WAYS}}
    speeds |= {} if together is None else {"together": []}
    passes: list[float] = []
    for _ in range(repetitions):
        for way, loop in ordinary.items():
            with threads(way[1]):
                loop.step()  # the first one starts workers
                speeds[way].append(images_a_second(loop, seconds, device))
        with threads(count):
            ours.step()
            speeds["ours"].append(images_a_second(ours, seconds, device))
            began = time.perf_counter()
            evaluate(ours.training.network, ours.training._data.train, SquaredError(), make_regularizer(config))
            passes.append(len(images.train) / (time.perf_counter() - began))
        if together is not None:
            with threads(together.threads):
                together.step()
                speeds["together"].append(images_a_second(together, seconds, device))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    best = max(WAYS, key=lambda way: median[way])
    reference = median[best]
    return {
        "backbone": backbone,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "ordinary_images_s": reference,
        "ordinary_by_workers_and_threads": {f"{w},{t}": median[w, t] for w, t in WAYS},
        "ratio_in_process": median["ours"] / max(median[way] for way in WAYS if way[0] == 0),
        "ordinary_workers": best[0],
        "ordinary_threads": best[1],
        "images_s": median["ours"],
        "ratio": median["ours"] / reference,
        f"together_{TOGETHER}_over_one_by_one": median["together"] / median["ours"] if together else None,
        "measurement_images_s": statistics.median(passes),
        "measurement_epochs": median["ours"] / statistics.median(passes),
        "threads": count,
        "torch": torch.__version__,
    }


def main() -> None:
    """Measure the backbones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="a JSON record a backbone")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--seconds", type=float, default=3.0, help="a timing, at least")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--backbone", action="append", choices=BACKBONES, help="only these")
    options = parser.parse_args()
    device = choose_device(options.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake_mnist(folder, options.samples)
        images = load_images("mnist", folder, download=False)
        if not options.json:
            print("backbone    ordinary (workers)     ours  ratio   a measurement, in epochs of training")
        for backbone in options.backbone or BACKBONES:
            with products("float32"):
                record = measure(backbone, images, folder, device, options.seconds, options.repetitions)
            if options.json:
                print(json.dumps(record), flush=True)
            else:
                print(
                    f"{backbone:10} {record['ordinary_images_s']:9.0f} {record['ordinary_workers']:9} "
                    f"{record['images_s']:8.0f} {record['ratio']:6.2f} {record['measurement_epochs']:8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
