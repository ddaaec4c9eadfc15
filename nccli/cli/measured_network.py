"""A network of the user's own with each of its checkpoints, each measured as a run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nccli.catalogue.options import Split
from nccli.cli.measuring import Source, Subject
from nccli.cli.network_remarks import network_remarks
from nccli.cli.notes import note
from nccli.measure.checkpoints import Checkpoint

if TYPE_CHECKING:
    from torch import nn

    from nccli.cli.measured_data import Data, Part
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
    most_bytes: int
    verbose: bool

    def sources(
        self,
        checkpoints: Sequence[Checkpoint],
        data: "Data",
        place: Callable[[Checkpoint | None], dict[str, Any]],
        outside: "Data | None" = None,
    ) -> list[Source]:
        """The network with each of the weights, over data that are brought to the device once.

        Args:
            checkpoints: files of the weights; none for the network as it is made.
            data: to measure on.
            place: of each in a series.
            outside: an out-of-distribution set, whose training part is looked at.

        Raises:
            InputError: a factory that makes no network, or data without the part that is asked for.
        """
        import torch

        from nccli.measure.libraries import make_network
        from nccli.measure.state_file import load_weights
        from nccli.training.device import choose_device

        torch.manual_seed(0)  # a network without weights is the same one each time
        network = make_network(self.model, data.shape, data.K)
        device = choose_device(self.device)
        parts = data.parts(self.splits, device)
        beyond = None if outside is None else Beyond(outside, device)
        said: set[str] = set()

        def source(checkpoint: Checkpoint | None) -> list[Subject]:
            if checkpoint is None:
                note("no --weights: the network is measured as the factory makes it", self.quiet)
            else:
                remarks = "; ".join(load_weights(network, checkpoint.path))
                if remarks and remarks not in said:
                    said.add(remarks)
                    note(f"{checkpoint.path.name}: {remarks}", self.quiet)
            network.to(device)
            told = _Told(network, data, place(checkpoint), said, device, beyond)
            return [self._subject(told, split, parts[split]) for split in self.splits]

        wanted: Sequence[Checkpoint | None] = checkpoints or [None]
        return [partial(source, each) for each in wanted]

    def _subject(self, told: "_Told", split: str, part: "Part") -> Subject:
        from nccli.measure.probe import MOST_BYTES
        from nccli.sweep import content_fingerprint

        state = [tensor.detach().double().cpu().numpy() for tensor in told.network.state_dict().values()]
        config = {
            "source": self.model,
            "state": content_fingerprint(*state),
            "data": told.data.fingerprint,
            "pool": self.pool,
            "pixels": self.pixels,
        }
        config |= {"split": split} if split != Split.TRAIN else {}  # ids of runs from before there were parts
        config |= {} if self.most_bytes == MOST_BYTES else {"memory": f"{self.most_bytes}"}
        config |= {} if told.beyond is None else {"ood": told.beyond.fingerprint}
        config |= {} if self.layers is None else {"modules": self.layers}
        file = told.place["file"] or self.model
        words = file if len(self.splits) == 1 else f"{file} ({split})"
        return Subject("network", config, partial(self._measured, told, split, part, config, words), words, told.place)

    def _measured(self, told: "_Told", split: str, part: "Part", config: dict[str, str], words: str) -> "FinishedRun":
        import torch

        from nccli.measure.own_network import measure_network
        from nccli.sweep import measured_run

        began = time.perf_counter()
        wanted = (part.samples, part.K, self.layers, self.pool, self.pixels)
        samples = None if told.beyond is None else told.beyond.samples
        found = measure_network(told.network, *wanted, self.most_bytes, part.outputs, samples)
        names = [layer.name or "" for layer in found.layers]
        remarks = network_remarks(found, part.K, self.most_bytes, self.verbose)
        if repr(remarks) not in told.said:
            told.said.add(repr(remarks))
            for remark in remarks:
                note(f"{words}: {remark}", self.quiet)
        whole = {**config, "layers": ",".join(names)}
        columns: dict[str, Any] = {
            "dataset": told.data.name,
            "backbone": self.model,
            "split": split,
            "device": told.device,
        }
        columns[f"{split}_accuracy"] = found.accuracy
        seconds, n = time.perf_counter() - began, part.n
        return measured_run("network", found.layers, n, whole, seconds, torch_version=torch.__version__, **columns)


class Beyond:
    """An out-of-distribution set on a device.

    Attributes:
        fingerprint: names its content.
        samples: of its training part.
    """

    def __init__(self, data: "Data", device: str) -> None:
        """Bring it there."""
        self.fingerprint = data.fingerprint
        self.samples = data.parts([Split.TRAIN.value], device)[Split.TRAIN.value].samples


@dataclass(frozen=True, eq=False)
class _Told:
    """A network with its weights, its data, its place in a series, and what the user was told of its layers."""

    network: "nn.Module"
    data: "Data"
    place: dict[str, Any]
    said: set[str]
    device: str
    beyond: "Beyond | None"
