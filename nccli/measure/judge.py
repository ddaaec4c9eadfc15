"""What a network says of samples, against their labels and against the nearest class mean."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from nccli.measure.batches import Batches
from nccli.measure.features import IGNORED, Labels, first_of, rows_of
from nccli.measure.nearest_mean import nearest_mean
from nccli.measure.outputs import logits_in
from nccli.metrics import ClassStatistics


class Judge:
    """Compares what the network says with labels, and with the nearest class mean (NC4)."""

    def __init__(
        self,
        model: nn.Module,
        reader: nn.Module | None,
        pool: str,
        outputs: int,
        index: Int[np.ndarray, " K"] | None,
        keep: bool,
    ) -> None:
        """Nothing seen so far.

        Args:
            model: the network.
            reader: its classifier, if it has one.
            pool: as `LayerProbe` takes it.
            outputs: the size of its logits.
            index: the output of each class; None where the outputs are the classes.
            keep: whether what the classifier reads is kept, for the second look of NC4.
        """
        self._model, self._reader, self._pool, self._outputs, self._keep = model, reader, pool, outputs, keep
        self._index = None if index is None else torch.from_numpy(index)
        self._read: list[Any] = []
        self._kept: list[tuple[Tensor, Tensor]] = []
        self._handle: Any = None
        self._right = self._total = 0

    def __enter__(self) -> "Judge":
        """Watch what the classifier reads."""
        if self._reader is not None:
            self._handle = self._reader.register_forward_pre_hook(lambda _, given: self._read.append(first_of(given)))
        return self

    def __exit__(self, *_: object) -> None:
        """No more."""
        if self._handle is not None:
            self._handle.remove()

    @torch.no_grad()
    def see(self, inputs: Tensor, labels: Labels) -> None:
        """Let the network say what it says of a batch."""
        predicted, features = self._pass(inputs, labels)
        known = labels.flatten() != IGNORED
        self._right += int((predicted == self._as_outputs(labels.flatten()[known])).sum())
        self._total += int(known.sum())
        if self._keep and features is not None:
            self._kept.append((features.clone(), predicted))  # a part of an output would keep the whole of it

    @property
    def accuracy(self) -> float:
        """Share of labels that the network says."""
        return self._right / self._total if self._total else float("nan")

    @torch.no_grad()
    def disagreement(self, statistics: ClassStatistics, source: Batches) -> float:
        """NC4 by the class means of what the classifier reads, of what was kept, or in a second pass."""
        means, present = torch.from_numpy(statistics.means), statistics.classes
        unlike = total = 0
        with self:
            for features, predicted in self._kept if self._keep else self._again(source):
                nearest = nearest_mean(features, means.to(features.device))
                if present is not None:
                    nearest = torch.from_numpy(present).to(nearest.device)[nearest]
                unlike += int((self._as_outputs(nearest) != predicted).sum())
                total += len(predicted)
        return unlike / total

    def _again(self, source: Batches) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, labels in source:
            predicted, features = self._pass(inputs, labels)
            assert features is not None
            yield features, predicted

    def _pass(self, inputs: Tensor, labels: Labels) -> tuple[Int[Tensor, " R"], Float[Tensor, "R d"] | None]:
        """What the network says of samples or tokens with a class, and what its classifier reads of them."""
        self._read.clear()
        logits = logits_in(self._model(inputs), lambda size: size == self._outputs)
        assert logits is not None
        known = (labels.flatten() != IGNORED).to(logits.device)
        predicted = logits.flatten(0, -2).argmax(dim=1)[known]
        if not self._read:
            return predicted, None
        features, _ = rows_of(self._read[-1], labels.shape, self._pool)
        return predicted, features if bool(known.all()) else features[known]

    def _as_outputs(self, classes: Int[Tensor, " R"]) -> Int[Tensor, " R"]:
        return classes if self._index is None else self._index.to(classes.device)[classes]
