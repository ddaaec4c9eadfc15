"""A network of the user's own with each of its checkpoints, each measured as a run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nccli.catalogue.options import Split
from nccli.cli.measuring import Source, Subject, say_what
from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.measure.checkpoints import Checkpoint

if TYPE_CHECKING:
    from torch import nn

    from nccli.e2e.device_images import DeviceImages
    from nccli.e2e.images import ImageSet
    from nccli.store import FinishedRun


@dataclass(frozen=True)
class OwnNetwork:
    """A network of the user's own, and how it is to be measured."""

    model: str
    layers: str | None
    pool: str
    pixels: str
    splits: Sequence[str]
    device: str
    quiet: bool

    def sources(
        self,
        checkpoints: Sequence[Checkpoint],
        images: "ImageSet",
        place: Callable[[Checkpoint | None], dict[str, Any]],
    ) -> list[Source]:
        """The network with each of the weights, over data that are brought to the device once.

        Raises:
            InputError: a factory that makes no network, or data without the part that is asked for.
        """
        import torch

        from nccli.e2e.device_images import DeviceImages
        from nccli.measure.factory import call_factory
        from nccli.measure.own_network import load_weights
        from nccli.training.device import choose_device

        if Split.TEST in self.splits and images.test is None:
            raise InputError(f"--split test: {images.name} has no test set")
        torch.manual_seed(0)  # a network without weights is the same one each time
        network = call_factory(self.model, shape=images.train.images.shape[1:], K=images.K)
        device = choose_device(self.device)
        train = DeviceImages(images.train, device)
        data = {Split.TRAIN.value: train}
        if images.test is not None and Split.TEST in self.splits:
            data[Split.TEST.value] = DeviceImages(images.test, device, train.scale)
        said: set[str] = set()

        def source(checkpoint: Checkpoint | None) -> list[Subject]:
            if checkpoint is None:
                note("no --weights: the network is measured as the factory makes it", self.quiet)
            else:
                load_weights(network, checkpoint.path)
            network.to(device)
            told = _Told(network, images, place(checkpoint), said)
            return [self._subject(told, split, data[split]) for split in self.splits]

        wanted: Sequence[Checkpoint | None] = checkpoints or [None]
        return [partial(source, each) for each in wanted]

    def _subject(self, told: "_Told", split: str, data: "DeviceImages") -> Subject:
        from nccli.sweep import content_fingerprint

        state = [tensor.detach().double().cpu().numpy() for tensor in told.network.state_dict().values()]
        config = {
            "source": self.model,
            "state": content_fingerprint(*state),
            "data": told.images.fingerprint,
            "pool": self.pool,
            "pixels": self.pixels,
        }
        config |= {"split": split} if split != Split.TRAIN else {}  # ids of runs from before there were parts
        config |= {} if self.layers is None else {"modules": self.layers}
        file = told.place["file"] or self.model
        words = file if len(self.splits) == 1 else f"{file} ({split})"
        return Subject("network", config, partial(self._measured, told, split, data, config, words), words, told.place)

    def _measured(
        self, told: "_Told", split: str, data: "DeviceImages", config: dict[str, str], words: str
    ) -> "FinishedRun":
        import torch

        from nccli.measure.own_network import measure_network
        from nccli.sweep import measured_run

        began = time.perf_counter()
        found = measure_network(told.network, data, told.images.K, self.layers, self.pool, self.pixels)
        names = [layer.name or "" for layer in found.layers]
        if repr((names, found.skipped)) not in told.said:
            told.said.add(repr((names, found.skipped)))
            say_what(words, names, found.skipped, self.quiet)
        whole = {**config, "layers": ",".join(names)}
        columns: dict[str, Any] = {
            "dataset": told.images.name,
            "backbone": self.model,
            "split": split,
            "device": data.device,
        }
        columns[f"{split}_accuracy"] = found.accuracy
        seconds, n = time.perf_counter() - began, len(data) // told.images.K
        return measured_run("network", found.layers, n, whole, seconds, torch_version=torch.__version__, **columns)


@dataclass(frozen=True, eq=False)
class _Told:
    """A network with its weights, its data, its place in a series, and what the user was told of its layers."""

    network: "nn.Module"
    images: "ImageSet"
    place: dict[str, Any]
    said: set[str]
